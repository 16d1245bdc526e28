/* SPDX-License-Identifier: MIT */
/*
 * The tokens of the API, kept as their SHA-256. Their handlers make and revoke them,
 * authentication looks them up; it writes tokens.json.
 */
#include "gateway/core/identity/token.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <gnutls/gnutls.h>

#include "gateway/base/bytes.h"
#include "gateway/base/string.h"
#include "gateway/core/common/state.h"
#include "gateway/core/identity/identity.h"
#include "gateway/core/identity/role.h"
#include "gateway/core/identity/scope.h"
#include "gateway/core/identity/secret.h"

enum {
	TOKEN_COUNT = 1024,
	/* entries of the table that only tokens with the scope of all VMs may take */
	TOKEN_KEPT = 32,
	/* entries among TOKEN_KEPT that only the token of --token-hash may take */
	TOKEN_KEPT_START = 4,
	TOKEN_ALL_ROLES =
		ROLE_ADMIN | ROLE_AUDITOR | ROLE_CONSOLE_WRITE | ROLE_GUEST | ROLE_CONTENT,
};

struct token {
	uint64_t number; /* the token's number; 0: the entry is free */
	char name[IDENTITY_NAME_BYTES];
	unsigned roles; /* the roles as given, without those that they contain */
	char scope[SCOPE_BYTES];
	int64_t created, expires, used;
	uint8_t hash[SECRET_BYTES];
};

static struct {
	struct token list[TOKEN_COUNT];
	uint64_t last;
	bool touched; /* times of use have changed that tokens.json does not have yet */
	time_t written;
} tokens;

static json_t *token_json(const struct token *token)
{
	char number[24];

	snprintf(number, sizeof(number), "%llu", (unsigned long long)token->number);
	return json_pack("{s:s, s:s, s:o, s:s, s:I, s:o, s:o}", "id", number, "name", token->name,
			 "roles", role_json(token->roles), "scope", token->scope, "created",
			 (json_int_t)token->created, "expires",
			 token->expires ? json_integer(token->expires) : json_null(), "last_use",
			 token->used ? json_integer(token->used) : json_null());
}

static bool token_save(void)
{
	json_t *list = json_array();
	bool done;

	for (size_t i = 0; i < TOKEN_COUNT; i++) {
		char hash[2 * SECRET_BYTES + 1];
		json_t *object;

		if (!tokens.list[i].number)
			continue;
		object = token_json(&tokens.list[i]);
		hex_write(hash, tokens.list[i].hash, SECRET_BYTES);
		json_object_set_new(object, "sha256", json_string(hash));
		json_array_append_new(list, object);
	}
	done = state_write_json("tokens.json", json_pack("{s:I, s:o}", "last",
							 (json_int_t)tokens.last, "tokens", list));
	tokens.touched = tokens.touched && !done;
	tokens.written = time(NULL);
	return done;
}

static bool token_expired(const struct token *token, int64_t now)
{
	return token->expires && now >= token->expires;
}

/*
 * Returns a free entry of the table, or that of an expired token; NULL if taking it would leave
 * fewer than `kept` such places.
 */
static struct token *token_place(size_t kept)
{
	struct token *place = NULL;
	int64_t now = time(NULL);
	size_t left = 0;

	for (size_t i = 0; i < TOKEN_COUNT; i++) {
		struct token *token = &tokens.list[i];

		if (token->number && !token_expired(token, now))
			continue;
		left++;
		if (!place || (place->number && !token->number))
			place = token;
	}
	return left > kept ? place : NULL;
}

/*
 * Returns an entry for the token of --token-hash, which must always get one: if none is free, that
 * of the newest token without the scope of all VMs, else of the newest token.
 */
static struct token *token_place_start(void)
{
	struct token *place = token_place(0), *newest = &tokens.list[0];

	for (size_t i = 1; i < TOKEN_COUNT && !place; i++) {
		struct token *token = &tokens.list[i];
		bool all = !strcmp(token->scope, "*"), newest_all = !strcmp(newest->scope, "*");

		if (all == newest_all ? token->number > newest->number : newest_all)
			newest = token;
	}
	return place ? place : newest;
}

/* Reads the bytes of a hash in hex; returns false if the text is no hash. */
static bool token_hash(const char *text, uint8_t *hash)
{
	if (strlen(text) != 2 * SECRET_BYTES ||
	    strspn(text, "0123456789abcdefABCDEF") != 2 * SECRET_BYTES)
		return false;
	for (size_t i = 0; i < SECRET_BYTES; i++) {
		if (sscanf(text + 2 * i, "%2hhx", &hash[i]) != 1)
			return false;
	}
	return true;
}

static bool token_load(json_t *object)
{
	struct token *token = token_place(0);
	const char *name = json_string_value(json_object_get(object, "name"));
	const char *scope = json_string_value(json_object_get(object, "scope"));
	const char *hash = json_string_value(json_object_get(object, "sha256"));
	const char *number = json_string_value(json_object_get(object, "id"));

	if (!token || !name || !scope || !hash || !number || !scope_valid(scope) ||
	    !token_hash(hash, token->hash))
		return false;
	string_copy(token->name, sizeof(token->name), name);
	string_copy(token->scope, sizeof(token->scope), scope);
	token->roles = role_of_json(json_object_get(object, "roles"));
	token->created = json_integer_value(json_object_get(object, "created"));
	token->expires = json_integer_value(json_object_get(object, "expires"));
	token->used = json_integer_value(json_object_get(object, "last_use"));
	token->number = strtoull(number, NULL, 10);
	if (token->number > tokens.last)
		tokens.last = token->number;
	return token->number != 0;
}

