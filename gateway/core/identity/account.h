/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "gateway/core/common/name.h"
#include "gateway/core/identity/identity.h"
#include "gateway/core/identity/password.h"

/*
 * A user, as users.json of the state directory has it: a person who logs in with a password, with
 * roles and a scope.
 */
struct account {
	/* a new number after each change, which ends the user's logins; 0: the entry is free */
	uint64_t number;
	char name[NAME_BYTES];
	unsigned roles; /* the roles as given, without those that they contain */
	char scope[SCOPE_BYTES];
	int64_t created, used;
	char hash[PASSWORD_HASH_BYTES];
};

bool account_open(void);
const struct account *account_find(const char *name);
/* Returns the user with that number, or NULL when the user is gone or was changed. */
const struct account *account_by_number(uint64_t number);
/*
 * Has the password thread check a user's password; `done` is called with the result. The password
 * counts as wrong until the check has ended, so that guesses made meanwhile are not free. An
 * unknown name takes as long as a known one. Returns false when too many jobs are under way.
 */
bool account_check(uint32_t request, const char *address, const char *name, const char *password,
		   password_done done);
void account_become(const struct account *account, struct identity *identity);
/* Notes that the user with that number has logged in. */
void account_used(uint64_t number);

/*
 * Makes a user, or changes the user with account->number. Returns false when users.json cannot be
 * written; nothing has changed then.
 */
bool account_keep(const struct account *account);
bool account_remove(uint64_t number);
/*
 * Returns whether `who` has all rights that the user has, and so may see, change and remove the
 * user.
 */
bool account_within(const struct account *account, const struct identity *who);
json_t *account_json(const struct account *account);
json_t *account_list(const struct identity *who);
void account_tick(void);
/*
 * Returns the roles that users with the scope of all VMs have, without the user numbered `except`.
 */
unsigned account_kept(uint64_t except);
