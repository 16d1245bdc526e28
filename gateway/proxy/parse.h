/* SPDX-License-Identifier: MIT */
#pragma once

#include <stddef.h>

#include "gateway/proxy/body.h"

/*
 * The heads of requests and answers. head_take() has checked each byte before: lines end with CR
 * LF, and contain no NUL, no other control and no fold. The results point into the head, which the
 * parser changes.
 */
enum { PARSE_FIELDS = 100, PARSE_NAME_BYTES = 254, PARSE_METHOD_BYTES = 16 };

struct parse_field {
	char *name, *value;
};

struct parse_head {
	char *line; /* the first line */
	size_t count;
	struct parse_field fields[PARSE_FIELDS];
};

struct parse_request {
	char method[PARSE_METHOD_BYTES];
	char host[PARSE_NAME_BYTES]; /* the host in small letters */
	unsigned port;		     /* 0: the URL has none */
	const char *target;	     /* path and query; of CONNECT: NULL */
	size_t path;		     /* length of the path in `target` */
	enum body_kind kind;
	uint64_t length;
	bool tunnel;  /* the method is CONNECT */
	bool close;   /* the client sends no further request */
	bool expects; /* the client waits for 100 (Continue) before it sends the body */
};

struct parse_answer {
	unsigned status;
	enum body_kind kind;
	uint64_t length;
	bool has_length; /* the answer has a Content-Length, which is passed on */
};

/*
 * Each of these returns NULL, or a sentence that says what is wrong and what would be right.
 *
 * parse_head() takes a head apart that is `count` bytes long and ends with an empty line.
 * parse_request() reads a request to a proxy; parse_answer() the answer to a request with that
 * method.
 */
const char *parse_head(struct parse_head *head, char *bytes, size_t count);
const char *parse_request(struct parse_request *request, const struct parse_head *head);
const char *parse_answer(struct parse_answer *answer, const struct parse_head *head,
			 const char *method);

/* Returns whether the header is for one connection only, and is not passed on (RFC 9110, 7.6.1). */
bool parse_is_hop(const struct parse_head *head, const char *name);
/* Returns whether the text is a token (RFC 9110, 5.6.2). */
bool parse_is_token(const char *text);
/*
 * Returns whether even the laxest reader takes both names for the same header: capitals do not
 * matter, and `_`, `.` and other signs equal `-`, as servers make variables of names (RFC 3875).
 */
bool parse_is_same(const char *name, const char *other);
/* Returns whether the name begins with `beginning`, compared as parse_is_same() does. */
bool parse_begins(const char *name, const char *beginning);
/*
 * Reads a host's name, and writes it in small letters (PARSE_NAME_BYTES). Returns false if it is
 * none.
 */
bool parse_name(char *name, const char *text, size_t length);
