/* SPDX-License-Identifier: MIT */
/*
 * One call of a libvirt client, from its arguments to its answer. Clients begin it and procedures
 * carry it out; each question or change goes to core as a request of REST, with the client's
 * connection as its credential, so that core's table of routes decides what the client may do.
 */
#include "gateway/door/rpc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/clock.h"
#include "gateway/base/fields.h"
#include "gateway/door/door.h"
#include "gateway/door/error.h"
#include "gateway/door/procedure.h"
#include "gateway/door/uuid.h"

enum {
	RPC_BODY_BYTES = 8 << 20, /* the longest body of an answer of core's */
	/*
	 * the ms after which a request is repeated that core refused with 429 (too many requests)
	 */
	RPC_AGAIN_MS = 300,
	RPC_TRIES = 100,
	STATUS_PATIENCE = 429,
};

static struct rpc *rpc_first;

static void rpc_free(struct rpc *call)
{
	struct rpc **place = &rpc_first;

	while (*place != call)
		place = &(*place)->next;
	*place = call->next;
	call->client->calls--;
	json_decref(call->kept);
	free(call->arguments.domains);
	free(call->arguments.xml);
	buffer_free(&call->request);
	buffer_free(&call->body);
	buffer_free(&call->results);
	free(call);
}

static void rpc_reply(struct client *client, const struct packet_head *head,
		      enum packet_status status, const struct buffer *contents)
{
	struct packet_head reply = *head;

	reply.type = PACKET_REPLY;
	reply.status = status;
	client_send(client, &reply, contents);
}

void rpc_refuse(struct client *client, const struct packet_head *head, uint32_t code,
		const char *text)
{
	struct buffer contents = {0};

	error_write(&contents, code, text);
	rpc_reply(client, head, PACKET_ERROR, &contents);
	buffer_free(&contents);
}

void rpc_answer(struct rpc *call)
{
	if (call->results.failed)
		rpc_refuse(call->client, &call->head, ERROR_INTERNAL,
			   "there is no memory for the answer");
	else
		rpc_reply(call->client, &call->head, PACKET_OK, &call->results);
	rpc_free(call);
}

void rpc_answer_text(struct rpc *call, struct buffer *text)
{
	call->results.failed |= text->failed;
	xdr_write_text(&call->results, text->bytes ? text->bytes : "");
	buffer_free(text);
	rpc_answer(call);
}

void rpc_fail(struct rpc *call, uint32_t code, const char *format, ...)
{
	char text[512];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	rpc_refuse(call->client, &call->head, code, text);
	rpc_free(call);
}

/*
 * Returns why a client may not call the procedure in its packet, or NULL; *code is libvirt's error
 * number for that.
 */
static const char *rpc_denied(const struct client *client, const struct packet_head *head,
			      const struct procedure *procedure, char text[128], uint32_t *code)
{
	const char *name = procedure_name(head->procedure);

	*code = ERROR_RPC;
	if (head->program != PACKET_REMOTE || head->version != PACKET_VERSION) {
		snprintf(text, 128, "the program 0x%x, version %u, is not served here",
			 head->program, head->version);
		return text;
	}
	*code = ERROR_NO_SUPPORT;
	if (!procedure) {
		snprintf(text, 128, "Skerry does not serve %s (procedure %u)",
			 name ? name : "what has this number", head->procedure);
		return text;
	}
	*code = ERROR_INVALID_CONNECTION;
	if (!client->opened && !procedure->unopened)
		return "the connection is not open: call ConnectOpen first";
	*code = ERROR_DENIED;
	if (client->only_reads && procedure->changes) {
		snprintf(text, 128, "%s changes something, and the connection is read-only", name);
		return text;
	}
	return NULL;
}

void rpc_begin(struct client *client, const struct packet_head *head, struct xdr_reader *contents)
{
	const struct procedure *procedure = procedure_find(head->procedure);
	struct rpc *call;
	const char *denied;
	char text[128];
	uint32_t code;

	denied = rpc_denied(client, head, procedure, text, &code);
	if (denied) {
		rpc_refuse(client, head, code, denied);
		return;
	}
	call = calloc(1, sizeof(*call));
	if (!call) {
		rpc_refuse(client, head, ERROR_INTERNAL, "there is no memory for the call");
		return;
	}
	call->client = client;
	call->head = *head;
	call->procedure = procedure;
	call->body.limit = RPC_BODY_BYTES;
	call->next = rpc_first;
	rpc_first = call;
	client->calls++;
	if (procedure_read(procedure->takes, contents, &call->arguments))
		procedure->begin(call);
	else
		rpc_fail(call, ERROR_RPC, "the arguments are none of %s",
			 procedure_name(head->procedure));
}

