/* SPDX-License-Identifier: MIT */
/*
 * The users who log in with a password. The handlers of users and logins call it, authentication
 * asks it whether a login still counts; it writes users.json.
 */

#include "gateway/core/identity/account.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/base/string.h"
#include "gateway/core/common/name.h"
#include "gateway/core/common/state.h"
#include "gateway/core/identity/identity.h"
#include "gateway/core/identity/login.h"
#include "gateway/core/identity/role.h"
#include "gateway/core/identity/scope.h"

enum {
	ACCOUNT_COUNT = 256,
	/* entries of the table that only users with the scope of all VMs may take */
	ACCOUNT_KEPT = 16
};

static struct {
	struct account list[ACCOUNT_COUNT];
	uint64_t last;
	bool touched; /* times of use have changed that users.json does not have yet */
	time_t written;
} accounts;

json_t *account_json(const struct account *account)
{
	return json_pack("{s:s, s:o, s:s, s:I, s:o}", "name", account->name, "roles",
			 role_json(account->roles), "scope", account->scope, "created",
			 (json_int_t)account->created, "last_login",
			 account->used ? json_integer(account->used) : json_null());
}

static bool account_save(void)
{
	json_t *list = json_array();
	bool done;

	for (size_t i = 0; i < ACCOUNT_COUNT; i++) {
		const struct account *account = &accounts.list[i];
		json_t *object;

		if (!account->number)
			continue;
		object = account_json(account);
		json_object_set_new(object, "number", json_integer((json_int_t)account->number));
		json_object_set_new(object, "hash", json_string(account->hash));
		json_array_append_new(list, object);
	}
	done = state_write_json("users.json", json_pack("{s:I, s:o}", "last",
							(json_int_t)accounts.last, "users", list));
	accounts.touched = accounts.touched && !done;
	accounts.written = time(NULL);
	return done;
}

static bool account_load(struct account *account, const json_t *object)
{
	const char *name = json_string_value(json_object_get(object, "name"));
	const char *scope = json_string_value(json_object_get(object, "scope"));
	const char *hash = json_string_value(json_object_get(object, "hash"));

	if (!name || !name_valid(name) || !scope || !scope_valid(scope) || !hash ||
	    strlen(hash) >= sizeof(account->hash))
		return false;
	string_copy(account->name, sizeof(account->name), name);
	string_copy(account->scope, sizeof(account->scope), scope);
	string_copy(account->hash, sizeof(account->hash), hash);
	account->roles = role_of_json(json_object_get(object, "roles"));
	account->created = json_integer_value(json_object_get(object, "created"));
	account->used = json_integer_value(json_object_get(object, "last_login"));
	account->number = (uint64_t)json_integer_value(json_object_get(object, "number"));
	if (account->number > accounts.last)
		accounts.last = account->number;
	return account->number != 0;
}

bool account_open(void)
{
	json_t *root, *object;
	bool good;
	char *text;
	size_t i;

	if (!state_read("users.json", &text))
		return false;
	if (!text)
		return true;
	root = json_loads(text, 0, NULL);
	free(text);
	good = root;
	accounts.last = (uint64_t)json_integer_value(json_object_get(root, "last"));
	json_array_foreach(json_object_get(root, "users"), i, object)
	{
		good = good && i < ACCOUNT_COUNT && account_load(&accounts.list[i], object);
	}
	if (!good)
		fprintf(stderr, "skerryd: users.json is damaged\n");
	json_decref(root);
	return good;
}

static struct account *account_place(uint64_t number)
{
	for (size_t i = 0; i < ACCOUNT_COUNT; i++) {
		if (accounts.list[i].number == number)
			return &accounts.list[i];
	}
	return NULL;
}

const struct account *account_find(const char *name)
{
	for (size_t i = 0; i < ACCOUNT_COUNT; i++) {
		if (accounts.list[i].number && !strcmp(accounts.list[i].name, name))
			return &accounts.list[i];
	}
	return NULL;
}

const struct account *account_by_number(uint64_t number)
{
	return number ? account_place(number) : NULL;
}

bool account_check(uint32_t request, const char *address, const char *name, const char *password,
		   password_done done)
{
	const struct account *account = account_find(name);

	if (!password_check(request, account ? account->number : 0, password,
			    account ? account->hash : NULL, address, login_known(address, name),
			    done))
		return false;
	login_failed(address, name);
	return true;
}

void account_become(const struct account *account, struct identity *identity)
{
	*identity =
		(struct identity){.roles = role_imply(account->roles), .account = account->number};
	string_copy(identity->name, sizeof(identity->name), account->name);
	string_copy(identity->scope, sizeof(identity->scope), account->scope);
}

void account_used(uint64_t number)
{
	struct account *account = number ? account_place(number) : NULL;

	if (account)
		account->used = time(NULL);
	accounts.touched = true;
}

/* Returns whether one more user of that scope may be made: whether the table has room. */
static bool account_room(const char *scope)
{
	size_t left = 0;

	for (size_t i = 0; i < ACCOUNT_COUNT; i++)
		left += !accounts.list[i].number;
	return left > (strcmp(scope, "*") ? ACCOUNT_KEPT : 0);
}

bool account_keep(const struct account *account)
{
	struct account *place = account_place(account->number), before;

	if (!place || (!account->number && !account_room(account->scope)))
		return false;
	before = *place;
	*place = *account;
	place->number = ++accounts.last;
	if (account_save())
		return true;
	*place = before;
	return false;
}

bool account_remove(uint64_t number)
{
	struct account *place = account_place(number), before = *place;

	explicit_bzero(place, sizeof(*place));
	if (account_save())
		return true;
	*place = before;
	return false;
}

bool account_within(const struct account *account, const struct identity *who)
{
	return !(role_imply(account->roles) & ~who->roles) &&
	       scope_within(account->scope, who->scope);
}

unsigned account_kept(uint64_t except)
{
	unsigned roles = 0;

	for (size_t i = 0; i < ACCOUNT_COUNT; i++) {
		const struct account *account = &accounts.list[i];

		if (account->number && account->number != except && !strcmp(account->scope, "*"))
			roles |= account->roles;
	}
	return roles;
}

json_t *account_list(const struct identity *who)
{
	json_t *list = json_array();

	for (size_t i = 0; i < ACCOUNT_COUNT; i++) {
		if (accounts.list[i].number && account_within(&accounts.list[i], who))
			json_array_append_new(list, account_json(&accounts.list[i]));
	}
	return list;
}

/* Times of logins are written to users.json once a minute at most. */
void account_tick(void)
{
	if (accounts.touched && time(NULL) - accounts.written >= 60)
		account_save();
}
