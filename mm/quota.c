/* SPDX-License-Identifier: MIT */
#include "mm/quota.h"

#include "kernel/panic.h"

void quota_init(struct quota *quota, u64 limit)
{
	*quota = (struct quota){.limit = limit};
	for (size_t i = 0; i < CACHE_KIND_COUNT; i++)
		list_init(&quota->slabs[i]);
}

static void publish(struct quota *quota, enum page_owner owner)
{
	if (quota->published == NULL)
		return;
	quota->published->quota_pages = quota->limit;
	quota->published->used_pages = quota->used;
	quota->published->pages[owner] = quota->pages[owner];
}

void quota_publish(struct quota *quota, struct group_page *page)
{
	lock_acquire(&quota->lock, LOCK_QUOTA);
	quota->published = page;
	for (unsigned int owner = 0; owner < PAGE_OWNER_COUNT; owner++)
		publish(quota, owner);
	lock_release(&quota->lock, LOCK_QUOTA);
}

enum status quota_charge(struct quota *quota, enum page_owner owner, u64 count)
{
	enum status status = STATUS_NO_QUOTA;

	if (quota == NULL)
		return STATUS_OK;
	lock_acquire(&quota->lock, LOCK_QUOTA);
	if (count <= quota->limit - quota->used) {
		quota->used += count;
		quota->pages[owner] += count;
		publish(quota, owner);
		status = STATUS_OK;
	}
	lock_release(&quota->lock, LOCK_QUOTA);
	return status;
}

void quota_release(struct quota *quota, enum page_owner owner, u64 count)
{
	if (quota == NULL)
		return;
	lock_acquire(&quota->lock, LOCK_QUOTA);
	CHECK(count <= quota->pages[owner]);
	quota->used -= count;
	quota->pages[owner] -= count;
	publish(quota, owner);
	lock_release(&quota->lock, LOCK_QUOTA);
}
