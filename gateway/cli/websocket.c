/* SPDX-License-Identifier: MIT */
/*
 * WebSockets as a client speaks them (RFC 6455). The console's command calls it; it uses the
 * connection that the HTTP client has opened.
 */
#include "gateway/cli/websocket.h"

#include <gnutls/crypto.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/clock.h"
#include "gateway/base/string.h"

#define REST_MS	 30000 /* the time limit for the rest of a frame that has begun */
#define LEAVE_MS 3000  /* the time limit for the server's answer to a close */

enum { OP_MORE = 0, OP_TEXT = 1, OP_BINARY = 2, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10 };

/* The open WebSocket; NULL: none is open. */
static struct websocket *websocket_at_exit;
/* The time in ms at which websocket_leave stops waiting; 0: it was not called yet. */
static int64_t websocket_leave_ms;

/*
 * Reads bytes as http_raw does. After websocket_leave was called, all reads together end at
 * websocket_leave_ms. If the connection ends or breaks, the WebSocket is no longer open.
 */
static int websocket_raw(struct websocket *socket, void *bytes, size_t size, int timeout_ms)
{
	int64_t left_ms = websocket_leave_ms - clock_ms();
	int got;

	if (websocket_leave_ms != 0 && left_ms <= 0)
		return NET_TIMEOUT;
	if (websocket_leave_ms != 0 && left_ms < timeout_ms)
		timeout_ms = (int)left_ms;
	got = http_raw(socket->http, bytes, size, timeout_ms);
	if (got == NET_END || got == NET_ERROR)
		websocket_at_exit = NULL;
	return got;
}

static bool websocket_base64(const unsigned char *bytes, unsigned int size, char *text, size_t room)
{
	gnutls_datum_t from = {.data = (unsigned char *)bytes, .size = size};
	gnutls_datum_t to = {0};
	bool fits;

	if (gnutls_base64_encode2(&from, &to) < 0)
		return false;
	fits = to.size < room;
	if (fits) {
		memcpy(text, to.data, to.size);
		text[to.size] = 0;
	}
	gnutls_free(to.data);
	return fits;
}

