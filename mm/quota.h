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
	/* Guarded by the lock: quota_pages, pages[] and their sum, used_pages. Others only read. */
	struct group_page *account;
	/* Slabs with room, by kind; guarded by the same lock. */
	struct list slabs[CACHE_KIND_COUNT];
};

/* `account`: zeroed; NULL: nothing is ever charged. */
void quota_init(struct quota *quota, struct group_page *account, u64 limit);

/* STATUS_NO_QUOTA without effect when `count` more pages would pass the limit. */
enum status quota_charge(struct quota *quota, enum page_owner owner, u64 count) MUST_CHECK;
void quota_release(struct quota *quota, enum page_owner owner, u64 count);
