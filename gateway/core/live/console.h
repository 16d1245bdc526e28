/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "gateway/core/http/request.h"

/*
 * Guests' consoles: each reader is a stream of its own on the link. Output that a client has not
 * acknowledged counts against Skerry's credit, so that further bytes stay in Skerry's ring.
 */
/* handles Skerry's line about a console's stream: output, credit or the end */
void console_line(json_t *line);
void console_data(struct request *request, bool text, const char *bytes, size_t count);
void console_link_lost(void);

/*
 * Handlers of the routes: the end of a console's output, its WebSocket, and a ticket for the
 * WebSocket.
 */
void console_show(struct request *request);
void console_make_ticket(struct request *request);
