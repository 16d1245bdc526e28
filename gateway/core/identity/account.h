/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "gateway/core/common/name.h"
#include "gateway/core/identity/identity.h"
#include "gateway/core/identity/password.h"

/* users.json of the state directory: who logs in with a password, and what they may then do. */
struct account {
	uint64_t number; /* another one after each change, which so ends its logins; 0: free */
	char name[NAME_BYTES];
	unsigned roles; /* as given */
	char scope[SCOPE_BYTES];
	int64_t created, used;
	char hash[PASSWORD_HASH_BYTES];
};

bool account_open(void);
const struct account *account_find(const char *name);
/* Returns NULL when that user is gone, or was changed. */
const struct account *account_by_number(uint64_t number);
void account_become(const struct account *account, struct identity *identity);
/* Notes that the user has logged in. */
void account_used(uint64_t number);

/*
 * Makes a user, or changes the one with that number. Returns false when the file cannot be
 * written; nothing has changed then.
 */
bool account_keep(const struct account *account);
bool account_remove(uint64_t number);
/* Whether `who` has all that the user has, and so may see, change and remove it. */
bool account_within(const struct account *account, const struct identity *who);
json_t *account_json(const struct account *account);
json_t *account_list(const struct identity *who);
void account_tick(void);
/* The roles that users of all VMs have, without the one with that number. */
unsigned account_kept(uint64_t except);
