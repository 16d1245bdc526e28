/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdatomic.h>

#include "gateway/proxy/rule.h"

/*
 * The account of a client address: its number of connections, and the bytes that it has moved by
 * each rule in this hour. The bytes are in a page that the listening process shares with the
 * processes of that client's connections, and with no others.
 */
enum { ACCOUNT_COUNT = 1024 };

struct account_page {
	_Atomic uint64_t moved[RULE_COUNT];
	_Atomic unsigned renewed; /* how often the rules have been read again */
};

/* Makes the pages. Returns false if there is no memory. */
bool account_setup(void);
/*
 * Counts one more connection of the address. Returns the number of its account, or -1 if the
 * address has `most` connections already, or all accounts are in use.
 */
int account_open(uint32_t address, unsigned most);
/* Returns how many connections the address of an account has. */
unsigned account_connections(int account);
void account_close(int account);
/*
 * Notes that the rules were read again: sets all counts of bytes to 0, and marks all accounts for
 * connections with old rules.
 */
void account_reset(void);
/* Returns the page of an account and unmaps the others; called in the process of a connection. */
struct account_page *account_keep(int account);
/* Unmaps all pages, in a process that is no connection's. */
void account_forget(void);
/* Returns whether the rules have been read again since this process began. */
bool account_is_old(struct account_page *page);
/* Counts bytes. Returns false when they are more than the rule allows in an hour. */
bool account_add(struct account_page *page, const struct rules *rules, const struct rule *rule,
		 uint64_t bytes);
