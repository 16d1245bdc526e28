/* SPDX-License-Identifier: MIT */
/*
 * Reads and writes frames of WebSockets (RFC 6455). socket.c calls it with a client's bytes; it
 * keeps its state in its argument.
 */
#include "gateway/web/ws.h"

#include <stdio.h>
#include <string.h>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "gateway/base/bytes.h"

/* The head of a WebSocket frame (RFC 6455, section 5.2). */
struct ws_frame {
	enum ws_opcode opcode;
	bool final;
	size_t head;	 /* length in bytes of the frame's head */
	uint64_t length; /* length in bytes of the frame's payload */
	uint8_t mask[4];
};

enum { WS_FINAL = 0x80, WS_RESERVED = 0x70, WS_MASKED = 0x80, WS_16 = 126, WS_64 = 127 };

/* Reads one frame's head, with the results of ws_read(): 1, 0 or a close code. */
static int ws_frame_read(const uint8_t *bytes, size_t count, struct ws_frame *frame)
{
	size_t extra, length;

	if (count < 2)
		return 0;
	if (bytes[0] & WS_RESERVED || !(bytes[1] & WS_MASKED))
		return WS_PROTOCOL_ERROR;
	frame->final = bytes[0] & WS_FINAL;
	frame->opcode = bytes[0] & 15;
	length = bytes[1] & 127;
	extra = length == WS_16 ? 2 : length == WS_64 ? 8 : 0;
	frame->head = 2 + extra + 4;
	if (frame->opcode >= WS_CLOSE && (!frame->final || length > WS_CONTROL_BYTES))
		return WS_PROTOCOL_ERROR;
	if (count < frame->head)
		return 0;
	frame->length = extra ? 0 : length;
	for (size_t i = 0; i < extra; i++)
		frame->length = frame->length << 8 | bytes[2 + i];
	/* Only the shortest form of a length is valid. */
	if ((extra == 2 && frame->length < WS_16) || (extra == 8 && frame->length <= UINT16_MAX))
		return WS_PROTOCOL_ERROR;
	if (frame->length > WS_MESSAGE_BYTES)
		return WS_TOO_BIG;
	memcpy(frame->mask, bytes + 2 + extra, 4);
	return count - frame->head < frame->length ? 0 : 1;
}

/* Copies the payload of a frame to `to`, unmasked. */
static void ws_unmask(const struct ws_frame *frame, const uint8_t *bytes, uint8_t *to)
{
	for (size_t i = 0; i < frame->length; i++)
		to[i] = bytes[frame->head + i] ^ frame->mask[i & 3];
}

static bool ws_close_valid(const struct ws_message *message)
{
	unsigned code;

	if (message->count == 0)
		return true;
	if (message->count == 1)
		return false;
	code = (unsigned)message->bytes[0] << 8 | message->bytes[1];
	return code >= 1000 && code < 5000 && code != 1004 && code != 1005 && code != 1006 &&
	       (code < 1016 || code >= 3000) && utf8_valid(message->bytes + 2, message->count - 2);
}

static int ws_data(struct ws_reader *reader, const struct ws_frame *frame,
		   struct ws_message *message)
{
	bool continues = frame->opcode == WS_CONTINUATION;

	if (continues != reader->fragmented || frame->opcode > WS_BINARY)
		return WS_PROTOCOL_ERROR;
	if (!continues)
		reader->opcode = frame->opcode;
	if (frame->length > WS_MESSAGE_BYTES - reader->message.count)
		return WS_TOO_BIG;
	buffer_add(&reader->message, message->bytes, (size_t)frame->length);
	reader->fragmented = !frame->final;
	if (!frame->final)
		return 0;
	if (reader->message.failed)
		return WS_TOO_BIG;
	message->opcode = reader->opcode;
	message->count = reader->message.count;
	if (message->count)
		memcpy(message->bytes, reader->message.bytes, message->count);
	reader->message.count = 0;
	if (message->opcode == WS_TEXT && !utf8_valid(message->bytes, message->count))
		return WS_NOT_TEXT;
	return 1;
}

int ws_read(struct ws_reader *reader, struct ws_message *message)
{
	for (;;) {
		const uint8_t *bytes = (const uint8_t *)reader->input.bytes;
		struct ws_frame frame;
		int found = ws_frame_read(bytes, reader->input.count, &frame);

		if (found != 1)
			return found;
		ws_unmask(&frame, bytes, message->bytes);
		buffer_take(&reader->input, frame.head + (size_t)frame.length);
		if (frame.opcode >= WS_CLOSE) {
			message->opcode = frame.opcode;
			message->count = (size_t)frame.length;
			if (frame.opcode > WS_PONG ||
			    (frame.opcode == WS_CLOSE && !ws_close_valid(message)))
				return WS_PROTOCOL_ERROR;
			return 1;
		}
		found = ws_data(reader, &frame, message);
		if (found)
			return found;
	}
}

void ws_reader_free(struct ws_reader *reader)
{
	buffer_free(&reader->input);
	buffer_free(&reader->message);
}

void ws_write(struct buffer *output, enum ws_opcode opcode, const void *bytes, size_t count)
{
	uint8_t head[10] = {(uint8_t)(WS_FINAL | opcode)};
	size_t length = 2;

	if (count < WS_16) {
		head[1] = (uint8_t)count;
	} else if (count <= UINT16_MAX) {
		head[1] = WS_16;
		head[2] = (uint8_t)(count >> 8);
		head[3] = (uint8_t)count;
		length = 4;
	} else {
		head[1] = WS_64;
		for (int i = 0; i < 8; i++)
			head[2 + i] = (uint8_t)((uint64_t)count >> (56 - 8 * i));
		length = 10;
	}
	buffer_add(output, head, length);
	buffer_add(output, bytes, count);
}

void ws_write_close(struct buffer *output, unsigned code)
{
	uint8_t bytes[2] = {(uint8_t)(code >> 8), (uint8_t)code};

	ws_write(output, WS_CLOSE, bytes, 2);
}

bool ws_accept(const char *key, char *text)
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	struct buffer buffer = {0};
	uint8_t bytes[20];
	char joined[64];
	bool done;

	if (strlen(key) != 24 || base64_read(key, 24, bytes, sizeof(bytes)) != 16)
		return false;
	snprintf(joined, sizeof(joined), "%s%s", key, guid);
	if (gnutls_hash_fast(GNUTLS_DIG_SHA1, joined, strlen(joined), bytes) < 0)
		return false;
	base64_add(&buffer, bytes, sizeof(bytes));
	done = !buffer.failed && buffer.count == 28;
	if (done)
		memcpy(text, buffer.bytes, 29);
	buffer_free(&buffer);
	return done;
}
