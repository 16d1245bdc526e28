/* SPDX-License-Identifier: MIT */
/*
 * Limits each group's use of memory: charges and releases pages against the group's quota. The
 * allocators of mm/ call it for every page that a group pays for, kernel/ sets the limits. It
 * writes a quota's counts, which lie in the group's page for the manager to read, and the number of
 * its pages that wait to be freed, all under the quota's lock.
 */
#include "mm/quota.h"

#include "arch/x86_64/cpu/panic.h"
#include "mm/tlb.h"

void quota_init(struct quota *quota, struct group_page *account, u64 limit)
{
	static u32 numbers; /* guarded by the object lock; 2^32 groups are not reached */

	*quota = (struct quota){.account = account};
	if (account != NULL) {
		account->quota_pages = limit;
		quota->number = ++numbers;
	}
	for (size_t i = 0; i < CACHE_KIND_COUNT; i++)
		list_init(&quota->slabs[i]);
}

/*
 * Returns how many released pages still count as used, because they wait to be freed. Pages that
 * share a mark (mm/tlb.h) count until the last of them is free. The caller holds the quota's lock.
 */
static u64 quota_still_returning(struct quota *quota)
{
	while (quota->returning[0].pages != 0 && tlb_pages_freed(quota->returning[0].mark)) {
		quota->returning[0] = quota->returning[1];
		quota->returning[1].pages = 0;
	}
	return quota->returning[0].pages + quota->returning[1].pages;
}

enum status quota_charge(struct quota *quota, enum page_owner owner, u64 count)
{
	enum status status = STATUS_NO_QUOTA;
	struct group_page *account;
	u64 left;

	if (quota == NULL)
		return STATUS_OK;
	account = quota->account;
	lock_acquire(&quota->lock, LOCK_QUOTA);
	left = account->quota_pages - account->used_pages;
	if (count <= left)
		status = quota_still_returning(quota) <= left - count ? STATUS_OK : STATUS_AGAIN;
	if (status == STATUS_OK) {
		account->used_pages += count;
		account->pages[owner] += count;
	}
	lock_release(&quota->lock, LOCK_QUOTA);
	return status;
}

enum status quota_set_limit(struct quota *quota, u64 limit)
{
	enum status status = STATUS_IN_USE;

	lock_acquire(&quota->lock, LOCK_QUOTA);
	if (quota->account->used_pages <= limit) {
		quota->account->quota_pages = limit;
		status = STATUS_OK;
	}
	lock_release(&quota->lock, LOCK_QUOTA);
	return status;
}

void quota_release(struct quota *quota, enum page_owner owner, u64 count, u64 mark)
{
	struct quota_returning *returning;

	if (quota == NULL)
		return;
	lock_acquire(&quota->lock, LOCK_QUOTA);
	CHECK(count <= quota->account->pages[owner]);
	quota->account->used_pages -= count;
	quota->account->pages[owner] -= count;
	if (mark != 0) {
		returning = &quota->returning[quota_still_returning(quota) != 0];
		returning->pages += count;
		/*
		 * another CPU may have come first with pages that were released after these, and
		 * have a later mark
		 */
		returning->mark = MAX(returning->mark, mark);
	}
	lock_release(&quota->lock, LOCK_QUOTA);
}
