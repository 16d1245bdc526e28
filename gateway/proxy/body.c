/* SPDX-License-Identifier: MIT */
/*
 * Takes the bodies of requests and answers apart, byte by byte, and makes chunks. An exchange calls
 * it; it keeps its state in its argument.
 */
#include "gateway/proxy/body.h"

#include <string.h>

enum {
	BODY_SIZE_DIGITS = 15,
	BODY_EXTRA_BYTES = 4096,
};

void body_start(struct body *body, enum body_kind kind, uint64_t length)
{
	*body = (struct body){.kind = kind, .state = BODY_CONTENT};
	if (kind == BODY_CHUNKED)
		body->state = BODY_SIZE;
	else if (kind == BODY_LENGTH)
		body->left = length;
	else if (kind == BODY_CLOSE)
		body->left = UINT64_MAX;
	if (kind != BODY_CHUNKED && !body->left)
		body->state = BODY_ENDED;
}

/* Returns the value of a hexadecimal digit, or -1. */
static int body_digit(char byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	byte = (char)(byte | 0x20);
	return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* Takes a byte of the line that gives a chunk's size. */
static void body_size(struct body *body, char byte)
{
	int digit = body_digit(byte);

	if (digit >= 0 && body->digits < BODY_SIZE_DIGITS) {
		body->left = body->left * 16 + (uint64_t)digit;
		body->digits++;
	} else if (digit >= 0 || !body->digits) {
		body->state = BODY_BAD;
	} else if (byte == '\r') {
		body->state = BODY_SIZE_LF;
	} else {
		body->state = byte == ';' ? BODY_EXTENSION : BODY_BAD;
	}
}

/*
 * Counts a byte that is dropped. Too many such bytes, or a control among them, make the body bad.
 */
static void body_drop(struct body *body, char byte)
{
	if (++body->extra > BODY_EXTRA_BYTES || (unsigned char)byte < ' ' || byte == 127)
		body->state = BODY_BAD;
}

/* Takes one byte of the framing. */
static void body_frame(struct body *body, char byte)
{
	switch (body->state) {
	case BODY_SIZE:
		body_size(body, byte);
		break;
	case BODY_EXTENSION:
		if (byte == '\r')
			body->state = BODY_SIZE_LF;
		else
			body_drop(body, byte);
		break;
	case BODY_SIZE_LF:
		body->digits = 0;
		if (byte != '\n')
			body->state = BODY_BAD;
		else
			body->state = body->left ? BODY_CONTENT : BODY_TRAILER_FIRST;
		break;
	case BODY_CONTENT_CR:
		body->state = byte == '\r' ? BODY_CONTENT_LF : BODY_BAD;
		break;
	case BODY_CONTENT_LF:
		body->state = byte == '\n' ? BODY_SIZE : BODY_BAD;
		break;
	case BODY_TRAILER_FIRST:
	case BODY_TRAILER:
		if (byte == '\r') {
			body->state = body->state == BODY_TRAILER ? BODY_TRAILER_LF : BODY_END_LF;
			break;
		}
		body->state = BODY_TRAILER;
		body_drop(body, byte);
		break;
	case BODY_TRAILER_LF:
		body->state = byte == '\n' ? BODY_TRAILER_FIRST : BODY_BAD;
		break;
	case BODY_END_LF:
		body->state = byte == '\n' ? BODY_ENDED : BODY_BAD;
		break;
	default:
		break;
	}
}

size_t body_take(struct body *body, const char *bytes, size_t length, char *content, size_t room,
		 size_t *count)
{
	size_t at = 0;

	*count = 0;
	while (at < length && body->state != BODY_ENDED && body->state != BODY_BAD) {
		size_t piece = length - at;

		if (body->state != BODY_CONTENT) {
			body_frame(body, bytes[at++]);
			continue;
		}
		if (piece > body->left)
			piece = (size_t)body->left;
		if (piece > room - *count)
			piece = room - *count;
		if (!piece)
			break;
		memcpy(content + *count, bytes + at, piece);
		*count += piece;
		at += piece;
		if (body->kind != BODY_CLOSE)
			body->left -= piece;
		if (!body->left)
			body->state = body->kind == BODY_CHUNKED ? BODY_CONTENT_CR : BODY_ENDED;
	}
	return at;
}

bool body_eof(struct body *body)
{
	if (body->kind == BODY_CLOSE && body->state == BODY_CONTENT)
		body->state = BODY_ENDED;
	return body->state == BODY_ENDED;
}

void body_chunk(struct buffer *to, const char *content, size_t count)
{
	buffer_format(to, "%zx\r\n", count);
	buffer_add(to, content, count);
	buffer_text(to, "\r\n");
}
