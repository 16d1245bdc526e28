/* SPDX-License-Identifier: MIT */
/*
 * Handlers of tokens: their list, a new one, and the end of one. The table of routes names them;
 * they call identity/, which writes tokens.json.
 */
#include "gateway/core/api/api.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "gateway/core/common/number.h"
#include "gateway/core/http/answer.h"
#include "gateway/core/http/request.h"
#include "gateway/core/http/router.h"
#include "gateway/core/identity/account.h"
#include "gateway/core/identity/identity.h"
#include "gateway/core/identity/role.h"
#include "gateway/core/identity/scope.h"
#include "gateway/core/identity/secret.h"
#include "gateway/core/identity/token.h"

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
	return length && length < IDENTITY_NAME_BYTES;
}

void api_token_make(struct request *request)
{
	const char *name = request_text(request, "name"), *scope = request_text(request, "scope");
	int64_t expires_s =
		number_read(fields_get(&request->fields, "body.expires_s"), 0, 100 * 365 * 86400ll);
	const struct identity *who = &request->who;
	unsigned roles = request_roles(request);
	int64_t expires = expires_s > 0 ? time(NULL) + expires_s : 0;
	char secret[SECRET_TEXT_BYTES], id[24];
	uint64_t number;

	scope = scope ? scope : "*";
	if (!api_token_name(name) || !roles || !scope_valid(scope) || expires_s < 0 ||
	    !request_is(request, "scope", FIELD_TEXT) ||
	    !request_is(request, "expires_s", FIELD_NUMBER)) {
		answer_problem(request, 422, "bad-argument",
			       "a token needs a \"name\" of at most 39 printable characters and "
			       "\"roles\"; it may have a \"scope\", a name in which * and ? may "
			       "stand, and \"expires_s\", a number of seconds");
		return;
	}
	if (role_imply(roles) & ~who->roles || !scope_within(scope, who->scope) ||
	    (who->expires && (!expires || expires > who->expires))) {
		answer_problem(request, 403, "forbidden",
			       "you cannot give a token more roles, a wider scope or a longer time "
			       "than you have");
		return;
	}
	if (!router_begin(request))
		return;
	if (!token_make(name, roles, scope, expires, &number, secret)) {
		answer_problem(request, 503, "failed",
			       "the gateway has too many tokens, or cannot write its file of "
			       "tokens: nothing was changed");
		return;
	}
	snprintf(id, sizeof(id), "%llu", (unsigned long long)number);
	answer_json(request, 201, json_pack("{s:s, s:s}", "id", id, "token", secret));
	explicit_bzero(secret, sizeof(secret));
}

void api_token_remove(struct request *request)
{
	int64_t number = number_read(request->item, 0, INT64_MAX / 10);
	uint64_t token = number > 0 ? (uint64_t)number : 0;

	switch (token_judge(token, &request->who, account_kept(0))) {
	case TOKEN_REMOVABLE:
		break;
	case TOKEN_UNKNOWN:
		answer_problem(request, 404, "not-found", "there is no such token");
		return;
	case TOKEN_ABOVE:
		answer_problem(request, 403, "forbidden",
			       "you cannot revoke a token with roles that you do not have");
		return;
	case TOKEN_LAST:
		answer_problem(request, 409, "last-one",
			       "without this token nobody would be admin, or auditor, of all "
			       "machines for good: make another token first");
		return;
	}
	if (!router_begin(request))
		return;
	if (token_remove(token))
		answer_json(request, 204, NULL);
	else
		answer_problem(request, 503, "failed",
			       "the gateway cannot write its file of tokens: nothing was changed");
}
