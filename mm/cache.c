/* SPDX-License-Identifier: MIT */
#include "mm/cache.h"

#include "kernel/panic.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "mm/address.h"
#include "mm/page.h"
#include "mm/quota.h"

#define OBJECT_ALIGNMENT 64

/* At the beginning of its page. */
struct slab {
	struct list node; /* in quota->slabs while it has room */
	struct cache *cache;
	struct quota *quota; /* as given by the caller, NULL: the kernel's */
	u64 used;	     /* a bit per object */
} ALIGNED(OBJECT_ALIGNMENT);
_Static_assert((PAGE_SIZE - sizeof(struct slab)) / OBJECT_ALIGNMENT < 64, "one word of bits");

/* Holds the lists of the kernel's own slabs; nothing is charged to it. */
static struct quota kernel_slabs;
static u32 cache_count;

void cache_init(struct cache *cache, size_t object_bytes)
{
	u64 bytes = align_up(object_bytes, OBJECT_ALIGNMENT);

	CHECK(bytes != 0 && bytes <= PAGE_SIZE - sizeof(struct slab) && cache_count < CACHE_MAX);
	if (cache_count == 0)
		quota_init(&kernel_slabs, 0);
	cache->object_bytes = (u32)bytes;
	cache->slab_objects = (u32)((PAGE_SIZE - sizeof(struct slab)) / bytes);
	cache->index = cache_count++;
}

static u64 slab_full(const struct cache *cache)
{
	return BIT(cache->slab_objects) - 1;
}

static enum status slab_alloc(struct cache *cache, struct quota *quota, struct slab **slab)
{
	hpa_t hpa;
	enum status status = page_alloc(0, PAGE_KERNEL, quota, &hpa);

	if (status != STATUS_OK)
		return status;
	page_of(hpa)->flags |= PAGE_FLAG_SLAB;
	*slab = hpa_to_pointer(hpa);
	**slab = (struct slab){.cache = cache, .quota = quota};
	list_init(&(*slab)->node);
	return STATUS_OK;
}

enum status cache_alloc(struct cache *cache, struct quota *quota, void **object)
{
	struct quota *holder = quota != NULL ? quota : &kernel_slabs;
	struct list *slabs = &holder->slabs[cache->index];
	struct slab *slab;
	unsigned int place;
	enum status status;

	lock_acquire(&holder->lock, LOCK_QUOTA);
	if (list_empty(slabs)) {
		/* Charging takes the same lock. */
		lock_release(&holder->lock, LOCK_QUOTA);
		status = slab_alloc(cache, quota, &slab);
		if (status != STATUS_OK)
			return status;
		lock_acquire(&holder->lock, LOCK_QUOTA);
		list_push_front(slabs, &slab->node);
	}
	slab = LIST_ENTRY(slabs->next, struct slab, node);
	place = bit_lowest(~slab->used);
	slab->used |= BIT(place);
	if (slab->used == slab_full(cache))
		list_remove(&slab->node);
	lock_release(&holder->lock, LOCK_QUOTA);

	*object = (u8 *)(slab + 1) + (size_t)place * cache->object_bytes;
	memset(*object, 0, cache->object_bytes);
	return STATUS_OK;
}

void cache_free(struct cache *cache, void *object)
{
	struct slab *slab = (struct slab *)align_down((u64)object, PAGE_SIZE);
	struct quota *quota = slab->quota;
	struct quota *holder = quota != NULL ? quota : &kernel_slabs;
	u64 offset = (u64)object - (u64)(slab + 1);
	bool empty;

	CHECK(slab->cache == cache && offset % cache->object_bytes == 0);
	lock_acquire(&holder->lock, LOCK_QUOTA);
	CHECK(slab->used & BIT(offset / cache->object_bytes));
	if (slab->used == slab_full(cache))
		list_push_front(&holder->slabs[cache->index], &slab->node);
	slab->used &= ~BIT(offset / cache->object_bytes);
	empty = slab->used == 0;
	if (empty)
		list_remove(&slab->node);
	lock_release(&holder->lock, LOCK_QUOTA);
	if (empty)
		page_free(pointer_to_hpa(slab), quota);
}

void *cache_walk(hpa_t page, u32 *place, const struct cache **cache, const struct quota **quota)
{
	const struct slab *slab;
	u64 at;

	if (!page_is_slab(page))
		return NULL;
	slab = hpa_to_pointer(page);
	while (*place < slab->cache->slab_objects && !(slab->used & BIT(*place)))
		++*place;
	if (*place == slab->cache->slab_objects)
		return NULL;
	at = *place;
	++*place;
	*cache = slab->cache;
	*quota = slab->quota;
	return (u8 *)(slab + 1) + at * slab->cache->object_bytes;
}
