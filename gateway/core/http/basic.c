/* SPDX-License-Identifier: MIT */
/*
 * Authenticates requests that carry a user's name and password. Authentication calls it for
 * requests to Redfish; it counts wrong passwords as a login does, and has the password thread check
 * them.
 */
#include "gateway/core/http/basic.h"

#include <string.h>
#include <strings.h>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "gateway/base/bytes.h"
#include "gateway/base/string.h"
#include "gateway/core/audit/audit.h"
#include "gateway/core/common/clock.h"
#include "gateway/core/http/answer.h"
#include "gateway/core/identity/account.h"
#include "gateway/core/identity/login.h"
#include "gateway/core/identity/password.h"
#include "gateway/core/identity/secret.h"
#include "gateway/core/identity/token.h"

#define BASIC "Basic "

enum {
	BASIC_KEPT = 32,
	BASIC_BYTES = IDENTITY_NAME_BYTES + PASSWORD_MOST + 2,
};

/* The name and the password in a request. */
struct basic {
	char text[BASIC_BYTES]; /* NAME, a NUL, PASSWORD, a NUL */
	const char *password;
};

/*
 * A right password. An account gets another number with each change, so that an old password never
 * passes for the new one.
 */
struct basic_kept {
	uint64_t account; /* the account's number; 0: the entry is free */
	uint8_t hash[SECRET_BYTES];
	double ends_s;
};

static struct basic_kept basic_kept[BASIC_KEPT];

bool basic_shown(const struct request *request)
{
	const char *text = request_header(request, "authorization");

	return text && fields_get(&request->fields, "redfish") &&
	       !strncasecmp(text, BASIC, strlen(BASIC));
}

/* Reads the name and the password. Returns false if the header has none. */
static bool basic_read(const struct request *request, struct basic *basic)
{
	const char *text = request_header(request, "authorization") + strlen(BASIC);
	long count =
		base64_read(text, strlen(text), (uint8_t *)basic->text, sizeof(basic->text) - 1);
	char *colon;

	if (count < 0 || memchr(basic->text, 0, (size_t)count))
		return false;
	basic->text[count] = 0;
	colon = strchr(basic->text, ':');
	if (!colon || !utf8_valid((const uint8_t *)basic->text, (size_t)count))
		return false;
	*colon = 0;
	basic->password = colon + 1;
	return true;
}

/* Hashes a password with a key of this process, so that the kept hash is useless elsewhere. */
static bool basic_hash(const char *password, uint8_t hash[SECRET_BYTES])
{
	static uint8_t key[32];
	static bool made;

	if (!made && gnutls_rnd(GNUTLS_RND_KEY, key, sizeof(key)) < 0)
		return false;
	made = true;
	return gnutls_hmac_fast(GNUTLS_MAC_SHA256, key, sizeof(key), password, strlen(password),
				hash) >= 0;
}

static bool basic_is_kept(const struct account *account, const char *password)
{
	uint8_t hash[SECRET_BYTES];

	if (!account || !basic_hash(password, hash))
		return false;
	for (size_t i = 0; i < BASIC_KEPT; i++) {
		if (basic_kept[i].account == account->number &&
		    basic_kept[i].ends_s > clock_now_s() &&
		    !gnutls_memcmp(basic_kept[i].hash, hash, sizeof(hash)))
			return true;
	}
	return false;
}

/*
 * Keeps a right password, replacing the one that expires first. Returns false, and keeps nothing,
 * if the hash cannot be made: the hash of another password must not take its place.
 */
static bool basic_keep(const struct account *account, const char *password)
{
	struct basic_kept *place = &basic_kept[0];
	struct basic_kept kept = {
		.account = account->number,
		.ends_s = clock_now_s() + BASIC_KEPT_S,
	};

	if (!basic_hash(password, kept.hash))
		return false;
	for (size_t i = 0; i < BASIC_KEPT; i++) {
		if (basic_kept[i].ends_s < place->ends_s)
			place = &basic_kept[i];
	}
	*place = kept;
	return true;
}

static void basic_refuse(struct request *request, const char *name)
{
	audit_denied(NULL, "login", name_valid(name) ? name : "", request_address(request),
		     "unauthenticated");
	answer_problem(request, 401, "unauthenticated", "the name or the password is not valid");
}

static void basic_took(const struct password_result *result)
{
	struct request *request = request_find(result->request);
	const struct account *account = account_by_number(result->account);
	struct basic basic;
	uint64_t line;

	if (!request || !basic_read(request, &basic))
		return;
	/* A user who was changed during the check has another number, so that `account` is NULL. */
	if (!result->right || !account) {
		basic_refuse(request, basic.text);
	} else if (!basic_keep(account, basic.password)) {
		answer_problem(request, 500, "failed",
			       "the system gave the gateway no random numbers");
	} else {
		account_become(account, &request->who);
		account_used(account->number);
		login_passed(request_address(request), account->name);
		(void)audit_own(&request->who, "login", "", request_address(request), "ok", &line);
		request->again(request);
	}
	explicit_bzero(&basic, sizeof(basic));
}

static void basic_wait(struct request *request, unsigned retry_s)
{
	answer_retry_after(request, retry_s);
	answer_problem(request, 429, "rate-limited",
		       "too many passwords are being checked, or were wrong: wait %u s", retry_s);
}

static void basic_check(struct request *request, const struct basic *basic)
{
	const char *address = request_address(request);
	unsigned retry_s;

	if (!login_allowed(address, basic->text, &retry_s)) {
		basic_wait(request, retry_s);
	} else if (strlen(basic->password) > PASSWORD_MOST) {
		login_failed(address, basic->text);
		basic_refuse(request, basic->text);
	} else if (!account_check(request->id, address, basic->text, basic->password, basic_took)) {
		basic_wait(request, 1);
	}
}

bool basic_authenticate(struct request *request)
{
	const char *address = request_address(request);
	const struct account *account;
	struct basic basic;
	bool known = false;
	unsigned retry_s;

	if (!basic_read(request, &basic)) {
		answer_problem(request, 401, "unauthenticated",
			       "the credential is no name and password");
		return false;
	}
	account = account_find(basic.text);
	if (basic_is_kept(account, basic.password)) {
		account_become(account, &request->who);
		known = true;
	} else if (!strncmp(basic.password, TOKEN_PREFIX, strlen(TOKEN_PREFIX))) {
		known = token_identify(basic.password, &request->who);
		if (known) {
			login_passed(address, NULL);
		} else if (login_allowed(address, NULL, &retry_s)) {
			login_failed(address, NULL);
			basic_refuse(request, basic.text);
		} else {
			basic_wait(request, retry_s);
		}
	} else {
		basic_check(request, &basic);
	}
	explicit_bzero(&basic, sizeof(basic));
	return known;
}
