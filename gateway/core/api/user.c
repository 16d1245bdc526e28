/* SPDX-License-Identifier: MIT */
/*
 * Handlers of users who log in with a password. An asker cannot give a user, or gain by taking over
 * a user, rights that the asker lacks. The table of routes names the handlers; they call identity/,
 * which writes users.json.
 */
#include "gateway/core/api/api.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "gateway/base/string.h"
#include "gateway/core/common/name.h"
#include "gateway/core/http/answer.h"
#include "gateway/core/http/request.h"
#include "gateway/core/http/router.h"
#include "gateway/core/identity/account.h"
#include "gateway/core/identity/identity.h"
#include "gateway/core/identity/password.h"
#include "gateway/core/identity/scope.h"

void api_users(struct request *request)
{
	answer_json(request, 200,
		    json_pack("{s:o, s:n}", "items", account_list(&request->who), "next"));
}

/*
 * Reads body.roles and body.scope, as far as the request has them, into `account`. Returns false if
 * the request has been answered.
 */
static bool user_take(struct request *request, struct account *account)
{
	const struct field *roles = fields_below(&request->fields, "body", "roles.0");
	const struct field *scope = fields_below(&request->fields, "body", "scope");

	if (roles)
		account->roles = request_roles(request);
	if (scope && scope_valid(scope->value))
		string_copy(account->scope, sizeof(account->scope), scope->value);
	if (!account->roles || !request_is(request, "scope", FIELD_TEXT) ||
	    (scope && strcmp(account->scope, scope->value))) {
		answer_problem(request, 422, "bad-argument",
			       "\"roles\" must be a list of roles, and \"scope\" a name in which * "
			       "and ? may stand");
		return false;
	}
	if (account_within(account, &request->who) && !request->who.expires)
		return true;
	answer_problem(
		request, 403, "forbidden",
		"you cannot give a user more roles, a wider scope or a longer time than you have");
	return false;
}

/*
 * Gets body.password, NULL if it is missing. If it is not valid, answers the request and returns
 * false.
 */
static bool user_password(struct request *request, const char **password)
{
	const struct field *field = fields_below(&request->fields, "body", "password");

	*password = request_text(request, "password");
	if (!field || password_valid(*password))
		return true;
	answer_problem(request, 422, "bad-argument",
		       "\"password\" must have %d to %d bytes, and no control characters",
		       PASSWORD_LEAST, PASSWORD_MOST);
	return false;
}

/* Returns the user's roles if the user's scope is all VMs, else 0. */
static unsigned user_keeps(const struct account *account)
{
	return account && !strcmp(account->scope, "*") ? account->roles : 0;
}

/*
 * Returns whether a user may be changed from `before` to `after` (NULL: removed). If the change
 * would leave no holder of a role that must have one, answers the request and returns false.
 */
static bool user_spared(struct request *request, const struct account *before,
			const struct account *after)
{
	if (!before ||
	    !(user_keeps(before) & ~user_keeps(after) & identity_roles_lost(0, before->number)))
		return true;
	answer_problem(request, 409, "last-one",
		       "without this user nobody would be admin, or auditor, of all machines for "
		       "good: make another user or token first");
	return false;
}

static void user_keep(struct request *request, struct account *account)
{
	bool begun = user_spared(request, account_by_number(account->number), account) &&
		     router_begin(request);
	unsigned status = account->number ? 200 : 201;

	if (begun && account_keep(account))
		answer_json(request, status, account_json(account));
	else if (begun)
		answer_problem(request, 503, "failed",
			       "the gateway has too many users, or cannot write its file of users: "
			       "nothing was changed");
	explicit_bzero(account, sizeof(*account));
}

/*
 * Continues a request for a new or changed user once the password thread has hashed the password.
 * Reads the request anew, as the user may have changed meanwhile.
 */
static void user_took(const struct password_result *result)
{
	struct request *request = request_find(result->request);
	const struct account *before = account_by_number(result->account);
	struct account account = {.created = time(NULL), .scope = "*"};
	const char *name = request ? request_text(request, "name") : NULL;

	if (!request)
		return;
	if (result->account && before)
		account = *before;
	else if (result->account || account_find(name) || !*result->hash) {
		answer_problem(request, 409, "changed",
			       "somebody else has made or changed this user meanwhile: read it and "
			       "try again");
		return;
	} else
		string_copy(account.name, sizeof(account.name), name);
	if (!user_take(request, &account))
		return;
	string_copy(account.hash, sizeof(account.hash), result->hash);
	user_keep(request, &account);
}

void api_user_make(struct request *request)
{
	const char *name = request_text(request, "name"), *password;
	struct account account = {.scope = "*"};

	if (!user_password(request, &password))
		return;
	if (!name || !name_valid(name) || !password) {
		answer_problem(request, 422, "bad-argument",
			       "a user needs a \"name\" of 1 to 31 letters, digits, '-', '_' and "
			       "'.', a \"password\" and \"roles\", and may have a \"scope\"");
		return;
	}
	if (!user_take(request, &account))
		return;
	if (account_find(name))
		answer_problem(request, 409, "exists", "there is a user of this name already");
	else if (!password_make(request->id, 0, password, user_took))
		answer_problem(request, 429, "rate-limited",
			       "too many passwords are being checked at the moment: try again in a "
			       "second");
}

/*
 * Returns the user in the path. If there is none within the asker's scope and roles, answers the
 * request and returns NULL.
 */
static const struct account *user_find(struct request *request)
{
	const struct account *account = account_find(request->item);

	if (account && account_within(account, &request->who))
		return account;
	answer_problem(request, 404, "not-found", "there is no such user");
	return NULL;
}

void api_user_change(struct request *request)
{
	const struct account *before = user_find(request);
	struct account account;
	const char *password;

	if (!before || !user_password(request, &password))
		return;
	account = *before;
	if (!user_take(request, &account))
		return;
	if (!password)
		user_keep(request, &account);
	else if (!password_make(request->id, account.number, password, user_took))
		answer_problem(request, 429, "rate-limited",
			       "too many passwords are being checked at the moment: try again in a "
			       "second");
	explicit_bzero(&account, sizeof(account));
}

void api_user_remove(struct request *request)
{
	const struct account *account = user_find(request);

	if (!account || !user_spared(request, account, NULL) || !router_begin(request))
		return;
	if (account_remove(account->number))
		answer_json(request, 204, NULL);
	else
		answer_problem(request, 503, "failed",
			       "the gateway cannot write its file of users: nothing was changed");
}
