/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/cli/http.h"

#define WEBSOCKET_LIMIT 65536 /* the most bytes of a message of the server's */

enum websocket_kind { WEBSOCKET_TEXT = 1, WEBSOCKET_BINARY = 2, WEBSOCKET_CLOSED = 8 };

/* A client's WebSocket (RFC 6455), over a connection that http_begin can use. */
struct websocket {
	struct http *http;
	unsigned char data[WEBSOCKET_LIMIT + 1];
	size_t size; /* the bytes of the message that was read last; a NUL follows them */
	enum websocket_kind kind;
	unsigned int close_code;
};

/*
 * Opens a WebSocket. Returns 101 if it is open; else the answer's status, or 0 with http->net.error
 * set. `protocols` is sent as it is.
 */
int websocket_open(struct websocket *socket, struct http *http, const char *path,
		   const char *protocols, struct http_answer *answer);

bool websocket_send(struct websocket *socket, enum websocket_kind kind, const void *data,
		    size_t size);

/*
 * Ends the open WebSocket, if there is one: sends a close and waits, for a few seconds at most,
 * until the server has answered it (section 7.1.2). The server has then released what the WebSocket
 * occupied, such as the right to type at a console, so that the user's next command finds it free.
 * The program calls it before it ends.
 */
void websocket_leave(void);

/* Reads the server's next message. Returns 1, or a net_result. Answers pings by itself. */
int websocket_read(struct websocket *socket, int timeout_ms);