static void rpc_send(struct rpc *call)
{
	call->again_ms = 0;
	call->status = 0;
	call->id = door_number();
	buffer_free(&call->body);
	door_tell((struct message_head){MESSAGE_REQUEST, call->id, 0, 0}, &call->request);
}

void rpc_ask(struct rpc *call, const char *method, const char *path, const struct buffer *fields,
	     rpc_took *took)
{
	char number[12];

	buffer_free(&call->request);
	snprintf(number, sizeof(number), "%u", call->client->number);
	fields_text(&call->request, "method", method);
	fields_text(&call->request, "path", path);
	fields_text(&call->request, "connection", number);
	fields_text(&call->request, "address", "libvirt");
	fields_text(&call->request, "header.prefer", "wait=60");
	if (fields)
		buffer_add(&call->request, fields->bytes, fields->count);
	if (call->request.failed || call->request.count > MESSAGE_PAYLOAD) {
		rpc_fail(call, ERROR_INTERNAL, "the call is too long for the gateway");
		return;
	}
	call->took = took;
	call->tries = 0;
	rpc_send(call);
}

bool rpc_flags(struct rpc *call, uint32_t allowed, const char *how)
{
	uint32_t flags = (uint32_t)call->arguments.numbers[0] & ~allowed;

	if (!flags)
		return true;
	rpc_fail(call, ERROR_INVALID_ARGUMENT, "%s, without the flags 0x%x", how, flags);
	return false;
}

void rpc_body(struct buffer *fields, const char *type)
{
	fields_text(fields, "header.content-type", type);
	fields_text(fields, "body", "{}");
}

bool rpc_name_valid(const char *name)
{
	return *name && *name != '.' && !strpbrk(name, "/?#%");
}

static void rpc_no_domain(struct rpc *call)
{
	char uuid[UUID_TEXT_BYTES];

	uuid_text(call->arguments.domain.uuid, uuid);
	rpc_fail(call, ERROR_NO_DOMAIN, "Domain not found: no domain with matching uuid '%s' (%s)",
		 uuid, call->arguments.domain.name);
}

static void rpc_took_domain(struct rpc *call, json_t *vm)
{
	uint8_t uuid[UUID_BYTES];

	/* The call fails if another VM has the name by now. */
	if (!uuid_read(json_string_value(json_object_get(vm, "uuid")), uuid) ||
	    memcmp(uuid, call->arguments.domain.uuid, UUID_BYTES))
		rpc_no_domain(call);
	else
		call->with(call, vm);
}

bool rpc_xml(struct rpc *call)
{
	if (call->arguments.xml)
		return true;
	rpc_fail(call, ERROR_XML,
		 "the XML cannot be read: it is not well-formed, is too long, or has a DTD");
	return false;
}

bool rpc_xml_known(struct rpc *call, const char *const *known)
{
	const char *other;

	if (!rpc_xml(call))
		return false;
	other = xml_unknown(call->arguments.xml, known);
	if (!other)
		return true;
	rpc_fail(call, ERROR_CONFIGURATION, "Skerry has nothing for this in the XML: %s", other);
	return false;
}

void rpc_ask_vm(struct rpc *call, const char *method, const struct buffer *fields, rpc_took *took)
{
	char path[RPC_NAME_BYTES + 16];

	snprintf(path, sizeof(path), "/v1/vms/%s", call->arguments.domain.name);
	rpc_ask(call, method, path, fields, took);
}

void rpc_domain(struct rpc *call, rpc_took *with)
{
	if (!rpc_name_valid(call->arguments.domain.name)) {
		rpc_no_domain(call);
		return;
	}
	call->with = with;
	rpc_ask_vm(call, "GET", NULL, rpc_took_domain);
}

void rpc_action_with(struct rpc *call, const char *verb, const struct buffer *fields,
		     rpc_took *took)
{
	char path[RPC_NAME_BYTES + 64];

	snprintf(path, sizeof(path), "/v1/vms/%s/actions/%s", call->arguments.domain.name, verb);
	rpc_ask(call, "POST", path, fields, took);
}