/* Returns whether `accept` is the right answer to `key` (RFC 6455, 4.1). */
static bool websocket_accepted(const char *key, const char *accept)
{
	char joined[80];
	unsigned char hash[20];
	char wanted[40];

	snprintf(joined, sizeof(joined), "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
	return gnutls_hash_fast(GNUTLS_DIG_SHA1, joined, strlen(joined), hash) == 0 &&
	       websocket_base64(hash, sizeof(hash), wanted, sizeof(wanted)) &&
	       strcmp(wanted, accept) == 0;
}

static bool websocket_send_frame(struct websocket *socket, int op, const void *data, size_t size)
{
	unsigned char *frame = malloc(size + 14);
	unsigned char mask[4];
	size_t at = 2;
	bool sent;

	if (frame == NULL || gnutls_rnd(GNUTLS_RND_NONCE, mask, sizeof(mask)) < 0) {
		free(frame);
		return false;
	}
	frame[0] = (unsigned char)(0x80 | op);
	if (size < 126) {
		frame[1] = (unsigned char)(0x80 | size);
	} else if (size < 65536) {
		frame[1] = 0x80 | 126;
		frame[2] = (unsigned char)(size >> 8);
		frame[3] = (unsigned char)size;
		at = 4;
	} else {
		free(frame);
		return false;
	}
	memcpy(frame + at, mask, 4);
	at += 4;
	for (size_t i = 0; i < size; i++)
		frame[at + i] = ((const unsigned char *)data)[i] ^ mask[i & 3];
	sent = net_write(&socket->http->net, frame, at + size);
	if (!sent)
		websocket_at_exit = NULL;
	free(frame);
	return sent;
}

bool websocket_send(struct websocket *socket, enum websocket_kind kind, const void *data,
		    size_t size)
{
	return websocket_send_frame(socket, (int)kind, data, size);
}

static int websocket_read_all(struct websocket *socket, void *bytes, size_t size)
{
	char *at = bytes;

	while (size > 0) {
		int got = websocket_raw(socket, at, size, REST_MS);

		if (got <= 0)
			return NET_ERROR;
		at += got;
		size -= (size_t)got;
	}
	return 1;
}

/* Ends the WebSocket without a close frame, which a server that breaks the rules may not answer. */
static int websocket_broken(struct websocket *socket, const char *why)
{
	websocket_at_exit = NULL;
	snprintf(socket->http->net.error, sizeof(socket->http->net.error), "WebSocket: %s", why);
	return NET_ERROR;
}

/* Reads a frame's length, behind its first byte. Returns 1, or NET_ERROR. */
static int websocket_read_length(struct websocket *socket, unsigned int *length)
{
	unsigned char bytes[8];

	if (websocket_read_all(socket, bytes, 1) != 1)
		return websocket_broken(socket, "a frame ends early");
	if (bytes[0] & 0x80)
		return websocket_broken(socket, "the server masks its frames");
	*length = bytes[0];
	if (*length == 126) {
		if (websocket_read_all(socket, bytes, 2) != 1)
			return websocket_broken(socket, "a frame ends early");
		*length = (unsigned int)bytes[0] << 8 | bytes[1];
	} else if (*length == 127) {
		if (websocket_read_all(socket, bytes, 8) != 1)
			return websocket_broken(socket, "a frame ends early");
		for (int i = 0; i < 4; i++) {
			if (bytes[i] != 0)
				return websocket_broken(socket, "a frame is too long");
		}
		*length = (unsigned int)bytes[4] << 24 | (unsigned int)bytes[5] << 16 |
			  (unsigned int)bytes[6] << 8 | bytes[7];
	}
	return 1;
}

/*
 * Answers a control frame, unless websocket_leave() has sent a close, after which no frame may
 * follow (5.5.1). Returns false if the answer could not be sent.
 */
static bool websocket_answer(struct websocket *socket, int op, const void *data, size_t size)
{
	return websocket_leave_ms != 0 || websocket_send_frame(socket, op, data, size);
}

/*
 * Handles a control frame (5.5). Returns 0 when the frame is handled, 1 when the server closes, or
 * NET_ERROR.
 */
static int websocket_take_control(struct websocket *socket, int op, unsigned int length)
{
	unsigned char data[125];

	if (length > sizeof(data) || (length > 0 && websocket_read_all(socket, data, length) != 1))
		return websocket_broken(socket, "a control frame is too long or ends early");
	if (op == OP_PING)
		return websocket_answer(socket, OP_PONG, data, length) ? 0 : NET_ERROR;
	if (op != OP_CLOSE)
		return op == OP_PONG ? 0 : websocket_broken(socket, "a frame of an unknown kind");
	socket->close_code = length >= 2 ? (unsigned int)data[0] << 8 | data[1] : 1005;
	(void)websocket_answer(socket, OP_CLOSE, data, length >= 2 ? 2 : 0);
	socket->kind = WEBSOCKET_CLOSED;
	return 1;
}

int websocket_read(struct websocket *socket, int timeout_ms)
{
	bool begun = false;

	socket->size = 0;
	for (;;) {
		unsigned char first;
		unsigned int length;
		int got = websocket_raw(socket, &first, 1, begun ? REST_MS : timeout_ms);
		int op = first & 15;

		if (got <= 0)
			return got;
		if ((first & 0x70) != 0)
			return websocket_broken(socket, "a frame has bits that were not agreed on");
		if (websocket_read_length(socket, &length) != 1)
			return NET_ERROR;
		if (op >= OP_CLOSE) {
			int settled =
				(first & 0x80)
					? websocket_take_control(socket, op, length)
					: websocket_broken(socket, "a control frame in pieces");

			if (settled != 0)
				return settled;
			if (!begun)
				return NET_TIMEOUT;
			continue;
		}
		if (op > OP_BINARY || begun != (op == OP_MORE))
			return websocket_broken(socket, "a frame where it does not belong");
		if (length > WEBSOCKET_LIMIT - socket->size)
			return websocket_broken(socket, "a message is too long");
		if (length > 0 &&
		    websocket_read_all(socket, socket->data + socket->size, length) != 1)
			return websocket_broken(socket, "a frame ends early");
		if (!begun)
			socket->kind = op == OP_TEXT ? WEBSOCKET_TEXT : WEBSOCKET_BINARY;
		begun = true;
		socket->size += length;
		if (first & 0x80) {
			socket->data[socket->size] = 0;
			return 1;
		}
	}
}

void websocket_leave(void)
{
	static const unsigned char normal[2] = {1000 >> 8, 1000 & 255}; /* 7.4.1 */
	struct websocket *socket = websocket_at_exit;
	struct pollfd takes = {.events = POLLOUT};
	int got;

	websocket_at_exit = NULL;
	if (socket == NULL || socket->http->net.fd < 0 || socket->kind == WEBSOCKET_CLOSED)
		return;
	takes.fd = socket->http->net.fd;
	if (poll(&takes, 1, LEAVE_MS) != 1 ||
	    !websocket_send_frame(socket, OP_CLOSE, normal, sizeof(normal)))
		return;
	websocket_leave_ms = clock_ms() + LEAVE_MS;
	do {
		got = websocket_read(socket, LEAVE_MS);
	} while (got != NET_END && got != NET_ERROR && socket->kind != WEBSOCKET_CLOSED &&
		 clock_ms() < websocket_leave_ms);
}

int websocket_open(struct websocket *socket, struct http *http, const char *path,
		   const char *protocols, struct http_answer *answer)
{
	unsigned char nonce[16];
	char headers[1024];
	char key[32];

	socket->http = http;
	http->net.error[0] = 0;
	if (gnutls_rnd(GNUTLS_RND_NONCE, nonce, sizeof(nonce)) < 0 ||
	    !websocket_base64(nonce, sizeof(nonce), key, sizeof(key)))
		return 0;
	snprintf(headers, sizeof(headers),
		 "Upgrade: websocket\r\nConnection: Upgrade\r\n"
		 "Origin: %s\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n"
		 "Sec-WebSocket-Protocol: %s\r\n",
		 http->origin, key, protocols);
	if (!http_begin(http, "GET", path, headers, NULL, answer))
		return 0;
	if (answer->status == 101 && !websocket_accepted(key, answer->accept)) {
		string_copy(http->net.error, sizeof(http->net.error),
			    "the answer to the WebSocket's key is wrong");
		return 0;
	}
	if (answer->status == 101) {
		socket->kind = WEBSOCKET_TEXT;
		websocket_at_exit = socket;
	}
	return answer->status;
}
