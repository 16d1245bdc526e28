/* SPDX-License-Identifier: MIT */
/*
 * Serves Redfish requests: connects an exchange with the folder redfish/, which decides what to ask
 * core and how to answer the client. The exchange calls it; it writes to the socket of core.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/base/string.h"
#include "gateway/web/tunnel.h"
#include "gateway/web/web.h"

/* Makes Redfish's answer that of the exchange. */
static void exchange_redfish_answer(struct exchange *exchange)
{
	struct redfish *redfish = exchange->redfish;

	buffer_free(&exchange->body);
	buffer_free(&exchange->headers);
	exchange->body = redfish->body_text;
	exchange->headers = redfish->headers;
	redfish->body_text = redfish->headers = (struct buffer){0};
	exchange->status = redfish->status;
	/*
	 * This answer reports that the real one was dropped, so it must not be dropped for `over`
	 * again.
	 */
	exchange->over = false;
	exchange->answered = exchange->ended = true;
	redfish_free(redfish);
	exchange->redfish = NULL;
}

/* Answers at once, without core. */
static enum MHD_Result exchange_redfish_now(struct exchange *exchange)
{
	tunnel_known(exchange_socket(exchange->connection), 0);
	exchange_redfish_answer(exchange);
	return exchange_reply(exchange);
}

/*
 * Sends core the next request that Redfish wants. The exchange's number is used again for each:
 * core has answered the request before, so that no other one has the number.
 */
static bool exchange_redfish_ask(struct exchange *exchange)
{
	struct buffer fields = {0};
	bool good = request_fields_redfish(exchange, &fields);

	if (good) {
		exchange->sent = true;
		exchange->answered = exchange->ended = false;
		message_send(&web.core, (struct message_head){MESSAGE_REQUEST, exchange->id, 0, 0},
			     fields.bytes, fields.count, -1);
	}
	if (fields.bytes)
		explicit_bzero(fields.bytes, fields.count);
	buffer_free(&fields);
	return good;
}

enum MHD_Result exchange_redfish_refuse(struct exchange *exchange, unsigned status,
					const char *code, const char *detail)
{
	redfish_free(exchange->redfish);
	exchange->redfish = redfish_refused(status, code, detail);
	return exchange->redfish ? exchange_redfish_now(exchange) : MHD_NO;
}

/* Returns the host in the client's request, as it appears in URLs, or "". */
static const char *exchange_redfish_host(const struct exchange *exchange)
{
	const char *host =
		MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, "Host");

	return *exchange->authority ? exchange->authority : host ? host : "";
}

/* Returns whether the client asks for a version of OData that is not served (DSP0266, 6.5). */
static bool exchange_redfish_other_version(const struct exchange *exchange)
{
	const char *version =
		MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, "OData-Version");

	return version && strcmp(version, "4.0") != 0;
}

/* Returns whether the request has a body that is not said to be JSON. */
static bool exchange_redfish_other_type(const struct exchange *exchange)
{
	static const char json[] = "application/json";
	const char *type =
		MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, "Content-Type");

	return exchange->body.count && (!type || strncasecmp(type, json, strlen(json)) != 0);
}

enum MHD_Result exchange_redfish(struct exchange *exchange, const char *path, const char *method)
{
	char text[1024];

	if (!request_path_text(path, text, sizeof(text)))
		return exchange_redfish_refuse(exchange, MHD_HTTP_BAD_REQUEST, "bad-request",
					       "the path cannot be read");
	if (exchange_redfish_other_version(exchange))
		return exchange_redfish_refuse(exchange, MHD_HTTP_PRECONDITION_FAILED,
					       "bad-request", "OData-Version must be 4.0");
	if (exchange_redfish_other_type(exchange))
		return exchange_redfish_refuse(exchange, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE,
					       "bad-media-type",
					       "send the body with Content-Type: application/json");
	exchange->redfish = redfish_begin(method, text, exchange->body.bytes, exchange->body.count,
					  exchange_redfish_host(exchange));
	if (!exchange->redfish)
		return MHD_NO;
	if (exchange->redfish->answered)
		return exchange_redfish_now(exchange);
	if (!exchange_redfish_ask(exchange))
		return exchange_redfish_refuse(exchange, MHD_HTTP_CONTENT_TOO_LARGE, "too-large",
					       "the request's body or its headers are too large");
	buffer_free(&exchange->body);
	exchange->suspended = true;
	MHD_suspend_connection(exchange->connection);
	return MHD_YES;
}

/* Passes on core's headers that have the same meaning in Redfish. */
static void exchange_redfish_headers(struct redfish *redfish, const struct fields *fields)
{
	static const char *const names[] = {"Retry-After", "WWW-Authenticate", "Request-Id", "Age"};

	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		const char *value = fields_get(fields, names[i]);

		if (value)
			fields_text(&redfish->headers, names[i], value);
	}
}

bool exchange_redfish_take(struct exchange *exchange)
{
	static struct fields fields;
	struct redfish *redfish = exchange->redfish;

	/* The answer is dropped, so Redfish asks nothing more: exchange_reply() reports why. */
	if (exchange->over)
		return true;
	if (!fields_read(&fields, exchange->headers.bytes, exchange->headers.count))
		fields.count = 0;
	redfish_take(redfish, exchange->status, exchange->body.bytes, exchange->body.count,
		     fields_get(&fields, "ETag"));
	if (redfish->answered) {
		exchange_redfish_headers(redfish, &fields);
		exchange_redfish_answer(exchange);
		return true;
	}
	buffer_free(&exchange->body);
	buffer_free(&exchange->headers);
	exchange->held = 0;
	if (exchange_redfish_ask(exchange))
		return false;
	redfish_free(redfish);
	exchange->redfish = redfish_refused(MHD_HTTP_CONTENT_TOO_LARGE, "too-large",
					    "what this request asks of Skerry is too large");
	if (exchange->redfish)
		exchange_redfish_answer(exchange);
	return true;
}
