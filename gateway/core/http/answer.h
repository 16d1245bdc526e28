/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "gateway/core/http/problem.h"
#include "gateway/core/http/request.h"

/* Sets the sockets to web and door; an answer goes to the process that the request came from. */
void answer_setup(struct message_socket *web, struct message_socket *door);

/* Adds a header to the answer, which must be sent after this. */
void answer_header(struct request *request, const char *name, const char *value);
/* Adds Retry-After: the seconds after which the request may succeed. */
void answer_retry_after(struct request *request, unsigned seconds);

/* Adds Age (RFC 9111, 5.1) if the link is lost, as the cache is then out of date. */
void answer_age(struct request *request);

/*
 * Each of these functions answers the request and thereby ends it. `body` and `problem` are freed.
 */
void answer_json(struct request *request, unsigned status, json_t *body);
/* Answers with text that is JSON already. */
void answer_json_text(struct request *request, unsigned status, const struct buffer *text);
void answer_bytes(struct request *request, unsigned status, const char *type, const char *bytes,
		  size_t count);
void answer_problem(struct request *request, unsigned status, const char *code, const char *format,
		    ...) __attribute__((format(printf, 4, 5)));
void answer_problem_json(struct request *request, json_t *problem);

/* Begins a stream: the answer comes in pieces until the stream is ended. */
void answer_start_stream(struct request *request, enum stream_kind kind, const char *protocol);
/* Begins an answer with a body of bytes in pieces, whose length a header has said. */
void answer_start_content(struct request *request, unsigned status);
void answer_piece(struct request *request, bool text, const char *bytes, size_t count);
void answer_end_stream(struct request *request, unsigned code);
/*
 * Tells web that core has handled `count` more bytes of the client's messages, so that web may send
 * as many more.
 */
void answer_taken(struct request *request, uint32_t count);

struct answer_counter {
	const struct route *route;
	unsigned status;
	uint64_t count;
};
enum { ANSWER_COUNTERS = 512 };
extern struct answer_counter answer_counters[ANSWER_COUNTERS];
