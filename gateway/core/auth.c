/* SPDX-License-Identifier: MIT */
#include "gateway/core/auth.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "gateway/base/buffer.h"
#include "gateway/core/account.h"

const char *const role_names[6] = {"viewer",  "operator",     "admin",
				   "auditor", "console-read", "console-write"};

unsigned role_imply(unsigned roles)
{
	if (roles & ROLE_ADMIN)
		roles |= ROLE_OPERATOR;
	if (roles & ROLE_OPERATOR)
		roles |= ROLE_VIEWER;
	if (roles & ROLE_CONSOLE_WRITE)
		roles |= ROLE_CONSOLE_READ;
	return roles;
}

json_t *role_json(unsigned roles)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < 6; i++) {
		if (roles & 1u << i)
			json_array_append_new(list, json_string(role_names[i]));
	}
	return list;
}

unsigned role_of_json(const json_t *list)
{
	unsigned roles = 0;
	json_t *role;
	size_t i;

	json_array_foreach(list, i, role)
	{
		for (unsigned bit = 0; bit < 6; bit++) {
			if (json_is_string(role) &&
			    !strcmp(json_string_value(role), role_names[bit]))
				roles |= 1u << bit;
		}
	}
	return roles;
}

bool identity_alive(const struct identity *identity, int64_t now)
{
	if (identity->account)
		return account_by_number(identity->account);
	return !identity->token || token_alive(identity->token, now);
}

void identity_actor(const struct identity *identity, char *actor, size_t room)
{
	if (identity->token)
		snprintf(actor, room, "%.36s via token %llu", identity->name,
			 (unsigned long long)identity->token);
	else
		snprintf(actor, room, "%.36s via %s", identity->name,
			 identity->account ? "password" : "socket");
}

unsigned role_lost(uint64_t token, uint64_t account)
{
	return (ROLE_ADMIN | ROLE_AUDITOR) & ~(token_kept(token) | account_kept(account));
}

bool scope_has(const char *scope, const char *vm)
{
	return !strcmp(scope, "*") || fnmatch(scope, vm, FNM_NOESCAPE) == 0;
}

bool scope_valid(const char *scope)
{
	size_t length = strlen(scope);

	if (length == 0 || length >= AUTH_SCOPE_BYTES)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!isalnum((unsigned char)scope[i]) && !strchr("-_.*?", scope[i]))
			return false;
	}
	return true;
}

/* Says yes only where it is easy to see: the same, a plain name, or a longer prefix before a star.
 */
bool scope_within(const char *inner, const char *outer)
{
	size_t length = strlen(outer);

	if (!strcmp(outer, "*") || !strcmp(inner, outer))
		return true;
	if (!strpbrk(inner, "*?"))
		return scope_has(outer, inner);
	return length && outer[length - 1] == '*' && strcspn(outer, "*?") == length - 1 &&
	       !strncmp(inner, outer, length - 1);
}

void secret_hash(const char *text, uint8_t *hash)
{
	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, text, strlen(text), hash) < 0)
		memset(hash, 0, AUTH_SECRET_BYTES);
}

bool secret_make(const char *prefix, char *text, uint8_t *hash)
{
	uint8_t random[AUTH_SECRET_BYTES];
	size_t length = strlen(prefix);

	if (gnutls_rnd(GNUTLS_RND_KEY, random, sizeof(random)) < 0)
		return false;
	memcpy(text, prefix, length);
	hex_write(text + length, random, sizeof(random));
	explicit_bzero(random, sizeof(random));
	secret_hash(text, hash);
	return true;
}
