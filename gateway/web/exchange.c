/* SPDX-License-Identifier: MIT */
/*
 * One HTTP request and its answer, from libmicrohttpd's first callback until the last byte has
 * gone. libmicrohttpd and web's loop over core's messages call it; it writes to the socket of
 * core, and to the connection.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/web/tunnel.h"
#include "gateway/web/web.h"

struct exchange *exchange_find(uint32_t id)
{
	struct exchange *exchange = &web.exchanges[id % WEB_EXCHANGES];

	return id && exchange->id == id ? exchange : NULL;
}

/*
 * Returns a new id for the exchange at index `place` of the table: the id modulo WEB_EXCHANGES is
 * the index, as exchange_find() expects.
 */
static uint32_t exchange_number(size_t place)
{
	web.rounds++;
	if (web.rounds > (MESSAGE_DOOR - WEB_EXCHANGES) / WEB_EXCHANGES - 1)
		web.rounds = 1;
	return web.rounds * WEB_EXCHANGES + (uint32_t)place;
}

static struct exchange *exchange_new(struct MHD_Connection *connection)
{
	for (size_t i = 0; i < WEB_EXCHANGES; i++) {
		struct exchange *exchange = &web.exchanges[i];

		if (exchange->id)
			continue;
		*exchange = (struct exchange){.connection = connection, .fd = -1};
		exchange->id = exchange_number(i);
		return exchange;
	}
	return NULL;
}

int exchange_socket(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	return info ? info->connect_fd : -1;
}

void exchange_free(struct exchange *exchange)
{
	buffer_free(&exchange->body);
	buffer_free(&exchange->headers);
	buffer_free(&exchange->output);
	redfish_free(exchange->redfish);
	exchange->redfish = NULL;
	e2b_free(exchange->e2b);
	exchange->e2b = NULL;
	form_free(exchange->form);
	exchange->form = NULL;
	ws_reader_free(&exchange->reader);
	if (exchange->upgraded)
		web.socket_count--;
	exchange->upgraded = NULL;
	exchange->id = 0;
}

void exchange_tell(const struct exchange *exchange, enum message_kind kind, uint32_t value)
{
	message_send(&web.core, (struct message_head){kind, exchange->id, value, 0}, NULL, 0, -1);
}

void exchange_resume(struct exchange *exchange)
{
	if (exchange->suspended) {
		exchange->suspended = false;
		MHD_resume_connection(exchange->connection);
	}
}

/* The refusals that web makes by itself: the status, and the problem's texts. */
static const struct refusal {
	unsigned status;
	const char *code, *detail;
} exchange_refusals[] = {
	{MHD_HTTP_CONTENT_TOO_LARGE, "too-large", "a request's body has at most 16384 bytes"},
	{MHD_HTTP_SERVICE_UNAVAILABLE, "busy",
	 "too many answers to you wait to be read: read them first"},
	{MHD_HTTP_MISDIRECTED_REQUEST, "misdirected",
	 "the target is a path, or a URL of this server"},
	/* the last entry is used for every other status */
	{MHD_HTTP_BAD_REQUEST, "bad-request",
	 "the request cannot be read: headers, path, query or JSON body"},
};

static enum MHD_Result exchange_refuse(struct exchange *exchange, unsigned status)
{
	static const char format[] = "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%u,"
				     "\"code\":\"%s\",\"detail\":\"%s\"}\n";
	const struct refusal *refusal = exchange_refusals;
	char text[400];
	struct MHD_Response *response;
	enum MHD_Result result;

