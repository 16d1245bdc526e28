/* SPDX-License-Identifier: MIT */
/*
 * mm/quota.c: each call on any account that satisfies the invariant, with any pages that wait to be
 * freed. Proved: the invariant holds again, the counts change by what was asked and no other does,
 * a group never has more pages than its limit, counting those that it has given back and that are
 * not free yet, and a charge that was refused for these alone is granted once they are free.
 */
#include "tests/verify/cbmc/cbmc.h"

#include "mm/quota.c"

#include "tests/verify/quota.h"

static u64 freed; /* the pages that were released before this mark are free */

bool tlb_pages_freed(u64 mark)
{
	/* other CPUs go on: pages become free at any time, and stay so */
	freed = any_of(freed, ~0ull);
	return mark <= freed;
}

/* No object has more pages than the machine, which has fewer than 2^40: sums do not wrap. */
#define PAGES_MAX BIT(40)

static u64 returning(void)
{
	return quota.returning[0].pages + quota.returning[1].pages;
}

/* How many released pages are not free, of those that the quota knows of. */
static u64 not_free(void)
{
	return (quota.returning[0].mark > freed ? quota.returning[0].pages : 0) +
	       (quota.returning[1].mark > freed ? quota.returning[1].pages : 0);
}

/*
 * That used_pages is the sum of pages[] is shown by what changes: the one count by as much as the
 * sum, no other count.
 */
static bool invariant(void)
{
	return account.used_pages <= account.quota_pages && quota.returning[0].pages < PAGES_MAX &&
	       quota.returning[1].pages < PAGES_MAX &&
	       (quota.returning[0].pages != 0 || quota.returning[1].pages == 0);
}

static void any_state(void)
{
	any_quota();
	freed = ANY_U64;
	ASSUME(invariant());
}

void prove_charge(void)
{
	struct group_page before;
	enum page_owner owner = (enum page_owner)any_of(0, PAGE_OWNER_COUNT - 1);
	u64 other = any_of(0, PAGE_OWNER_COUNT - 1);
	u64 count = ANY_U64;
	u64 held;
	enum status status;

	any_state();
	before = account;
	held = not_free();
	status = quota_charge(&quota, owner, count);
	SHOW(account.quota_pages == before.quota_pages, "a charge leaves the limit as it is");
	if (status == STATUS_OK) {
		REACHED("a charge is granted");
		SHOW(account.used_pages == before.used_pages + count,
		     "the sum grows by the charge");
		SHOW(account.used_pages >= before.used_pages, "the sum does not wrap");
		SHOW(account.used_pages + not_free() <= account.quota_pages,
		     "the group has no more pages than its limit, counting those not free yet");
		SHOW(account.pages[other] == before.pages[other] + (other == owner ? count : 0),
		     "the charge is the owner's");
	} else {
		SHOW(account.used_pages == before.used_pages &&
			     account.pages[other] == before.pages[other],
		     "a charge that is refused changes nothing");
		SHOW(status == STATUS_AGAIN ? count <= account.quota_pages - account.used_pages
					    : count > account.quota_pages - account.used_pages,
		     "AGAIN says that the pages fit as soon as others are free, NO_QUOTA that not");
		SHOW(status == STATUS_AGAIN || status == STATUS_NO_QUOTA, "no other answer");
	}
	SHOW(not_free() <= held, "a charge gives back nothing");
	SHOW(status != STATUS_AGAIN || returning() != 0, "only pages that return make it wait");
	if (status == STATUS_AGAIN) {
		REACHED("a charge has to wait");
		freed = MAX(freed, MAX(quota.returning[0].mark, quota.returning[1].mark));
		SHOW(quota_charge(&quota, owner, count) == STATUS_OK,
		     "a charge that had to wait is granted once the pages are free");
	}
	SHOW(invariant(), "the invariant holds again");
}

void prove_release(void)
{
	struct group_page before;
	struct quota_returning lot[2];
	enum page_owner owner = (enum page_owner)any_of(0, PAGE_OWNER_COUNT - 1);
	u64 other = any_of(0, PAGE_OWNER_COUNT - 1);
	u64 count = ANY_U64;
	u64 mark = ANY_U64;
	u64 began, ended;

	any_state();
	ASSUME(count <= account.pages[owner] && account.pages[owner] <= account.used_pages);
	ASSUME(count < PAGES_MAX && returning() + count < PAGES_MAX);
	before = account;
	lot[0] = quota.returning[0];
	lot[1] = quota.returning[1];
	quota_release(&quota, owner, count, mark);
	SHOW(account.used_pages == before.used_pages - count, "the sum shrinks by the release");
	SHOW(account.pages[other] == before.pages[other] - (other == owner ? count : 0),
	     "the release is the owner's");
	SHOW(account.quota_pages == before.quota_pages, "a release leaves the limit as it is");
	began = (lot[0].mark > freed ? lot[0].pages : 0) + (lot[1].mark > freed ? lot[1].pages : 0);
	ended = not_free();
	SHOW(ended >= began + (mark > freed ? count : 0), "each page counts until it is free");
	if (mark == 0)
		SHOW(returning() == lot[0].pages + lot[1].pages,
		     "what is free at once never counts");
	if (lot[0].pages != 0 && lot[0].mark > freed) {
		REACHED("the first lot waits");
		SHOW(quota.returning[0].pages == lot[0].pages &&
			     quota.returning[0].mark == lot[0].mark,
		     "no release makes the first lot wait longer");
	}
	SHOW(quota.returning[0].mark <= MAX(mark, MAX(lot[0].mark, lot[1].mark)) &&
		     quota.returning[1].mark <= MAX(mark, MAX(lot[0].mark, lot[1].mark)),
	     "no page waits for one that is released later");
	SHOW(invariant(), "the invariant holds again");
	REACHED("the end");
}

void prove_limit(void)
{
	struct group_page before;
	u64 limit = ANY_U64;
	enum status status;

	any_state();
	before = account;
	status = quota_set_limit(&quota, limit);
	SHOW(account.used_pages == before.used_pages, "a limit charges nothing");
	SHOW((status == STATUS_OK) == (before.used_pages <= limit), "what is used stays granted");
	SHOW(status == STATUS_OK || status == STATUS_IN_USE, "no other answer");
	SHOW(account.quota_pages == (status == STATUS_OK ? limit : before.quota_pages),
	     "the limit is the one asked for, or as before");
	SHOW(invariant(), "the invariant holds again");
	REACHED("the end");
}

void prove_none(void)
{
	account.used_pages = ANY_U64;
	SHOW(quota_charge(NULL, PAGE_GUEST, ANY_U64) == STATUS_OK, "the kernel has no limit");
	quota_release(NULL, PAGE_GUEST, ANY_U64, ANY_U64);
	REACHED("the end");
}

void prove_init(void)
{
	u64 limit = ANY_U64;
	bool counted = ANY_BOOL;
	struct quota second;

	quota.returning[0].pages = ANY_U64;
	quota.returning[1].pages = ANY_U64;
	quota_init(&quota, counted ? &account : NULL, limit);
	SHOW(!counted || (account.quota_pages == limit && invariant()), "a new quota is in order");
	SHOW(quota.account == (counted ? &account : NULL), "the quota has its account");
	for (u32 i = 0; i < CACHE_KIND_COUNT; i++)
		SHOW(list_empty(&quota.slabs[i]), "a new quota has no slabs");
	quota_init(&second, &account, limit);
	SHOW((quota.number == 0) == !counted && second.number != quota.number,
	     "each quota has a number of its own, 0 stands for the kernel");
	REACHED("the end");
}
