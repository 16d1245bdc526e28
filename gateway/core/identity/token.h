/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "gateway/core/identity/identity.h"

/* The first characters of each token's text. */
#define TOKEN_PREFIX "sky_"

/*
 * Reads tokens.json of the state directory. If there was none, *first gets the first token, else
 * "". `hash` (64 hex digits, or NULL) is the SHA-256 of a token with all roles, which is added: the
 * way back in for an administrator who has lost the others.
 */
bool token_open(char *first, const char *hash);
bool token_identify(const char *secret, struct identity *identity);
/* Makes a token, whose secret `text` gets. Returns false if tokens.json cannot be written. */
bool token_make(const char *name, unsigned roles, const char *scope, int64_t expires,
		uint64_t *number, char *text);
/* Returns false when the token of that number has expired or was revoked. */
bool token_alive(uint64_t number, int64_t now);
/* Returns the tokens that `who` may see or remove: tokens whose scope is within that of `who`. */
json_t *token_list(const struct identity *who);
/*
 * The verdict of token_judge(): whether `who` may revoke a token, or why not; `others` are the
 * roles that users have for all VMs.
 */
enum token_verdict { TOKEN_REMOVABLE, TOKEN_UNKNOWN, TOKEN_ABOVE, TOKEN_LAST };
enum token_verdict token_judge(uint64_t number, const struct identity *who, unsigned others);
/*
 * Revokes a token that token_judge() has found removable. Returns false if tokens.json cannot be
 * written.
 */
bool token_remove(uint64_t number);

/*
 * Returns the roles that tokens with the scope of all VMs and without an expiry have, without the
 * token `except`.
 */
unsigned token_kept(uint64_t except);
void token_tick(void);
