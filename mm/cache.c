/* SPDX-License-Identifier: MIT */
/*
 * The slab allocator of kernel objects and of other pieces smaller than a page. The functions in
 * kernel/ and mm/ that create and free objects call it, and SYS_AUDIT walks its slabs. A slab is a
 * page charged to one quota; the lists of slabs with room lie in that quota and are guarded by its
 * lock.
 */
#include "mm/cache.h"

#include "arch/x86_64/cpu/panic.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "mm/address.h"
#include "mm/page.h"
#include "mm/quota.h"

#define OBJECT_ALIGNMENT 64

/* The header at the beginning of each slab's page; the quota's lock guards it. */
struct slab {
	struct list node; /* the slab's place in quota->slabs while a piece is free */
	/* the quota that pays for the page; NULL: the kernel, see kernel_slabs */
	struct quota *quota;
	u64 used; /* the slab's pieces in use, a bit each */
	u64 full; /* the value of `used` when no piece is free */
	u32 kind;
	u32 bytes; /* size of each of the slab's pieces */
} ALIGNED(OBJECT_ALIGNMENT);
_Static_assert((PAGE_SIZE - sizeof(struct slab)) / OBJECT_ALIGNMENT < 64, "one word of bits");

/* Holds the lists of the kernel's own slabs, as a group's quota does; nothing is charged to it. */
static struct quota kernel_slabs;

void cache_init(void)
{
	quota_init(&kernel_slabs, NULL, 0);
}

static enum status cache_slab_alloc(struct quota *quota, unsigned int kind, size_t piece_bytes,
				    struct slab **slab)
{
	u64 bytes = align_up(piece_bytes, OBJECT_ALIGNMENT);
	hpa_t hpa;
	enum status status = page_alloc(0, PAGE_KERNEL, quota, &hpa);

	if (status != STATUS_OK)
		return status;
	CHECK(bytes <= PAGE_SIZE - sizeof(**slab));
	page_of(hpa)->flags |= PAGE_FLAG_SLAB;
	*slab = hpa_to_pointer(hpa);
	**slab = (struct slab){.quota = quota, .kind = kind, .bytes = (u32)bytes};
	(*slab)->full = BIT((PAGE_SIZE - sizeof(**slab)) / bytes) - 1;
	list_init(&(*slab)->node);
	return STATUS_OK;
}

enum status cache_alloc(struct quota *quota, unsigned int kind, size_t bytes, void **piece)
{
	struct quota *holder = quota != NULL ? quota : &kernel_slabs;
	struct list *slabs = &holder->slabs[kind];
	struct slab *slab;
	unsigned int place;
	enum status status;

	lock_acquire(&holder->lock, LOCK_QUOTA);
	if (list_empty(slabs)) {
		/*
		 * The lock is released, as charging the new slab's page to the quota takes it
		 * again.
		 */
		lock_release(&holder->lock, LOCK_QUOTA);
		status = cache_slab_alloc(quota, kind, bytes, &slab);
		if (status != STATUS_OK)
			return status;
		lock_acquire(&holder->lock, LOCK_QUOTA);
		list_push_front(slabs, &slab->node);
	}
	slab = LIST_ENTRY(slabs->next, struct slab, node);
	place = bit_lowest(~slab->used);
	slab->used |= BIT(place);
	if (slab->used == slab->full)
		list_remove(&slab->node);
	lock_release(&holder->lock, LOCK_QUOTA);

	*piece = (u8 *)(slab + 1) + (size_t)place * slab->bytes;
	memset(*piece, 0, slab->bytes);
	return STATUS_OK;
}

enum status cache_alloc_object(struct quota *quota, enum object_type type, size_t bytes,
			       void **object)
{
	enum status status = cache_alloc(quota, type, bytes, object);

	if (status == STATUS_OK)
		object_init(*object, type);
	return status;
}

void cache_free(void *piece)
{
	struct slab *slab = (struct slab *)align_down((u64)piece, PAGE_SIZE);
	u64 offset = (u64)piece - (u64)(slab + 1);
	struct quota *holder;
	bool empty;
	u64 bit;

	CHECK(page_is_slab(pointer_to_hpa(slab)) && offset % slab->bytes == 0);
	bit = BIT(offset / slab->bytes);
	holder = slab->quota != NULL ? slab->quota : &kernel_slabs;
	lock_acquire(&holder->lock, LOCK_QUOTA);
	CHECK(slab->used & bit);
	if (slab->used == slab->full)
		list_push_front(&holder->slabs[slab->kind], &slab->node);
	slab->used &= ~bit;
	empty = slab->used == 0;
	if (empty)
		list_remove(&slab->node);
	lock_release(&holder->lock, LOCK_QUOTA);
	if (empty)
		page_free(pointer_to_hpa(slab), slab->quota);
}

struct quota *cache_quota(const void *piece)
{
	return ((const struct slab *)align_down((u64)piece, PAGE_SIZE))->quota;
}

void *cache_walk(hpa_t page, struct cache_cursor *cursor)
{
	const struct slab *slab = hpa_to_pointer(page);
	u64 left = page_is_slab(page) ? slab->used >> cursor->place << cursor->place : 0;
	u32 place;

	if (left == 0)
		return NULL;
	place = bit_lowest(left);
	cursor->place = place + 1;
	cursor->kind = slab->kind;
	cursor->quota = slab->quota;
	return (u8 *)(slab + 1) + (u64)place * slab->bytes;
}

void *cache_walk_all(struct cache_cursor *cursor)
{
	const struct page *head;
	u64 count;

	while ((count = page_block_at(cursor->frame, &head)) != 0) {
		void *piece = cache_walk(HPA(cursor->frame << PAGE_SHIFT), cursor);

		if (piece != NULL)
			return piece;
		cursor->frame += count;
		cursor->place = 0;
	}
	return NULL;
}
