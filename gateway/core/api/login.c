/* SPDX-License-Identifier: MIT */
/*
 * Handlers of logins by token and by password, of who is logged in, and of one's own password. The
 * table of routes names them; they call identity/, whose thread compares passwords.
 */
#include "gateway/core/api/api.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "gateway/base/string.h"
#include "gateway/core/audit/audit.h"
#include "gateway/core/common/name.h"
#include "gateway/core/http/answer.h"
#include "gateway/core/http/rate.h"
#include "gateway/core/http/request.h"
#include "gateway/core/http/router.h"
#include "gateway/core/identity/account.h"
#include "gateway/core/identity/identity.h"
#include "gateway/core/identity/login.h"
#include "gateway/core/identity/password.h"
#include "gateway/core/identity/role.h"
#include "gateway/core/identity/secret.h"
#include "gateway/core/identity/session.h"
#include "gateway/core/identity/token.h"

static json_t *login_me(const struct identity *who)
{
	return json_pack("{s:s, s:o, s:s, s:o, s:s}", "name", who->name, "roles",
			 role_json(who->roles), "scope", who->scope, "expires",
			 who->expires ? json_integer(who->expires) : json_null(), "by",
			 who->token		       ? "token"
			 : who->account && !who->local ? "password"
						       : "socket");
}

void api_me(struct request *request)
{
	answer_json(request, 200, login_me(&request->who));
}

/*
 * Wrong old passwords at a change of password are counted under this name in place of an address.
 */
#define LOGIN_CHANGE "change"

static void login_late(struct request *request, unsigned retry_s)
{
	answer_retry_after(request, retry_s);
	answer_problem(request, 429, "rate-limited",
		       "there were too many wrong logins: wait %u s and try again", retry_s);
}

static void login_crowded(struct request *request)
{
	answer_retry_after(request, 1);
	answer_problem(request, 429, "rate-limited",
		       "too many logins are being checked at the moment: try again in a second");
}

/* Returns whether a login as this user may be tried now. If not, answers the request with 429. */
static bool login_may_try(struct request *request, const char *user)
{
	unsigned retry_s;

	if (login_allowed(request_address(request), user, &retry_s))
		return true;
	login_late(request, retry_s);
	return false;
}

static void login_refuse(struct request *request, const char *name, const char *what)
{
	audit_denied(NULL, "login", name && name_valid(name) ? name : "", request_address(request),
		     "unauthenticated");
	answer_problem(request, 401, "unauthenticated", "%s", what);
}

/*
 * Answers a login with a cookie, or, with body.cookie false, with the login's secret in the body,
 * for programs that keep it.
 */
static void login_answer(struct request *request)
{
	const struct field *field = fields_below(&request->fields, "body", "cookie");
	bool cookie = !field || field->type != FIELD_FALSE;
	char secret[SECRET_TEXT_BYTES], text[160];
	uint64_t line;
	json_t *body;

	/*
	 * The login succeeds even if the audit cannot be written: the person who repairs the audit
	 * has to get in, and a login changes nothing.
	 */
	(void)audit_own(&request->who, "login", "", request_address(request), "ok", &line);
	if (!session_make(&request->who, cookie ? "" : SESSION_PREFIX, secret)) {
		answer_problem(
			request, 500, "failed",
			"the system gave the gateway no random numbers, so it made no secret");
		return;
	}
	body = login_me(&request->who);
	json_object_set_new(body, "session_s", json_integer(SESSION_S));
	if (cookie) {
		snprintf(text, sizeof(text),
			 "__Host-skerry=%s; Path=/; Secure; HttpOnly; SameSite=Strict", secret);
		answer_header(request, "Set-Cookie", text);
	} else {
		json_object_set_new(body, "token", json_string(secret));
	}
	answer_json(request, 200, body);
	explicit_bzero(secret, sizeof(secret));
	explicit_bzero(text, sizeof(text));
}

