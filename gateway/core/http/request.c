/* SPDX-License-Identifier: MIT */
/*
 * The requests that web has handed over, each until it is answered in full or its client has gone,
 * and functions that read their fields. Router, answers and handlers use it; it owns the bytes of
 * each request, and ends the audit's line of a request whose client has gone.
 */

#include "gateway/core/http/request.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "gateway/base/bytes.h"
#include "gateway/core/audit/audit.h"
#include "gateway/core/http/idempotency.h"
#include "gateway/core/identity/identity.h"
#include "gateway/core/identity/role.h"

enum { REQUESTS = 512 };

static struct request *first_request;
static unsigned request_total;

struct request *request_first(void)
{
	return first_request;
}

struct request *request_find(uint32_t id)
{
	struct request *request = first_request;

	while (request && request->id != id)
		request = request->next;
	return request;
}

static void request_free(struct request *request)
{
	struct request **place = &first_request;

	while (*place && *place != request)
		place = &(*place)->next;
	if (*place)
		*place = request->next;
	request_total--;
	if (request->left)
		request->left(request);
	idempotency_forget(request);
	audit_end(request->audit, "client-left");
	buffer_free(&request->headers);
	/* The request's bytes hold the credential: clear them. */
	explicit_bzero(request->bytes, request->byte_count);
	free(request->bytes);
	free(request);
}

void request_cancel(uint32_t id)
{
	struct request *request = request_find(id);

	if (request)
		request_free(request);
}

void request_drop_all(bool door)
{
	struct request *request = first_request;

	while (request) {
		if (!(request->id & MESSAGE_DOOR) == door) {
			request = request->next;
			continue;
		}
		/*
		 * Ending one request may end others, so the list is searched again from its start.
		 */
		request_free(request);
		request = first_request;
	}
}

struct request *request_take(uint32_t id, const char *bytes, size_t count)
{
	struct request *request;
	uint8_t random[8];

	/* web has fewer exchanges than this limit; a request beyond it is an error of web. */
	if (request_find(id) || request_total >= REQUESTS)
		return NULL;
	request = malloc(sizeof(*request));
	if (!request)
		return NULL;
	memset(request, 0, offsetof(struct request, fields.list));
	request->bytes = malloc(count + 1);
	if (!request->bytes || gnutls_rnd(GNUTLS_RND_NONCE, random, sizeof(random)) < 0) {
		free(request->bytes);
		free(request);
		return NULL;
	}
	memcpy(request->bytes, bytes, count);
	hex_write(request->code, random, sizeof(random));
	request->byte_count = count;
	request->id = id;
	request->next = first_request;
	first_request = request;
	request_total++;
	return request;
}

const char *request_header(const struct request *request, const char *name)
{
	const struct field *field = fields_below(&request->fields, "header", name);

	return field ? field->value : NULL;
}

const char *request_query(const struct request *request, const char *name)
{
	const struct field *field = fields_below(&request->fields, "query", name);

	return field ? field->value : NULL;
}

const char *request_text(const struct request *request, const char *name)
{
	const struct field *field = fields_below(&request->fields, "body", name);

	return field && field->type == FIELD_TEXT ? field->value : NULL;
}

bool request_is(const struct request *request, const char *name, enum field_type type)
{
	const struct field *field = fields_below(&request->fields, "body", name);

	return !field || field->type == type;
}

bool request_true(const struct request *request, const char *name)
{
	const struct field *field = fields_below(&request->fields, "body", name);

	return field && field->type == FIELD_TRUE;
}

unsigned request_roles(const struct request *request)
{
	unsigned roles = 0;

	for (unsigned i = 0; i < 8; i++) {
		const char *text;
		unsigned bit = 0;
		char name[16];

		snprintf(name, sizeof(name), "roles.%u", i);
		text = request_text(request, name);
		if (!text)
			break;
		while (bit < ROLE_COUNT && strcmp(text, role_names[bit]))
			bit++;
		if (bit == ROLE_COUNT)
			return 0;
		roles |= 1u << bit;
	}
	return roles;
}

void request_actor(const struct request *request, char *actor, size_t room)
{
	identity_actor(&request->who, actor, room);
}

unsigned request_wait_s(const struct request *request, unsigned missing)
{
	const char *prefer = request_header(request, "prefer");
	const char *wait = prefer ? strstr(prefer, "wait=") : NULL;
	unsigned long seconds;

	if (!wait)
		return missing;
	seconds = strtoul(wait + 5, NULL, 10);
	return seconds > 60 ? 60 : (unsigned)seconds;
}

void request_done(struct request *request)
{
	request_free(request);
}

bool request_cookie(const struct request *request, char *text, size_t room)
{
	static const char name[] = "__Host-skerry=";
	const char *at = request_header(request, "cookie");

	while (at && *at) {
		size_t length = strcspn(at, ";");

		if (!strncmp(at, name, strlen(name)) && length - strlen(name) < room) {
			snprintf(text, length - strlen(name) + 1, "%s", at + strlen(name));
			return true;
		}
		at += length;
		at += strspn(at, "; ");
	}
	return false;
}

const char *request_address(const struct request *request)
{
	const char *address = fields_get(&request->fields, "address");

	return address ? address : "socket";
}
