/* SPDX-License-Identifier: MIT */
/*
 * Requests of E2B's client: the way between an exchange and the folder e2b/, which says what core
 * is asked and what the client is answered. The exchange calls it; it writes to the socket of core.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/base/bytes.h"
#include "gateway/base/string.h"
#include "gateway/web/tunnel.h"
#include "gateway/web/web.h"

enum { E2B_TIMEOUT_MS = 1000 };

/* Adds the key that the client has shown to a sandbox, or to each of a list of forks. */
static void exchange_e2b_show(json_t *object, const char *key)
{
	json_t *fork;
	size_t index;

	if (json_is_object(object))
		json_object_set_new(object, "envdAccessToken", json_string(key));
	json_array_foreach(object, index, fork)
		exchange_e2b_show(json_object_get(fork, "sandbox"), key);
}

/* Adds the key to the answer: the client shows the same to the sandbox. */
static void exchange_e2b_key(struct exchange *exchange)
{
	struct buffer *text = &exchange->e2b->text;
	json_t *object = json_loadb(text->bytes, text->count, 0, NULL);
	char *made;

	exchange_e2b_show(object, request_e2b_key(exchange->connection));
	made = json_dumps(object, JSON_COMPACT);
	buffer_free(text);
	buffer_text(text, made ? made : "");
	if (made)
		explicit_bzero(made, strlen(made));
	free(made);
	json_decref(object);
}

/* Makes the answer that is ready that of the exchange. */
static void exchange_e2b_answer(struct exchange *exchange)
{
	struct e2b *e2b = exchange->e2b;

	if (e2b->shows_key)
		exchange_e2b_key(exchange);
	buffer_free(&exchange->body);
	buffer_free(&exchange->headers);
	exchange->body = e2b->text;
	e2b->text = (struct buffer){0};
	if (e2b->type)
		fields_text(&exchange->headers, "Content-Type", e2b->type);
	exchange->status = e2b->status;
	exchange->flags &= ~(uint32_t)(MESSAGE_STREAM | MESSAGE_UPGRADE);
	exchange->over = false;
	exchange->answered = exchange->ended = true;
}

static bool exchange_e2b_ask(struct exchange *exchange)
{
	struct buffer fields = {0};
	bool good = request_fields_e2b(exchange, &fields);

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

/* Copies the user of `Authorization: Basic` (RFC 7617), which envd's client sends for one. */
static void exchange_e2b_user(const char *authorization, char *user, size_t room)
{
	static const char basic[] = "Basic ";
	long count;

	user[0] = 0;
	if (!authorization || strncasecmp(authorization, basic, strlen(basic)) != 0)
		return;
	authorization += strlen(basic);
	count = base64_read(authorization, strlen(authorization), (uint8_t *)user, room - 1);
	user[count > 0 ? count : 0] = 0;
	user[strcspn(user, ":")] = 0;
}

enum MHD_Result exchange_e2b(struct exchange *exchange, const char *path, const char *method)
{
	struct MHD_Connection *connection = exchange->connection;
	const char *sandbox =
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "E2b-Sandbox-Id");
	const char *timeout =
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Connect-Timeout-Ms");
	const char *name =
		MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "username");
	const char *file = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "path");
	char user[256], target[1024], decoded[2048], decoded_name[256];
	struct e2b_head head = {.sandbox = sandbox ? sandbox : "", .user = user, .file = decoded};

	exchange_e2b_user(MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization"),
			  user, sizeof(user));
	if (!request_path_text(path, target, sizeof(target)) ||
	    !request_query_text(file ? file : "", decoded, sizeof(decoded)) ||
	    !request_query_text(name ? name : "", decoded_name, sizeof(decoded_name)))
		string_copy(target, sizeof(target), "/e2b/");
	if (name)
		head.user = decoded_name;
	head.timeout_s = timeout ? strtod(timeout, NULL) / E2B_TIMEOUT_MS : 0;
	exchange->e2b =
		e2b_begin(method, target, &head, exchange->body.bytes, exchange->body.count);
	if (!exchange->e2b)
		return MHD_NO;
	buffer_free(&exchange->body);
	if (!exchange->e2b->answered && !exchange_e2b_ask(exchange))
		e2b_problem(exchange->e2b, 413, "too-large", "the request is too large");
	if (exchange->e2b->answered) {
		tunnel_known(exchange_socket(connection), 0);
		exchange_e2b_answer(exchange);
		return exchange->form ? MHD_YES : exchange_reply(exchange);
	}
	if (exchange->form)
		return MHD_YES;
	exchange->suspended = true;
	MHD_suspend_connection(connection);
	return MHD_YES;
}

bool exchange_e2b_take(struct exchange *exchange)
{
	struct e2b *e2b = exchange->e2b;

	if (exchange->over || e2b->answered)
		return true;
	e2b_take(e2b, exchange->status, exchange->body.bytes, exchange->body.count);
	if (e2b->bytes && exchange->status == 200)
		return true; /* what the file has is the answer */
	if (!e2b->answered) {
		buffer_free(&exchange->body);
		buffer_free(&exchange->headers);
		exchange->held = 0;
		if (exchange_e2b_ask(exchange))
			return false;
		e2b_problem(e2b, 413, "too-large", "what this request asks of Skerry is too large");
	}
	exchange_e2b_answer(exchange);
	return true;
}

void exchange_e2b_body(struct exchange *exchange, const char *bytes, size_t count)
{
	exchange->raw += count;
	e2b_event(exchange->e2b, bytes, count, &exchange->body);
}

enum MHD_Result exchange_e2b_refuse(struct exchange *exchange, const char *detail)
{
	if (!exchange->e2b)
		exchange->e2b = calloc(1, sizeof(*exchange->e2b));
	if (!exchange->e2b)
		return MHD_NO;
	e2b_problem(exchange->e2b, 400, "bad-argument", detail);
	tunnel_known(exchange_socket(exchange->connection), 0);
	exchange_e2b_answer(exchange);
	return exchange_reply(exchange);
}
