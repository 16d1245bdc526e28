/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/pages.h"
#include "lib/list.h"
#include "lib/lock.h"
#include "lib/status.h"
#include "mm/cache.h"

/*
 * A group's limit and use of 4-KiB pages. Where a function takes a quota, NULL stands for the
 * kernel itself, which has no limit.
 */
struct quota {
	struct lock lock;
	u32 number; /* another one for each, from 1 on; the kernel's own has 0 */
	/* quota_pages, pages[] and its sum, used_pages, are written only under the lock. */
	struct group_page *account;
	/*
	 * Likewise: pages that were released but are not free yet, and the mark after them. Those
	 * released while the first ones wait are counted apart: else who releases a page now and
	 * then would keep all of them here.
	 */
	struct quota_returning {
		u64 pages;
		u64 mark;
	} returning[2];
	/* Slabs with room, by kind; guarded by the same lock. */
	struct list slabs[CACHE_KIND_COUNT];
};

/* `account`: a zeroed page; NULL: nothing is ever charged. `limit`: in pages. */
void quota_init(struct quota *quota, struct group_page *account, u64 limit);

/*
 * STATUS_NO_QUOTA, without effect, if `count` more pages would exceed the limit. STATUS_AGAIN: only
 * because of pages that are still on their way back, which takes some passes of all CPUs.
 */
enum status quota_charge(struct quota *quota, enum page_owner owner, u64 count) MUST_CHECK;
/* STATUS_IN_USE, without effect: more than that is used. */
enum status quota_set_limit(struct quota *quota, u64 limit) MUST_CHECK;
/*
 * The pages are free at the mark (mm/tlb.h); 0: now. Until then quota_charge takes them for used,
 * so that a group cannot hold more pages than its limit in this way either.
 */
void quota_release(struct quota *quota, enum page_owner owner, u64 count, u64 mark);
