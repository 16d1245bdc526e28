/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/base/buffer.h"

/* The server's side of WebSocket, RFC 6455, without extensions. */
enum {
	WS_MESSAGE_BYTES = 16384, /* the longest message that a client may send */
	WS_CONTROL_BYTES = 125,
};

enum ws_opcode {
	WS_CONTINUATION = 0,
	WS_TEXT = 1,
	WS_BINARY = 2,
	WS_CLOSE = 8,
	WS_PING = 9,
	WS_PONG = 10,
};

/* Close codes of WebSockets (RFC 6455, section 7.4.1). */
enum {
	WS_NORMAL = 1000,
	WS_PROTOCOL_ERROR = 1002,
	WS_NOT_TEXT = 1007,
	WS_TOO_BIG = 1009,
};

/* The bytes that a client has sent so far and that ws_read() has not returned yet. */
struct ws_reader {
	struct buffer input;
	struct buffer message; /* pieces of a fragmented message */
	enum ws_opcode opcode; /* the opcode of the fragmented message */
	bool fragmented;
};

struct ws_message {
	enum ws_opcode opcode; /* the message's opcode, never WS_CONTINUATION */
	uint8_t bytes[WS_MESSAGE_BYTES];
	size_t count;
};

/*
 * Takes the next message out of the client's bytes in reader->input. Returns 1: there is one, 0:
 * more bytes are needed, otherwise the close code with which the connection has to end.
 */
int ws_read(struct ws_reader *reader, struct ws_message *message);
void ws_reader_free(struct ws_reader *reader);

/*
 * Adds a frame to `output`: unmasked, as a server has to send it, and the last one of its message.
 */
void ws_write(struct buffer *output, enum ws_opcode opcode, const void *bytes, size_t count);
void ws_write_close(struct buffer *output, unsigned code);

/*
 * Computes Sec-WebSocket-Accept for a key (section 4.2.2); returns false if the text is no key.
 * `text` needs 29 bytes.
 */
bool ws_accept(const char *key, char *text);
