/* SPDX-License-Identifier: MIT */
#pragma once

#include <stddef.h>

#include "gateway/proxy/body.h"

/*
 * The heads of requests and answers. head_take() has seen each byte before: lines end with CR LF,
 * and there is no NUL, no other control and no folded line in them. What is parsed points into the
 * head, which is changed for that.
 */
enum { PARSE_FIELDS = 100, PARSE_NAME_BYTES = 254, PARSE_METHOD_BYTES = 16 };

struct parse_field {
	char *name, *value;
};

struct parse_head {
	char *line; /* the first one */
	size_t count;
	struct parse_field fields[PARSE_FIELDS];
};

struct parse_request {
	char method[PARSE_METHOD_BYTES];
	char host[PARSE_NAME_BYTES]; /* in small letters */
	unsigned port;		     /* 0: the URL has none */
	const char *target;	     /* path and query; of CONNECT: NULL */
	size_t path;		     /* how long the path in `target` is */
	enum body_kind kind;
	uint64_t length;
	bool tunnel;  /* CONNECT */
	bool close;   /* the client sends no request behind this one */
	bool expects; /* the client waits for 100 (Continue) before it sends the body */
};

struct parse_answer {
	unsigned status;
	enum body_kind kind;
	uint64_t length;
	bool has_length; /* a Content-Length, which the client is told */
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
 * Returns whether the names are of one header, for the laxest of readers: capitals do not matter,
 * and `_`, `.` and other signs are as good as `-`, as servers make variables of names (RFC 3875).
 */
bool parse_is_same(const char *name, const char *other);
/* Returns whether the name begins so, for the same readers. */
bool parse_begins(const char *name, const char *beginning);
/*
 * Reads a host's name, and writes it in small letters (PARSE_NAME_BYTES). Returns false if it is
 * none.
 */
bool parse_name(char *name, const char *text, size_t length);
