/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/base/buffer.h"

/*
 * The body of a message of HTTP (RFC 9112, 6 and 7), which is taken apart as it comes and framed
 * anew, so that what is sent has no framing but the proxy's own: no extension of a chunk and no
 * trailer passes.
 */
enum body_kind {
	BODY_NONE,
	BODY_LENGTH,  /* Content-Length */
	BODY_CHUNKED, /* Transfer-Encoding: chunked */
	BODY_CLOSE,   /* all up to the end of the connection: of an answer alone */
};

struct body {
	enum body_kind kind;
	uint64_t left; /* bytes of the body, or of the chunk, that are still to come */
	enum {
		BODY_SIZE,	 /* within the size of a chunk */
		BODY_EXTENSION,	 /* behind the size, in the same line */
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
	unsigned digits; /* of the size of a chunk so far */
	size_t extra;	 /* bytes of extensions and trailers so far */
};

/* Begins a body; `length` matters for BODY_LENGTH alone. */
void body_start(struct body *body, enum body_kind kind, uint64_t length);
/*
 * Takes bytes of the body as they came, up to `room` bytes of content, which are copied to
 * `content`; *count is how many that were. Returns how many of the bytes it has used. When the
 * state is BODY_ENDED, no byte more belongs to the body; when it is BODY_BAD, it is no body.
 */
size_t body_take(struct body *body, const char *bytes, size_t length, char *content, size_t room,
		 size_t *count);
/*
 * Notes that the connection has ended. Returns whether the body is complete by that.
 */
bool body_eof(struct body *body);
/* Adds the content as one chunk; no content is the last chunk. */
void body_chunk(struct buffer *to, const char *content, size_t count);
