/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/base/buffer.h"

/*
 * The body of an HTTP message (RFC 9112, 6 and 7). It is taken apart as it comes and framed anew,
 * so that the proxy sends only its own framing: chunk extensions and trailers do not pass.
 */
enum body_kind {
	BODY_NONE,
	BODY_LENGTH,  /* Content-Length */
	BODY_CHUNKED, /* Transfer-Encoding: chunked */
	BODY_CLOSE,   /* answers only: all bytes up to the end of the connection */
};

struct body {
	enum body_kind kind;
	uint64_t left; /* bytes of the body, or of the chunk, that are still to come */
	enum {
		BODY_SIZE,	 /* within the size of a chunk */
		BODY_EXTENSION,	 /* behind a chunk's size, in the same line */
		BODY_SIZE_LF,	 /* the LF behind the size */
		BODY_CONTENT,	 /* within the bytes of a body or a chunk */
		BODY_CONTENT_CR, /* the CR and the LF behind the bytes of a chunk */
		BODY_CONTENT_LF,
		BODY_TRAILER_FIRST, /* at the beginning of a line behind the last chunk */
		BODY_TRAILER,
		BODY_TRAILER_LF,
		BODY_END_LF,
		BODY_ENDED,
		BODY_BAD,
	} state;
	unsigned digits; /* digits of the present chunk's size so far */
	size_t extra;	 /* bytes of extensions and trailers so far */
};

/* Begins a body; `length` matters for BODY_LENGTH alone. */
void body_start(struct body *body, enum body_kind kind, uint64_t length);
/*
 * Takes bytes of a body and copies at most `room` bytes of content to `content`; *count is the
 * number of these. Returns how many of the given bytes it has used. In the state BODY_ENDED no
 * further byte belongs to the body; in BODY_BAD its framing is wrong.
 */
size_t body_take(struct body *body, const char *bytes, size_t length, char *content, size_t room,
		 size_t *count);
/* Notes that the connection has ended. Returns whether that completes the body. */
bool body_eof(struct body *body);
/* Adds the content as one chunk; empty content makes the last chunk. */
void body_chunk(struct buffer *to, const char *content, size_t count);
