/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum role {
	ROLE_VIEWER = 1,
	ROLE_OPERATOR = 2,
	ROLE_ADMIN = 4,
	ROLE_AUDITOR = 8,
	ROLE_CONSOLE_READ = 16,
	ROLE_CONSOLE_WRITE = 32,
};
enum {
	ROLE_NONE = 0, /* of a route: no credential is needed */
	ROLE_ANY = 63,
	AUTH_NAME_BYTES = 40,
	AUTH_SCOPE_BYTES = 64,
	AUTH_SECRET_BYTES = 32,
	AUTH_TEXT_BYTES = 80, /* of a secret as text */
};

/* Who asks, and what that may do. */
struct identity {
	char name[AUTH_NAME_BYTES];
	unsigned roles;		      /* what they imply included */
	char scope[AUTH_SCOPE_BYTES]; /* a glob of VMs' names */
	int64_t expires;	      /* UTC seconds, 0: never */
	uint64_t token;		      /* its number; 0: by another way */
	uint64_t account;	      /* of who logged in with a password; 0: another way */
	unsigned user;		      /* of the Unix socket, when both are 0 */
};

/* The names of roles, in the order of the bits. */
extern const char *const role_names[6];
unsigned role_imply(unsigned roles);
json_t *role_json(unsigned roles);
/* Words that are no roles count for nothing. */
unsigned role_of_json(const json_t *list);

bool scope_has(const char *scope, const char *vm);
/* Whether every VM of `inner` is certainly one of `outer`. */
bool scope_within(const char *inner, const char *outer);
bool scope_valid(const char *scope);

/* A secret: `prefix` and 256 random bits; the text and its SHA-256. */
bool secret_make(const char *prefix, char *text, uint8_t *hash);
void secret_hash(const char *text, uint8_t *hash);

/*
 * tokens.json of the state directory. *first gets the first token when none was there, else "".
 * `hash` (64 hex digits, or NULL) is the SHA-256 of a token that there is from then on, with all
 * roles: the way back for whoever has lost the others.
 */
bool token_open(char *first, const char *hash);
bool token_identify(const char *secret, struct identity *identity);
/* Makes one; false: it cannot be written. `text` gets the secret. */
bool token_make(const char *name, unsigned roles, const char *scope, int64_t expires,
		uint64_t *number, char *text);
/* False: the token is there no more. */
bool token_alive(uint64_t number, int64_t now);
/* Those that `who` may see or remove: whose scope is within that of `who`. */
json_t *token_list(const struct identity *who);
/* Whether `who` may revoke a token, or why not. */
enum token_verdict { TOKEN_REMOVABLE, TOKEN_UNKNOWN, TOKEN_ABOVE, TOKEN_LAST };
enum token_verdict token_judge(uint64_t number, const struct identity *who);
/* Revokes a token that token_judge() has found removable. Returns false if it cannot be written. */
bool token_remove(uint64_t number);
void token_tick(void);

/*
 * Of the roles admin and auditor those that nobody keeps without `token` and `account` (0: none of
 * these): for all VMs, and without an end.
 */
unsigned role_lost(uint64_t token, uint64_t account);
unsigned token_kept(uint64_t except);

/* False: the token or the user is there no more. */
bool identity_alive(const struct identity *identity, int64_t now);

/* "alice via token 7" in at most 64 bytes. */
void identity_actor(const struct identity *identity, char *actor, size_t room);

/* Logins: in memory only, SESSION_S. `prefix` is "" of a cookie's secret, else SESSION_PREFIX. */
#define SESSION_PREFIX "sks_"
enum { SESSION_S = 12 * 3600 };
bool session_make(const struct identity *identity, const char *prefix, char *text);
bool session_identify(const char *text, struct identity *identity);
void session_end(const char *text);

/*
 * One-use tickets for WebSockets, 30 s: each for GET of one path of the table, and of one VM where
 * the path has one. `what`: "stream", "read", "write".
 */
bool ticket_make(const struct identity *identity, const char *path, const char *vm,
		 const char *what, char *text);
bool ticket_use(const char *text, const char *path, const char *vm, char *what,
		struct identity *identity);

/* False: too much; *retry_s says when again. */
bool rate_allows(const struct identity *identity, bool change, unsigned *retry_s);
/*
 * Wrong credentials: five a minute, then doubling up to 64 s, for each user at each address (`user`
 * NULL: for the tokens of an address), and thirty for all users of an address. A token that is
 * right is not asked for here, and takes back wrong tokens alone.
 */
bool login_allowed(const char *address, const char *user, unsigned *retry_s);
/* The address that is counted: whoever has one of IPv6 has all of its /64. */
void login_key(const char *address, char *key, size_t room);
/* Whether this user has logged in from there. */
bool login_known(const char *address, const char *user);
void login_failed(const char *address, const char *user);
void login_passed(const char *address, const char *user);
