/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "gateway/core/http/request.h"

/*
 * Guests' consoles: each reader is a stream of its own on the link. What a client has not
 * acknowledged counts against Skerry's credit, so that further bytes stay in Skerry's ring.
 */
void console_line(json_t *line); /* output, credit or the end of a stream */
void console_data(struct request *request, bool text, const char *bytes, size_t count);
void console_link_lost(void);

/*
 * Handlers of the routes: the end of a console's output, its WebSocket, and a ticket for the
 * WebSocket.
 */
void console_show(struct request *request);
void console_make_ticket(struct request *request);
