/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/base/string.h"
#include "gateway/core/audit.h"
#include "gateway/core/request.h"
#include "gateway/core/settings.h"

/* What is about the server itself: root, tokens, audit. */

void api_root(struct request *request)
{
	static const char *const features[] = {"events-sse",  "stream-ws",  "console-ws",
					       "tickets",     "operations", "idempotency",
					       "audit-chain", "metrics"};
	json_t *list = json_array();

	for (size_t i = 0; i < ARRAY_COUNT(features); i++)
		json_array_append_new(list, json_string(features[i]));
	answer_json(request, 200,
		    json_pack("{s:s, s:s, s:o}", "name", "skerryd", "version", SKERRYD_VERSION,
			      "features", list));
}

void api_health(struct request *request)
{
	answer_json(request, 200,
		    json_pack("{s:b, s:b, s:b}", "live", true, "ready", machine.up, "audit",
			      audit_works()));
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

void api_tokens(struct request *request)
{
	answer_json(request, 200,
		    json_pack("{s:o, s:n}", "items", token_list(&request->who), "next"));
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
	unsigned roles = request_roles(request);
	int64_t expires = expires_s > 0 ? time(NULL) + expires_s : 0;
	char secret[AUTH_TEXT_BYTES], id[24];
	uint64_t number;

	scope = scope ? scope : "*";
	if (!api_token_name(name) || !roles || !scope_valid(scope) || expires_s < 0 ||
	    !request_is(request, "scope", FIELD_TEXT) ||
	    !request_is(request, "expires_s", FIELD_NUMBER)) {
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
	if (!request_begin(request))
		return;
	if (!token_make(name, roles, scope, expires, &number, secret)) {
		answer_problem(request, 503, "failed",
			       "there are too many tokens, or they cannot be written");
		return;
	}
	snprintf(id, sizeof(id), "%llu", (unsigned long long)number);
	answer_json(request, 201, json_pack("{s:s, s:s}", "id", id, "token", secret));
	explicit_bzero(secret, sizeof(secret));
}

void api_token_remove(struct request *request)
{
	int64_t number = request_number(request->item, 0, INT64_MAX / 10);
	uint64_t token = number > 0 ? (uint64_t)number : 0;

	switch (token_judge(token, &request->who)) {
	case TOKEN_REMOVABLE:
		break;
	case TOKEN_UNKNOWN:
		answer_problem(request, 404, "not-found", "there is no such token");
		return;
	case TOKEN_ABOVE:
		answer_problem(request, 403, "forbidden",
			       "the token has roles that you do not have");
		return;
	case TOKEN_LAST:
		answer_problem(request, 409, "last-one",
			       "nobody else is admin, or auditor, of all machines without an end: "
			       "make another token first");
		return;
	}
	if (!request_begin(request))
		return;
	if (token_remove(token))
		answer_json(request, 204, NULL);
	else
		answer_problem(request, 503, "failed", "the tokens cannot be written");
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
