/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "gateway/core/http/problem.h"
#include "gateway/core/http/request.h"

/* Takes over the socket to web, on which every answer goes. */
void answer_setup(struct message_socket *web);

/* Headers of the answer that follows. */
void answer_header(struct request *request, const char *name, const char *value);
/* Says in the answer after how many seconds asking again is worth while. */
void answer_retry_after(struct request *request, unsigned seconds);

/* Age (RFC 9111, 5.1) of what is shown although the link is lost. */
void answer_age(struct request *request);

/* Each of these functions answers the request, and so ends it. `body` is taken. */
void answer_json(struct request *request, unsigned status, json_t *body);
/* `text` is JSON already. */
void answer_json_text(struct request *request, unsigned status, const struct buffer *text);
void answer_bytes(struct request *request, unsigned status, const char *type, const char *bytes,
		  size_t count);
void answer_problem(struct request *request, unsigned status, const char *code, const char *format,
		    ...) __attribute__((format(printf, 4, 5)));
void answer_problem_json(struct request *request, json_t *problem);

/* Begins a stream: the answer comes in pieces until the stream is ended. */
void answer_start_stream(struct request *request, enum stream_kind kind, const char *protocol);
/* Begins a body of bytes in pieces; a header says how many there will be. */
void answer_start_content(struct request *request, unsigned status);
void answer_piece(struct request *request, bool text, const char *bytes, size_t count);
void answer_end_stream(struct request *request, unsigned code);
/* Tells web how many bytes of the client's messages are done with: it may send as many more. */
void answer_taken(struct request *request, uint32_t count);

struct answer_counter {
	const struct route *route;
	unsigned status;
	uint64_t count;
};
enum { ANSWER_COUNTERS = 512 };
extern struct answer_counter answer_counters[ANSWER_COUNTERS];
