/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "gateway/core/http/request.h"

/*
 * Connections to programs in guests, by the guests' socket devices: each WebSocket is one stream of
 * the link. No byte is lost: bytes of a guest that the client has not acknowledged count against
 * Skerry's credit, and a client is told how many bytes it may send.
 */
/* handles Skerry's line about a connection's stream: bytes, credit or the end */
void vsock_line(json_t *line);
void vsock_data(struct request *request, bool text, const char *bytes, size_t count);
void vsock_link_lost(void);

/* Handlers of the routes: a WebSocket to the port {id} of a VM's guest, or to its guest agent. */
void vsock_connect(struct request *request);
void vsock_agent(struct request *request);
