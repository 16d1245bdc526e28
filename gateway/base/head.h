/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * The head of an HTTP/1.1 request (RFC 9112, 2.1 to 5), checked as its bytes come in: where it
 * ends, and whether it has a form that servers read differently and libmicrohttpd lets pass: a NUL
 * or another control, a CR or an LF alone (2.2), a folded line (5.2), a name with a blank behind it
 * (5.1).
 */
enum { HEAD_BYTES = 32768 };

struct head {
	enum {
		HEAD_START,	 /* before the request line; empty lines are skipped (2.2) */
		HEAD_LINE,	 /* within the request line */
		HEAD_NAME_FIRST, /* at the beginning of a header line */
		HEAD_NAME,
		HEAD_VALUE,
	} state;
	bool cr;      /* the last byte was a CR */
	size_t count; /* number of bytes of the head so far */
};

enum head_result { HEAD_MORE, HEAD_ENDS, HEAD_BAD };

/*
 * Checks the next bytes of a head. *used is how many of them belong to this head. After the result
 * HEAD_ENDS, `head` is ready for the next request.
 */
enum head_result head_take(struct head *head, const char *bytes, size_t count, size_t *used);
