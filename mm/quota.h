/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/pages.h"
#include "lib/list.h"
#include "lib/lock.h"
#include "lib/status.h"
#include "mm/cache.h"

/*
 * What a group may use and uses, in 4-KiB pages. Where a function takes a quota, NULL stands for
 * the kernel itself, which has no limit.
 */
struct quota {
	struct lock lock;
	u64 limit;
	u64 used; /* the sum of pages[] */
	u64 pages[PAGE_OWNER_COUNT];
	struct group_page *published; /* kept equal to the above when not NULL */
	/* Slabs with room, by kind; guarded by the same lock. */
	struct list slabs[CACHE_KIND_COUNT];
};

void quota_init(struct quota *quota, u64 limit);
/* From now on the account stands in the page as well; NULL ends that. */
void quota_publish(struct quota *quota, struct group_page *page);

/* STATUS_NO_QUOTA without effect when `count` more pages would pass the limit. */
enum status quota_charge(struct quota *quota, enum page_owner owner, u64 count) MUST_CHECK;
void quota_release(struct quota *quota, enum page_owner owner, u64 count);