	while (refusal->status != status && refusal->status != MHD_HTTP_BAD_REQUEST)
		refusal++;
	if (exchange->for_redfish)
		return exchange_redfish_refuse(exchange, status, refusal->code, refusal->detail);
	exchange->answered = exchange->ended = true;
	snprintf(text, sizeof(text), format, MHD_get_reason_phrase_for(status), status,
		 refusal->code, refusal->detail);
	response = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_COPY);
	MHD_add_response_header(response, "Content-Type", "application/problem+json");
	if (exchange->chunked)
		MHD_add_response_header(response, "Connection", "close");
	web_guard_headers(response);
	tunnel_known(exchange_socket(exchange->connection), 0);
	result = MHD_queue_response(exchange->connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static bool exchange_is_api(const char *url)
{
	return !strcmp(url, "/v1") || !strncmp(url, "/v1/", 4) || !strcmp(url, "/metrics");
}

/*
 * Returns whether core gets the request's body piece by piece as it comes: a PUT of a path that
 * ends in /content uploads the content of a volume.
 */
static bool exchange_streams(const char *url, const char *method)
{
	static const char end[] = "/content";
	size_t length = strlen(url);

	return !strcmp(method, "PUT") && exchange_is_api(url) && length > strlen(end) &&
	       !strcmp(url + length - strlen(end), end);
}

static enum MHD_Result exchange_submit(struct exchange *exchange, const char *url,
				       const char *method)
{
	struct buffer fields = {0};
	const char *path;
	unsigned status;

	if (!exchange->streams)
		tunnel_complete(exchange_socket(exchange->connection));
	if (!request_path(exchange, url, &path))
		return exchange_refuse(exchange, MHD_HTTP_MISDIRECTED_REQUEST);
	if (redfish_has(path))
		return exchange_redfish(exchange, path, method);
	if (e2b_has(path))
		return exchange_e2b(exchange, path, method);
	if (!exchange_is_api(path)) {
		if (exchange->chunked)
			return exchange_refuse(exchange, MHD_HTTP_BAD_REQUEST);
		exchange->answered = exchange->ended = true;
		tunnel_known(exchange_socket(exchange->connection), 0);
		return static_queue(exchange->connection, path, method);
	}
	if (!request_fields(exchange, path, method, &fields, &status)) {
		buffer_free(&fields);
		return exchange_refuse(exchange, status);
	}
	buffer_free(&exchange->body);
	exchange->sent = true;
	exchange->suspended = true;
	MHD_suspend_connection(exchange->connection);
	message_send(&web.core, (struct message_head){MESSAGE_REQUEST, exchange->id, 0, 0},
		     fields.bytes, fields.count, -1);
	buffer_free(&fields);
	return MHD_YES;
}

/*
 * Copies the next piece of a streamed answer to `bytes`; libmicrohttpd calls it when it can send.
 */
static ssize_t exchange_read(void *context, uint64_t at, char *bytes, size_t room)
{
	struct exchange *exchange = exchange_find((uint32_t)(uintptr_t)context);
	size_t count;

	(void)at;
	if (!exchange)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	count = exchange->body.count < room ? exchange->body.count : room;
	if (count == 0 && exchange->ended)
		return exchange->failed ? MHD_CONTENT_READER_END_WITH_ERROR
					: MHD_CONTENT_READER_END_OF_STREAM;
	if (count == 0) {
		exchange->suspended = true;
		MHD_suspend_connection(exchange->connection);
		return 0;
	}
	memcpy(bytes, exchange->body.bytes, count);
	buffer_take(&exchange->body, count);
	/* Of a stream that was made anew core is told once all of it has gone. */
	if (!exchange->e2b || exchange->e2b->bytes)
		exchange_tell(exchange, MESSAGE_CONSUMED, (uint32_t)count);
	else if (exchange->body.count == 0)
		exchange_tell(exchange, MESSAGE_CONSUMED, (uint32_t)exchange->raw);
	if (exchange->body.count == 0)
		exchange->raw = 0;
	return (ssize_t)count;
}

static void exchange_headers(const struct exchange *exchange, struct MHD_Response *response)
{
	static struct fields fields;

	if (exchange->chunked)
		MHD_add_response_header(response, "Connection", "close");
	web_guard_headers(response);
	if (!fields_read(&fields, exchange->headers.bytes, exchange->headers.count))
		return;
	for (size_t i = 0; i < fields.count; i++) {
		if (strcmp(fields.list[i].name, "Content-Length"))
			MHD_add_response_header(response, fields.list[i].name,
						fields.list[i].value);
	}
}

/* Returns the length of the answer as core's Content-Length says it, or MHD_SIZE_UNKNOWN. */
static uint64_t exchange_size(const struct exchange *exchange)
{
	static struct fields fields;
	const char *length;

	if (!fields_read(&fields, exchange->headers.bytes, exchange->headers.count))
		return MHD_SIZE_UNKNOWN;
	length = fields_get(&fields, "Content-Length");
	return length ? strtoull(length, NULL, 10) : MHD_SIZE_UNKNOWN;
}

enum MHD_Result exchange_reply(struct exchange *exchange)
{
	struct buffer *body = &exchange->body;
	struct MHD_Response *response;
	enum MHD_Result result;

	if (exchange->over)
		return exchange_refuse(exchange, MHD_HTTP_SERVICE_UNAVAILABLE);
	if (exchange->flags & MESSAGE_UPGRADE)
		return socket_queue(exchange);
	if (exchange->flags & MESSAGE_STREAM)
		response = MHD_create_response_from_callback(exchange_size(exchange), 16384,
							     exchange_read,
							     (void *)(uintptr_t)exchange->id, NULL);
	else
		response = MHD_create_response_from_buffer(body->count, body->bytes,
							   MHD_RESPMEM_MUST_FREE);
	if (!response)
		return MHD_NO;
	/* MHD has taken over the body's memory, and frees it. */
	if (!(exchange->flags & MESSAGE_STREAM))
		*body = (struct buffer){0};
	exchange_headers(exchange, response);
	result = MHD_queue_response(exchange->connection, exchange->status, response);
	MHD_destroy_response(response);
	return result;
}

/*
 * Finds how the body of a request is framed, once its head is complete, and tells the tunnel (the
 * client's TLS connection). Returns false when it is ambiguous where the next request begins.
 */
static bool exchange_begin(struct exchange *exchange, const char *version)
{
	uint64_t body;
	bool good = request_frame(exchange->connection, version, &body);

	exchange->chunked = !good || body == REQUEST_CHUNKED;
	exchange->length = body;
	if (good)
		tunnel_request(exchange_socket(exchange->connection), body);
	else
		tunnel_shut(exchange_socket(exchange->connection));
	return good;
}

/*
 * Passes a piece of a body on to core. While core has not acknowledged WEB_UNACKNOWLEDGED bytes,
 * MHD keeps the piece. A piece that comes after core's answer is dropped.
 */
static enum MHD_Result exchange_pass(struct exchange *exchange, const char *bytes, size_t *count)
{
	if (!exchange->answered && exchange->unacknowledged >= WEB_UNACKNOWLEDGED) {
		exchange->suspended = true;
		MHD_suspend_connection(exchange->connection);
		return MHD_YES;
	}
	if (!exchange->answered) {
		exchange->unacknowledged += *count;
		message_send(&web.core, (struct message_head){MESSAGE_DATA, exchange->id, 0, 0},
			     bytes, *count, -1);
	}
	exchange->length -= *count < exchange->length ? *count : exchange->length;
	*count = 0;
	return MHD_YES;
}

void exchange_taken(struct exchange *exchange, size_t count)
{
	exchange->unacknowledged -=
		count < exchange->unacknowledged ? count : exchange->unacknowledged;
	if ((!exchange->streams && !exchange->form) || exchange->answered)
		return;
	/* Once core takes the body, the upload has no time limit: core decides how fast it goes. */
	if (!exchange->may_send)
		tunnel_complete(exchange_socket(exchange->connection));
	exchange->may_send = true;
	if (exchange->unacknowledged < WEB_UNACKNOWLEDGED)
		exchange_resume(exchange);
}

enum MHD_Result exchange_handle(void *unused, struct MHD_Connection *connection, const char *url,
				const char *method, const char *version, const char *bytes,
				size_t *count, void **context)
{
	struct exchange *exchange = exchange_find((uint32_t)(uintptr_t)*context);

	(void)unused;
	if (!exchange) {
		exchange = exchange_new(connection);
		if (!exchange)
			return MHD_NO;
		*context = (void *)(uintptr_t)exchange->id;
		exchange->for_redfish = redfish_has(url);
		if (!exchange_begin(exchange, version))
			return exchange_refuse(exchange, MHD_HTTP_BAD_REQUEST);
		if (e2b_uploads(method, url)) {
			form_begin(exchange);
			return MHD_YES;
		}
		exchange->streams = !exchange->chunked && exchange_streams(url, method);
		return exchange->streams ? exchange_submit(exchange, url, method) : MHD_YES;
	}
	if (*count && exchange->form)
		return form_take(exchange, url, bytes, count);
	if (*count && exchange->streams)
		return exchange_pass(exchange, bytes, count);
	if (exchange->form && !*count)
		return form_end(exchange);
	if (exchange->answered)
		return exchange->sent ? exchange_reply(exchange) : MHD_YES;
	if (*count) {
		if (*count > WEB_BODY_BYTES - exchange->body.count)
			exchange->too_large = true;
		else
			buffer_add(&exchange->body, bytes, *count);
		*count = 0;
		return MHD_YES;
	}
	/* The whole body has been passed on to core: MHD waits until core answers. */
	if (exchange->sent && exchange->streams && !exchange->length) {
		exchange->suspended = true;
		MHD_suspend_connection(exchange->connection);
	}
	if (exchange->sent)
		return MHD_YES;
	if (exchange->too_large)
		return exchange_refuse(exchange, MHD_HTTP_CONTENT_TOO_LARGE);
	return exchange_submit(exchange, url, method);
}

void exchange_done(void *unused, struct MHD_Connection *connection, void **context,
		   enum MHD_RequestTerminationCode code)
{
	struct exchange *exchange = exchange_find((uint32_t)(uintptr_t)*context);

	(void)unused;
	(void)code;
	*context = NULL;
	if (!exchange || exchange->upgraded)
		return;
	tunnel_answered(exchange_socket(connection));
	if (exchange->sent && !exchange->ended)
		exchange_tell(exchange, MESSAGE_CANCEL, 0);
	exchange_free(exchange);
}

void exchange_answer(struct exchange *exchange, const struct message_head *head, const char *bytes,
		     size_t count)
{
	if (exchange->answered || !exchange->sent)
		return;
	exchange->status = head->value;
	exchange->flags = head->flags;
	tunnel_known(exchange_socket(exchange->connection), head->flags >> MESSAGE_WHO_SHIFT);
	if (exchange->e2b && exchange->e2b->streams && head->flags & MESSAGE_STREAM)
		fields_text(&exchange->headers, "Content-Type", "application/connect+json");
	else
		buffer_add(&exchange->headers, bytes, count);
	if (head->flags & (MESSAGE_STREAM | MESSAGE_UPGRADE)) {
		exchange->answered = true;
		exchange_resume(exchange);
	}
}

/* Returns how many bytes of other answers to the exchange's credential wait to be read. */
static size_t exchange_held_beside(const struct exchange *exchange)
{
	uint32_t who = exchange->flags >> MESSAGE_WHO_SHIFT;
	size_t held = 0;

	for (size_t i = 0; who && i < WEB_EXCHANGES; i++) {
		const struct exchange *other = &web.exchanges[i];

		if (other->id && other != exchange && other->flags >> MESSAGE_WHO_SHIFT == who)
			held += other->held;
	}
	return held;
}

/*
 * Adds a piece to an answer that MHD gets as a whole. Clients that do not read their answers would
 * take all memory: an answer that is too much beside others to the same credential is dropped.
 */
static void exchange_hold(struct exchange *exchange, const char *bytes, size_t count)
{
	size_t beside = exchange_held_beside(exchange);

	if (beside && beside + exchange->held + count > WEB_HELD_BYTES)
		exchange->over = true;
	if (exchange->over) {
		buffer_free(&exchange->body);
		exchange->held = 0;
		return;
	}
	buffer_add(&exchange->body, bytes, count);
	exchange->held += count;
}

void exchange_body(struct exchange *exchange, const struct message_head *head, const char *bytes,
		   size_t count)
{
	if (exchange->flags & MESSAGE_UPGRADE) {
		socket_send(exchange, head->flags, bytes, count);
		return;
	}
	if (exchange->flags & MESSAGE_STREAM && exchange->e2b)
		exchange_e2b_body(exchange, bytes, count);
	else if (exchange->flags & MESSAGE_STREAM)
		buffer_add(&exchange->body, bytes, count);
	else
		exchange_hold(exchange, bytes, count);
	if (head->flags & MESSAGE_LAST)
		exchange_end(exchange, 0);
	else if (exchange->answered)
		exchange_resume(exchange);
}

void exchange_end(struct exchange *exchange, unsigned code)
{
	exchange->ended = true;
	exchange->failed = code != 0;
	if (exchange->redfish && !exchange_redfish_take(exchange))
		return;
	if (exchange->e2b && !(exchange->flags & MESSAGE_STREAM) && !exchange_e2b_take(exchange))
		return;
	if (exchange->flags & MESSAGE_UPGRADE) {
		socket_end(exchange, code);
		return;
	}
	exchange->answered = true;
	exchange_resume(exchange);
}
