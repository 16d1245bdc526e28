/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Any account, for the proofs of mm/quota.c by both tools. A harness includes this behind the
 * header of its tool, which defines ANY_U64.
 */
#include "mm/quota.h"

static struct quota quota;
static struct group_page account;

static void any_quota(void)
{
	account.quota_pages = ANY_U64;
	account.used_pages = ANY_U64;
	for (u32 i = 0; i < PAGE_OWNER_COUNT; i++)
		account.pages[i] = ANY_U64;
	quota.account = &account;
	for (u32 lot = 0; lot < 2; lot++) {
		quota.returning[lot].pages = ANY_U64;
		quota.returning[lot].mark = ANY_U64;
	}
}
