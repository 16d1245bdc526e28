/* SPDX-License-Identifier: MIT */
/*
 * Counts wrong credentials and says how long the client has to wait. Authentication and the handler
 * of logins call it, in core's one thread; it keeps its counts in memory alone.
 */

#include "gateway/core/identity/login.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/string.h"
#include "gateway/core/common/clock.h"

enum {
	LOGIN_COUNT = 1024,
	/* wrong passwords a minute for one user from one address that cost no waiting */
	LOGIN_FREE = 5,
	/* wrong passwords for all users from one address in a minute that cost no waiting */
	LOGIN_FREE_ALL = 30,
	LOGIN_MINUTE_S = 60,
	LOGIN_MOST_S = 64,
	/* the time without a wrong password after which the count begins at 0 */
	LOGIN_FORGET_S = 900,
};

/* Wrong credentials of one kind: see enum login_kind. */
struct login {
	char key[88];
	bool known; /* this user has logged in from this address before */
	unsigned wrong;
	double first_s, until_s, seen_s;
};

static struct login logins[LOGIN_COUNT];
static size_t login_used; /* how many places of `logins` are used, from the first on */

void login_key(const char *address, char *key, size_t room)
{
	struct in6_addr bytes;

	snprintf(key, room, "%s", address);
	if (inet_pton(AF_INET6, address, &bytes) != 1 || IN6_IS_ADDR_V4MAPPED(&bytes))
		return;
	memset(bytes.s6_addr + 8, 0, 8);
	inet_ntop(AF_INET6, &bytes, key, (socklen_t)room);
}

/*
 * The counts for each address: wrong tokens, wrong passwords of each user, and all wrong passwords.
 * They are separate, so that a client cannot lock out other clients at its address.
 */
enum login_kind { LOGIN_TOKENS = 't', LOGIN_USER = 'u', LOGIN_ALL = 'a' };

static struct login *login_find(enum login_kind kind, const char *address, const char *user,
				bool make)
{
	struct login *oldest = &logins[0];
	char key[sizeof(oldest->key)], from[48];

	login_key(address, from, sizeof(from));
	snprintf(key, sizeof(key), "%c %s %.32s", kind, from, kind == LOGIN_USER ? user : "");
	for (size_t i = 0; i < login_used; i++) {
		if (!strcmp(logins[i].key, key))
			return &logins[i];
		if (logins[i].seen_s < oldest->seen_s)
			oldest = &logins[i];
	}
	if (!make)
		return NULL;
	if (login_used < LOGIN_COUNT)
		oldest = &logins[login_used++];
	*oldest = (struct login){0};
	string_copy(oldest->key, sizeof(oldest->key), key);
	return oldest;
}

static double login_left_s(const struct login *login)
{
	return login ? login->until_s - clock_now_s() : 0;
}

bool login_allowed(const char *address, const char *user, unsigned *retry_s)
{
	const struct login *login =
		login_find(user ? LOGIN_USER : LOGIN_TOKENS, address, user, false);
	double left_s = login_left_s(login);

	/*
	 * A user who has logged in from this address before need not wait because of other clients'
	 * guesses.
	 */
	if (left_s <= 0 && user && !(login && login->known))
		left_s = login_left_s(login_find(LOGIN_ALL, address, NULL, false));
	*retry_s = left_s > 0 ? (unsigned)left_s + 1 : 0;
	return left_s <= 0;
}

bool login_known(const char *address, const char *user)
{
	const struct login *login = login_find(LOGIN_USER, address, user, false);

	return login && login->known;
}

static void login_count(struct login *login, unsigned free)
{
	double now_s = clock_now_s();
	unsigned over;

	if ((login->wrong <= free && now_s - login->first_s > LOGIN_MINUTE_S) ||
	    now_s - login->seen_s > LOGIN_FORGET_S)
		login->wrong = 0;
	if (login->wrong == 0)
		login->first_s = now_s;
	login->wrong++;
	login->seen_s = now_s;
	over = login->wrong > free ? login->wrong - free : 0;
	if (over)
		login->until_s = now_s + (over > 6 ? LOGIN_MOST_S : 1u << (over - 1));
}

void login_failed(const char *address, const char *user)
{
	login_count(login_find(user ? LOGIN_USER : LOGIN_TOKENS, address, user, true), LOGIN_FREE);
	if (user)
		login_count(login_find(LOGIN_ALL, address, NULL, true), LOGIN_FREE_ALL);
}

/* Takes back login_failed()'s count for a password that was found right. */
void login_passed(const char *address, const char *user)
{
	struct login *login =
		login_find(user ? LOGIN_USER : LOGIN_TOKENS, address, user, user != NULL);
	struct login *all = user ? login_find(LOGIN_ALL, address, NULL, false) : NULL;

	if (!login)
		return;
	login->wrong = 0;
	login->until_s = 0;
	login->seen_s = clock_now_s();
	login->known = true;
	if (all && all->wrong)
		all->wrong--;
}