void rpc_action(struct rpc *call, const char *verb, rpc_took *took)
{
	rpc_action_with(call, verb, NULL, took);
}

bool rpc_ended(struct rpc *call)
{
	if (call->status != RPC_ACCEPTED)
		return true;
	rpc_fail(call, ERROR_TIMEOUT, "%s: it is still under way after a minute",
		 call->arguments.domain.name);
	return false;
}

void rpc_done(struct rpc *call, json_t *body)
{
	(void)body;
	if (rpc_ended(call))
		rpc_answer(call);
}

void rpc_asked(struct rpc *call, json_t *body)
{
	(void)body;
	rpc_answer(call);
}

/* Returns the libvirt error for the kind of object that a call names and core does not have. */
static uint32_t rpc_missing(const struct rpc *call)
{
	const char *name = procedure_name(call->head.procedure);

	return strstr(name, "StorageVol") || strstr(name, "ByVolume") ? ERROR_NO_VOLUME
	       : strstr(name, "Snapshot")			      ? ERROR_NO_SNAPSHOT
	       : strstr(name, "StoragePool")			      ? ERROR_NO_POOL
								      : ERROR_NO_DOMAIN;
}

void rpc_problem(struct rpc *call, json_t *problem)
{
	const char *code = json_string_value(json_object_get(problem, "code"));
	const char *detail = json_string_value(json_object_get(problem, "detail"));

	if (call->status == 404 && call->procedure->takes[0] == 'd')
		rpc_no_domain(call);
	else
		rpc_fail(call,
			 call->status == 404 ? rpc_missing(call)
					     : error_of_problem(call->status, code),
			 "%s", detail ? detail : "the gateway has said no, and not why");
}

void rpc_again(struct rpc *call)
{
	call->tries++;
	call->again_ms = clock_ms() + RPC_AGAIN_MS;
}

/* Continues a call once core's answer to its request is complete. */
static void rpc_answered(struct rpc *call)
{
	json_t *body = NULL;

	call->id = 0;
	if (call->status == STATUS_PATIENCE && call->tries < RPC_TRIES) {
		rpc_again(call);
		return;
	}
	if (call->body.count)
		body = json_loadb(call->body.bytes, call->body.count, 0, NULL);
	if (call->body.failed || (call->body.count && !body))
		rpc_fail(call, ERROR_INTERNAL, "the gateway's answer cannot be read");
	else if (call->status >= 200 && call->status < 300)
		call->took(call, body);
	else if (call->problem)
		call->problem(call, body);
	else
		rpc_problem(call, body);
	json_decref(body);
}

bool rpc_message(const struct message_head *head, const char *bytes, size_t count)
{
	struct rpc *call = rpc_first;

	while (call && call->id != head->id)
		call = call->next;
	if (!call || !head->id)
		return false;
	if (head->kind == MESSAGE_ANSWER)
		call->status = head->value;
	if (head->kind == MESSAGE_ANSWER && call->hand_over &&
	    head->flags & (MESSAGE_STREAM | MESSAGE_UPGRADE)) {
		call->hand_over(call);
		return true;
	}
	if (head->kind == MESSAGE_BODY)
		buffer_add(&call->body, bytes, count);
	if (head->kind == MESSAGE_END || (head->kind == MESSAGE_BODY && head->flags & MESSAGE_LAST))
		rpc_answered(call);
	return true;
}

void rpc_drop(const struct client *client)
{
	struct rpc *next;

	for (struct rpc *call = rpc_first; call; call = next) {
		next = call->next;
		if (call->client != client)
			continue;
		if (call->id)
			door_tell((struct message_head){MESSAGE_CANCEL, call->id, 0, 0}, NULL);
		rpc_free(call);
	}
}

int rpc_tick(int wait_ms)
{
	int64_t now_ms = clock_ms();

	for (struct rpc *call = rpc_first; call; call = call->next) {
		if (!call->again_ms)
			continue;
		if (call->again_ms <= now_ms)
			rpc_send(call);
		else if (call->again_ms - now_ms < wait_ms)
			wait_ms = (int)(call->again_ms - now_ms);
	}
	return wait_ms;
}
