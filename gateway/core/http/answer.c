/* SPDX-License-Identifier: MIT */
/*
 * Answers requests: every byte for web and door passes here, with its headers, the end of its line
 * in the audit and the copy kept for its Idempotency-Key. The code that handles a request calls it;
 * it writes to the sockets of both processes.
 */

#include "gateway/core/http/answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/string.h"
#include "gateway/core/common/clock.h"
#include "gateway/core/host/host.h"
#include "gateway/core/http/idempotency.h"
#include "gateway/core/http/problem.h"
#include "gateway/core/http/record.h"
#include "gateway/core/http/request.h"
#include "gateway/core/identity/identity.h"

static struct message_socket *answer_web, *answer_door;
struct answer_counter answer_counters[ANSWER_COUNTERS];

void answer_setup(struct message_socket *web, struct message_socket *door)
{
	answer_web = web;
	answer_door = door;
}

static void answer_count(const struct route *route, unsigned status)
{
	for (size_t i = 0; i < ARRAY_COUNT(answer_counters); i++) {
		struct answer_counter *each = &answer_counters[i];

		if (each->count && (each->route != route || each->status != status))
			continue;
		each->route = route;
		each->status = status;
		each->count++;
		return;
	}
}

void answer_header(struct request *request, const char *name, const char *value)
{
	fields_text(&request->headers, name, value);
}

void answer_retry_after(struct request *request, unsigned seconds)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", seconds);
	answer_header(request, "Retry-After", text);
}

void answer_age(struct request *request)
{
	double age_s = clock_now_s() - host.heard_s;
	char text[24];

	if (host.up || !host.known)
		return;
	snprintf(text, sizeof(text), "%lld", age_s > 0 ? (long long)age_s : 0ll);
	answer_header(request, "Age", text);
}

/*
 * Returns a number for the request's credential, for the upper bits of a message's flags: web
 * counts the connections of each credential by it.
 */
static uint32_t answer_who(const struct request *request)
{
	const struct identity *who = &request->who;
	uint64_t number = who->token ? who->token << 1 : who->account ? who->account << 1 | 1 : 0;

	return (uint32_t)(number << MESSAGE_WHO_SHIFT);
}

static void answer_send(const struct request *request, enum message_kind kind, uint32_t value,
			uint32_t flags, const char *bytes, size_t count)
{
	message_send(request->id & MESSAGE_DOOR ? answer_door : answer_web,
		     (struct message_head){kind, request->id, value, flags}, bytes, count, -1);
}

void answer_bytes(struct request *request, unsigned status, const char *type, const char *bytes,
		  size_t count)
{
	if (type)
		answer_header(request, "Content-Type", type);
	answer_header(request, "Request-Id", request->code);
	answer_send(request, MESSAGE_ANSWER, status, answer_who(request), request->headers.bytes,
		    request->headers.count);
	idempotency_keep(request, status, type, bytes, count);
	if (count == 0)
		answer_send(request, MESSAGE_END, 0, 0, NULL, 0);
	while (count) {
		size_t piece = count < MESSAGE_PAYLOAD ? count : MESSAGE_PAYLOAD;

		answer_send(request, MESSAGE_BODY, 0, piece == count ? MESSAGE_LAST : 0, bytes,
			    piece);
		bytes += piece;
		count -= piece;
	}
	answer_count(request->route, status);
	request_done(request);
}

static void answer_text(struct request *request, unsigned status, const char *type, json_t *body)
{
	char *text = json_dumps(body, JSON_COMPACT | JSON_REAL_PRECISION(12));

	json_decref(body);
	if (text)
		answer_bytes(request, status, type, text, strlen(text));
	else
		answer_bytes(request, 500, NULL, "", 0);
	free(text);
}

void answer_json(struct request *request, unsigned status, json_t *body)
{
	record_end(request, "ok");
	if (!body) {
		answer_bytes(request, status, NULL, "", 0);
		return;
	}
	answer_text(request, status, "application/json", body);
}

void answer_json_text(struct request *request, unsigned status, const struct buffer *text)
{
	if (text->failed) {
		answer_problem(request, 500, "no-memory",
			       "the gateway has no memory for the answer");
		return;
	}
	record_end(request, "ok");
	answer_bytes(request, status, "application/json", text->bytes, text->count);
}

void answer_problem_json(struct request *request, json_t *problem)
{
	unsigned status = (unsigned)json_integer_value(json_object_get(problem, "status"));
	const char *code = json_string_value(json_object_get(problem, "code"));

	json_object_set_new(problem, "request_id", json_string(request->code));
	if (status == 503)
		answer_retry_after(request, 2);
	if (status == 401 && !request->cookie)
		answer_header(request, "WWW-Authenticate", "Bearer");
	record_deny(request, code);
	record_end(request, code);
	answer_text(request, status, "application/problem+json", problem);
}

void answer_problem(struct request *request, unsigned status, const char *code, const char *format,
		    ...)
{
	char detail[400];
	va_list list;

	va_start(list, format);
	vsnprintf(detail, sizeof(detail), format, list);
	va_end(list);
	answer_problem_json(request, problem_json(status, code, detail, NULL));
}

/* Sends the head of an answer whose body follows in pieces. */
static void answer_start(struct request *request, enum stream_kind kind, unsigned status,
			 uint32_t flags)
{
	request->stream = kind;
	answer_send(request, MESSAGE_ANSWER, status, flags | answer_who(request),
		    request->headers.bytes, request->headers.count);
	answer_count(request->route, status);
	record_end(request, "ok");
}

void answer_start_stream(struct request *request, enum stream_kind kind, const char *protocol)
{
	if (kind == STREAM_SSE || kind == STREAM_RUN) {
		answer_header(request, "Content-Type", "text/event-stream");
		answer_start(request, kind, 200, MESSAGE_STREAM);
	} else {
		answer_header(request, "Sec-WebSocket-Protocol", protocol);
		answer_start(request, kind, 101, MESSAGE_UPGRADE);
	}
}

void answer_start_content(struct request *request, unsigned status)
{
	answer_header(request, "Content-Type", "application/octet-stream");
	answer_header(request, "Request-Id", request->code);
	answer_start(request, STREAM_CONTENT, status, MESSAGE_STREAM);
}

void answer_piece(struct request *request, bool text, const char *bytes, size_t count)
{
	/* A message of a WebSocket must not be split; none is longer than the largest piece. */
	while (count) {
		size_t piece = count < MESSAGE_PAYLOAD ? count : MESSAGE_PAYLOAD;

		answer_send(request, MESSAGE_BODY, 0, text ? MESSAGE_TEXT : 0, bytes, piece);
		request->outstanding += piece;
		bytes += piece;
		count -= piece;
	}
}

void answer_end_stream(struct request *request, unsigned code)
{
	answer_send(request, MESSAGE_END, code, 0, NULL, 0);
	request_done(request);
}

void answer_taken(struct request *request, uint32_t count)
{
	answer_send(request, MESSAGE_TAKEN, count, 0, NULL, 0);
}
