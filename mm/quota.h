/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/pages.h"
#include "lib/list.h"
#include "lib/lock.h"
#include "lib/status.h"
#include "mm/cache.h"

/*
 * A group's limit and its use of 4-KiB pages. A NULL quota, wherever a function takes one, stands
 * for the kernel itself, which has no limit.
 */
struct quota {
	struct lock lock;
	u32 number; /* identifies the quota, from 1 on; 0 stands for the kernel */
	/*
	 * The group's page of counters, in which quota_pages, pages[] and their sum used_pages are
	 * written only under the lock.
	 */
	struct group_page *account;
	/*
	 * Guarded by the lock: the number of pages that were released but are not free yet, and the
	 * mark behind them in the list of pages that wait to be freed (mm/tlb.h). Pages released
	 * while the first ones wait are counted apart: otherwise a group that releases a page now
	 * and then would move the mark on each time, and none of its pages would count as free.
	 */
	struct quota_returning {
		u64 pages;
		u64 mark;
	} returning[2];
	/* The quota's slabs with a free piece, by kind (mm/cache.h); guarded by the lock. */
	struct list slabs[CACHE_KIND_COUNT];
};

/*
 * Initialises a quota. `account` is the group's zeroed page of counters, NULL if nothing is ever
 * charged; `limit` is in pages.
 */
void quota_init(struct quota *quota, struct group_page *account, u64 limit);

/*
 * Charges `count` pages. Fails without effect: STATUS_NO_QUOTA if they would exceed the limit;
 * STATUS_AGAIN if they would exceed it only because released pages are not free yet, which takes
 * some passes of all CPUs through their loops.
 */
enum status quota_charge(struct quota *quota, enum page_owner owner, u64 count) MUST_CHECK;
/* Sets the limit in pages. STATUS_IN_USE, without effect: more pages than that are used. */
enum status quota_set_limit(struct quota *quota, u64 limit) MUST_CHECK;
/*
 * Ends the charge of `count` pages, which are free once all pages before `mark` are
 * (tlb_pages_mark); mark 0: they are free now. Until then quota_charge counts them as used, so that
 * a group cannot hold more pages than its limit by freeing and allocating.
 */
void quota_release(struct quota *quota, enum page_owner owner, u64 count, u64 mark);
