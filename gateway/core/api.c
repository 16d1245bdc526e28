/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/core/audit.h"
#include "gateway/core/request.h"
#include "gateway/core/settings.h"

/* What is about the server itself: root, logins, tokens, audit. */

void api_root(struct request *request)
{
	static const char *const features[] = {"events-sse",  "stream-ws",  "console-ws",
					       "tickets",     "operations", "idempotency",
					       "audit-chain", "metrics"};
	json_t *list = json_array();

	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++)
		json_array_append_new(list, json_string(features[i]));
	answer_json(request, 200,
		    json_pack("{s:s, s:s, s:o}", "name", "skerryd", "version", SKERRYD_VERSION,
			      "features", list));
}

void api_health(struct request *request)
{
	answer_json(request, 200, json_pack("{s:b, s:b}", "live", true, "ready", machine.up));
}

void api_openapi(struct request *request)
{
	char *text = openapi_text();

	if (text)
		answer_bytes(request, 200, "application/json", text, strlen(text));
	else
		answer_problem(request, 500, "failed", "there is no memory");
	free(text);
}

static json_t *api_me_json(const struct identity *who)
{
	return json_pack("{s:s, s:o, s:s, s:o}", "name", who->name, "roles", role_json(who->roles),
			 "scope", who->scope, "expires",
			 who->expires ? json_integer(who->expires) : json_null());
}

void api_me(struct request *request)
{
	answer_json(request, 200, api_me_json(&request->who));
}

void api_login(struct request *request)
{
	const char *address = fields_get(&request->fields, "address");
	const char *token = request_text(request, "token");
	char secret[AUTH_TEXT_BYTES], cookie[160], text[16], actor[65];
	struct identity who;
	unsigned retry_s;

	address = address ? address : "socket";
	if (!login_allowed(address, &retry_s)) {
		snprintf(text, sizeof(text), "%u", retry_s);
		answer_header(request, "Retry-After", text);
		answer_problem(request, 429, "rate-limited", "too many wrong logins: wait %u s",
			       retry_s);
		return;
	}
	if (!token || !token_identify(token, &who)) {
		login_failed(address);
		audit_begin("?", "login", "", address, "unauthenticated");
		answer_problem(request, 401, "unauthenticated", "the token is not valid");
		return;
	}
	request->who = who;
	request_actor(request, actor, sizeof(actor));
	if (!audit_begin(actor, "login", "", address, "ok")) {
		answer_problem(request, 503, "audit-unwritable", "the audit cannot be written");
		return;
	}
	if (!session_make(&who, secret)) {
		answer_problem(request, 500, "failed", "there are no random numbers");
		return;
	}
	login_passed(address);
	snprintf(cookie, sizeof(cookie),
		 "__Host-skerry=%s; Path=/; Secure; HttpOnly; SameSite=Strict", secret);
	answer_header(request, "Set-Cookie", cookie);
	answer_json(request, 200, api_me_json(&who));
}

void api_logout(struct request *request)
{
	static const char name[] = "__Host-skerry=";
	const char *header = request_header(request, "cookie");
	const char *at = header ? strstr(header, name) : NULL;
	char text[AUTH_TEXT_BYTES];

	if (at && request->cookie) {
		at += strlen(name);
		snprintf(text, sizeof(text), "%.*s", (int)strcspn(at, "; "), at);
		session_end(text);
	}
	answer_header(request, "Set-Cookie",
		      "__Host-skerry=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0");
	answer_json(request, 204, NULL);
}

void api_tokens(struct request *request)
{
	answer_json(request, 200,
		    json_pack("{s:o, s:n}", "items", token_list(&request->who), "next"));
}

/* body.roles; 0: none, or one that is unknown. */
static unsigned api_roles(const struct request *request)
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
		while (bit < 6 && strcmp(text, role_names[bit]))
			bit++;
		if (bit == 6)
			return 0;
		roles |= 1u << bit;
	}
	return roles;
}

static bool api_token_name(const char *name)
{
	size_t length = name ? strlen(name) : 0;

	for (size_t i = 0; i < length; i++) {
		if (name[i] < ' ' || name[i] > '~' || name[i] == '"' || name[i] == '\\')
			return false;
	}
	return length && length < AUTH_NAME_BYTES;
}

void api_token_make(struct request *request)
{
	const char *name = request_text(request, "name"), *scope = request_text(request, "scope");
	int64_t expires_s = request_number(fields_get(&request->fields, "body.expires_s"), 0,
					   100 * 365 * 86400ll);
	const struct identity *who = &request->who;
	unsigned roles = api_roles(request);
	int64_t expires = expires_s > 0 ? time(NULL) + expires_s : 0;
	char secret[AUTH_TEXT_BYTES], id[24];
	uint64_t number;

	scope = scope ? scope : "*";
	if (!api_token_name(name) || !roles || !scope_valid(scope) || expires_s < 0) {
		answer_problem(
			request, 422, "bad-argument",
			"name (printable, 39 at most), roles, scope (a name, * and ? allowed) "
			"and expires_s (a number) are meant");
		return;
	}
	if (role_imply(roles) & ~who->roles || !scope_within(scope, who->scope) ||
	    (who->expires && (!expires || expires > who->expires))) {
		answer_problem(request, 403, "forbidden",
			       "a token has no more roles, scope and time than who makes it");
		return;
	}
	if (!token_make(name, roles, scope, expires, &number, secret)) {
		answer_problem(request, 503, "failed", "the token cannot be written");
		return;
	}
	snprintf(id, sizeof(id), "%llu", (unsigned long long)number);
	answer_json(request, 201, json_pack("{s:s, s:s}", "id", id, "token", secret));
	explicit_bzero(secret, sizeof(secret));
}

void api_token_remove(struct request *request)
{
	int64_t number = request_number(request->item, 0, INT64_MAX / 10);

	switch (token_remove(number > 0 ? (uint64_t)number : 0, &request->who)) {
	case TOKEN_REMOVED:
		answer_json(request, 204, NULL);
		break;
	case TOKEN_UNKNOWN:
		answer_problem(request, 404, "not-found", "there is no such token");
		break;
	case TOKEN_UNWRITTEN:
		answer_problem(request, 503, "failed", "the tokens cannot be written");
		break;
	}
}

void api_audit(struct request *request)
{
	int64_t limit = request_number(request_query(request, "limit"), 200, 1000);
	int64_t after = request_number(request_query(request, "after"), 0, INT64_MAX / 10);

	if (limit < 1 || after < 0) {
		answer_problem(request, 422, "bad-argument", "limit is 1 to 1000, after a number");
		return;
	}
	answer_json(request, 200, audit_json(&request->who, (uint64_t)after, (unsigned)limit));
}