static void login_took(const struct password_result *result)
{
	struct request *request = request_find(result->request);
	const struct account *account = account_by_number(result->account);

	if (!request)
		return;
	/* A user who was changed during the check has a new number, so that `account` is NULL. */
	if (!result->right || !account) {
		login_refuse(request, request_text(request, "user"),
			     "the name or the password is not valid");
		return;
	}
	account_become(account, &request->who);
	account_used(account->number);
	login_passed(request_address(request), account->name);
	login_answer(request);
}

void api_login(struct request *request)
{
	const char *token = request_text(request, "token"), *user = request_text(request, "user");
	const char *password = request_text(request, "password");

	if (!user && token && token_identify(token, &request->who)) {
		if (rate_take(request, true))
			login_answer(request);
		return;
	}
	if (!login_may_try(request, user))
		return;
	if (user && password && strlen(password) <= PASSWORD_MOST) {
		if (!account_check(request->id, request_address(request), user, password,
				   login_took))
			login_crowded(request);
		return;
	}
	login_failed(request_address(request), user);
	login_refuse(request, user,
		     user ? "the name or the password is not valid" : "the token is not valid");
}

void api_logout(struct request *request)
{
	const char *bearer = request_header(request, "authorization");
	char text[SECRET_TEXT_BYTES];

	if (request->cookie && request_cookie(request, text, sizeof(text))) {
		session_end(text);
	} else if (bearer && !strncasecmp(bearer, "Bearer " SESSION_PREFIX, 11)) {
		session_end(bearer + 7);
	}
	answer_header(request, "Set-Cookie",
		      "__Host-skerry=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0");
	answer_json(request, 204, NULL);
}

/*
 * Stores a user's new password, and ends all logins of the user, so that a person with the old
 * password is logged out.
 */
static void login_took_new(const struct password_result *result)
{
	struct request *request = request_find(result->request);
	const struct account *account = account_by_number(result->account);
	struct account changed;

	if (!request)
		return;
	if (!account || !*result->hash) {
		answer_problem(
			request, 409, "changed",
			"the user was changed by somebody else meanwhile: read it and try again");
		return;
	}
	if (!router_begin(request))
		return;
	changed = *account;
	string_copy(changed.hash, sizeof(changed.hash), result->hash);
	if (account_keep(&changed))
		answer_json(request, 204, NULL);
	else
		answer_problem(request, 503, "failed",
			       "the gateway cannot write its file of users: nothing was changed");
	explicit_bzero(&changed, sizeof(changed));
}

static void login_took_old(const struct password_result *result)
{
	struct request *request = request_find(result->request);

	if (!request)
		return;
	if (!result->right) {
		answer_problem(request, 403, "wrong-password", "the old password is wrong");
		return;
	}
	login_passed(LOGIN_CHANGE, request->who.name);
	if (!password_make(request->id, result->account, request_text(request, "new"),
			   login_took_new))
		login_crowded(request);
}

void api_me_password(struct request *request)
{
	const char *old = request_text(request, "old"), *new = request_text(request, "new");
	const struct account *account = account_by_number(request->who.account);
	unsigned retry_s;

	if (!old || strlen(old) > PASSWORD_MOST || !password_valid(new)) {
		answer_problem(request, 422, "bad-argument",
			       "give the old password as \"old\", and the new one as \"new\" with "
			       "%d to %d bytes",
			       PASSWORD_LEAST, PASSWORD_MOST);
		return;
	}
	if (!account) {
		answer_problem(request, 409, "no-password",
			       "you did not log in with a password, so there is none to change");
		return;
	}
	if (!login_allowed(LOGIN_CHANGE, account->name, &retry_s)) {
		login_late(request, retry_s);
		return;
	}
	if (password_check(request->id, account->number, old, account->hash,
			   request_address(request), true, login_took_old))
		login_failed(LOGIN_CHANGE, account->name);
	else
		login_crowded(request);
}