/* Adds the token of --token-hash, unless it is in the list already. */
static bool token_give(const char *text)
{
	struct token *token;
	uint8_t hash[SECRET_BYTES];

	if (!token_hash(text, hash)) {
		fprintf(stderr,
			"skerryd: --token-hash must be the SHA-256 of a token: 64 hex digits\n");
		return false;
	}
	for (size_t i = 0; i < TOKEN_COUNT; i++) {
		if (tokens.list[i].number && !memcmp(tokens.list[i].hash, hash, sizeof(hash)))
			return true;
	}
	token = token_place_start();
	*token = (struct token){
		.number = ++tokens.last,
		.name = "given at the start",
		.roles = TOKEN_ALL_ROLES,
		.scope = "*",
		.created = time(NULL),
	};
	memcpy(token->hash, hash, sizeof(hash));
	return token_save();
}

bool token_open(char *first, const char *hash)
{
	json_t *root, *object;
	uint64_t number;
	char *text;
	size_t i;

	*first = 0;
	if (!state_read("tokens.json", &text))
		return false;
	if (!text && hash)
		return token_give(hash);
	if (!text)
		return token_make("first", TOKEN_ALL_ROLES, "*", 0, &number, first);
	root = json_loads(text, 0, NULL);
	free(text);
	if (!root) {
		fprintf(stderr, "skerryd: tokens.json is damaged\n");
		return false;
	}
	tokens.last = (uint64_t)json_integer_value(json_object_get(root, "last"));
	json_array_foreach(json_object_get(root, "tokens"), i, object)
	{
		if (!token_load(object)) {
			fprintf(stderr, "skerryd: tokens.json: entry %zu is damaged\n", i + 1);
			json_decref(root);
			return false;
		}
	}
	json_decref(root);
	return !hash || token_give(hash);
}

bool token_make(const char *name, unsigned roles, const char *scope, int64_t expires,
		uint64_t *number, char *text)
{
	struct token *token = token_place(strcmp(scope, "*") ? TOKEN_KEPT : TOKEN_KEPT_START);

	if (!token)
		return false;
	*token = (struct token){.roles = roles, .created = time(NULL), .expires = expires};
	string_copy(token->name, sizeof(token->name), name);
	string_copy(token->scope, sizeof(token->scope), scope);
	if (!secret_make("sky_", text, token->hash))
		return false;
	token->number = *number = ++tokens.last;
	if (token_save())
		return true;
	token->number = 0;
	explicit_bzero(text, strlen(text));
	return false;
}

static void token_become(const struct token *token, struct identity *identity)
{
	*identity = (struct identity){
		.roles = role_imply(token->roles),
		.expires = token->expires,
		.token = token->number,
	};
	memcpy(identity->name, token->name, sizeof(identity->name));
	memcpy(identity->scope, token->scope, sizeof(identity->scope));
}

bool token_identify(const char *secret, struct identity *identity)
{
	uint8_t hash[SECRET_BYTES];
	int64_t now = time(NULL);

	if (strncmp(secret, "sky_", 4) || strlen(secret) != 4 + 2 * SECRET_BYTES)
		return false;
	secret_hash(secret, hash);
	for (size_t i = 0; i < TOKEN_COUNT; i++) {
		struct token *token = &tokens.list[i];

		if (!token->number || gnutls_memcmp(token->hash, hash, sizeof(hash)))
			continue;
		if (token_expired(token, now))
			return false;
		token->used = now;
		tokens.touched = true;
		token_become(token, identity);
		return true;
	}
	return false;
}

bool token_alive(uint64_t number, int64_t now)
{
	for (size_t i = 0; i < TOKEN_COUNT; i++) {
		if (tokens.list[i].number == number)
			return number && !token_expired(&tokens.list[i], now);
	}
	return false;
}

json_t *token_list(const struct identity *who)
{
	json_t *list = json_array();

	for (size_t i = 0; i < TOKEN_COUNT; i++) {
		if (tokens.list[i].number && scope_within(tokens.list[i].scope, who->scope))
			json_array_append_new(list, token_json(&tokens.list[i]));
	}
	return list;
}

/* Returns the roles that the token has if it is for all VMs and does not expire, else 0. */
static unsigned token_keeps(const struct token *token)
{
	return strcmp(token->scope, "*") || token->expires ? 0 : token->roles;
}

unsigned token_kept(uint64_t except)
{
	unsigned roles = 0;

	for (size_t i = 0; i < TOKEN_COUNT; i++) {
		if (tokens.list[i].number && tokens.list[i].number != except)
			roles |= token_keeps(&tokens.list[i]);
	}
	return roles;
}

static struct token *token_find(uint64_t number)
{
	for (size_t i = 0; number && i < TOKEN_COUNT; i++) {
		if (tokens.list[i].number == number)
			return &tokens.list[i];
	}
	return NULL;
}

enum token_verdict token_judge(uint64_t number, const struct identity *who, unsigned others)
{
	const struct token *token = token_find(number);

	if (!token || !scope_within(token->scope, who->scope))
		return TOKEN_UNKNOWN;
	if (role_imply(token->roles) & ~who->roles)
		return TOKEN_ABOVE;
	if (token_keeps(token) & (ROLE_ADMIN | ROLE_AUDITOR) & ~(token_kept(number) | others))
		return TOKEN_LAST;
	return TOKEN_REMOVABLE;
}

bool token_remove(uint64_t number)
{
	struct token *token = token_find(number);

	if (!token)
		return false;
	token->number = 0;
	if (token_save()) {
		explicit_bzero(token, sizeof(*token));
		return true;
	}
	token->number = number;
	return false;
}

/* Tokens' times of use are written to tokens.json once a minute at most. */
void token_tick(void)
{
	if (tokens.touched && time(NULL) - tokens.written >= 60)
		token_save();
}
