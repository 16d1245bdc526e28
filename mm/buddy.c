/* SPDX-License-Identifier: MIT */
/*
 * The buddy allocator of physical memory: every page of the host that the kernel, a process or a
 * guest gets comes from here. All of mm/, kernel/ and boot/init call it; allocation may fail,
 * freeing may not. It owns the page frames (`struct page`) of free blocks, the free lists and the
 * page counts, all guarded by `buddy_lock` (LOCK_PAGES), which it never holds while it takes
 * another lock.
 */
#include "arch/x86_64/cpu/cpus.h"
#include "mm/page.h"

#include "arch/x86_64/cpu/panic.h"
#include "lib/bits.h"
#include "lib/checked.h"
#include "lib/lock.h"
#include "mm/address.h"
#include "mm/quota.h"

u64 direct_map_base SECTION(".data.ro_after_init");

struct page *page_frames SECTION(".data.ro_after_init");
u64 page_frame_count SECTION(".data.ro_after_init");
u64 page_total SECTION(".data.ro_after_init");

static struct lock buddy_lock;
/* buddy_lock guards the next four variables, page_counts and the struct page of all free blocks. */
static u32 free_first[NODE_MAX][PAGE_ORDER_MAX + 1];
/* by node: bit n is set while its free list of order n is not empty */
static u32 free_orders[NODE_MAX];
static u64 reserved_count;
static u64 bad_count;

hpa_t page_hpa(const struct page *page)
{
	return HPA((u64)(page - page_frames) << PAGE_SHIFT);
}

void page_block_insert(u32 frame, unsigned int order)
{
	struct page *page = &page_frames[frame];

	page->owner = PAGE_FREE;
	page->order = (u8)order;
	page->flags |= PAGE_FLAG_HEAD;
	page->previous = 0;
	page->next = free_first[page->node][order];
	if (page->next != 0)
		page_frames[page->next].previous = frame;
	free_first[page->node][order] = frame;
	free_orders[page->node] |= 1u << order;
}

void page_block_remove(u32 frame)
{
	struct page *page = &page_frames[frame];

	if (page->previous != 0)
		page_frames[page->previous].next = page->next;
	else
		free_first[page->node][page->order] = page->next;
	if (page->next != 0)
		page_frames[page->next].previous = page->previous;
	if (free_first[page->node][page->order] == 0)
		free_orders[page->node] &= ~(1u << page->order);
	page->next = 0;
	page->previous = 0;
	page->flags &= (u8)~PAGE_FLAG_HEAD;
}

/*
 * Returns a NUMA node that has a free block of at least this order, preferably this CPU's own node;
 * NODE_MAX if no node has one. The caller holds buddy_lock.
 */
static u32 buddy_node_find(unsigned int order)
{
	u32 own = cpus_node();

	for (u32 n = 0; n < NODE_MAX; n++)
		if (free_orders[(own + n) % NODE_MAX] >> order != 0)
			return (own + n) % NODE_MAX;
	return NODE_MAX;
}

/*
 * Takes the first block of the smallest order that is at least *order off its node's free list,
 * sets *order to the block's order and returns its first frame. The caller has found that there is
 * such a block.
 */
static ALWAYS_INLINE u32 buddy_block_pop(u32 node, unsigned int *order)
{
	u32 frame;
	u32 next;

	*order += bit_lowest(free_orders[node] >> *order);
	frame = free_first[node][*order];
	next = page_frames[frame].next;
	free_first[node][*order] = next;
	if (next != 0)
		page_frames[next].previous = 0;
	else
		free_orders[node] ^= 1u << *order;
	page_frames[frame].next = 0;
	return frame;
}

/*
 * Takes a block of 2^order pages off the free lists, splitting a larger one if need be, and counts
 * its pages as `owner`'s. The caller holds buddy_lock.
 */
static ALWAYS_INLINE enum status buddy_block_alloc(unsigned int order, enum page_owner owner,
						   hpa_t *hpa)
{
	u32 node = buddy_node_find(order);
	unsigned int from = order;
	struct page *page;
	u32 frame;

	if (node == NODE_MAX)
		return STATUS_NO_MEMORY;
	frame = buddy_block_pop(node, &from);
	while (from > order) {
		from--;
		page_block_insert(frame + (1u << from), from);
	}
	page = &page_frames[frame];
	page->owner = (u8)owner;
	page->order = (u8)order;
	page->references = 0;
	page_counts[PAGE_FREE] -= 1ull << order;
	page_counts[owner] += 1ull << order;
	page_nodes[node].free -= 1ull << order;
	*hpa = HPA((u64)frame << PAGE_SHIFT);
	return STATUS_OK;
}

/*
 * Returns a block to the free lists and joins it with its free buddies of the same NUMA node. The
 * caller holds buddy_lock.
 */
static void buddy_block_free(u32 frame)
{
	unsigned int order = page_frames[frame].order;

	page_counts[page_frames[frame].owner] -= 1ull << order;
	page_counts[PAGE_FREE] += 1ull << order;
	page_nodes[page_frames[frame].node].free += 1ull << order;
	page_frames[frame].flags &= (u8) ~(PAGE_FLAG_HEAD | PAGE_FLAG_SLAB);

	for (; order < PAGE_ORDER_MAX; order++) {
		u32 buddy = frame ^ (1u << order);

		if (buddy >= page_frame_count || !(page_frames[buddy].flags & PAGE_FLAG_HEAD) ||
		    page_frames[buddy].owner != PAGE_FREE || page_frames[buddy].order != order ||
		    page_frames[buddy].node != page_frames[frame].node)
			break;
		page_block_remove(buddy);
		frame &= ~(1u << order);
	}
	page_block_insert(frame, order);
}

/*
 * Returns the first frame of the block that contains `frame`, NULL if no block does. Blocks are
 * aligned to their size, so that number is `frame` with some low bits cleared.
 */
static struct page *buddy_block_of(u64 frame)
{
	for (unsigned int order = 0; frame < page_frame_count && order <= PAGE_ORDER_MAX; order++) {
		struct page *head = &page_frames[align_down(frame, 1ull << order)];

		if ((head->flags & PAGE_FLAG_HEAD) && head->order >= order)
			return head;
	}
	return NULL;
}

/* Returns true if a page of the block was set aside as broken (page_set_aside). */
static bool buddy_has_bad(const struct page *head)
{
	for (u32 n = 0; bad_count != 0 && n < 1u << head->order; n++) {
		if (head[n].flags & PAGE_FLAG_BAD)
			return true;
	}
	return false;
}

/*
 * Frees a block page by page, except for its bad pages, which become PAGE_RESERVED. The block is
 * either in use, or free and already off its free list. The caller holds buddy_lock.
 */
static void buddy_block_free_parts(struct page *head)
{
	const struct page *end = head + (1ull << head->order);
	u8 owner = head->owner;

	for (struct page *page = head; page != end; page++) {
		page->owner = owner;
		page->order = 0;
		page->flags |= PAGE_FLAG_HEAD;
		if (!(page->flags & PAGE_FLAG_BAD)) {
			buddy_block_free((u32)(page - page_frames));
			continue;
		}
		page->owner = PAGE_RESERVED;
		page_counts[owner]--;
		page_counts[PAGE_RESERVED]++;
	}
}

bool page_is_set_aside(hpa_t hpa)
{
	return hpa.value >> PAGE_SHIFT < page_frame_count && page_of(hpa)->flags & PAGE_FLAG_BAD;
}

void page_set_aside(hpa_t hpa)
{
	struct page *head;

	lock_acquire(&buddy_lock, LOCK_PAGES);
	head = buddy_block_of(hpa.value >> PAGE_SHIFT);
	CHECK(head != NULL);
	if (!page_is_set_aside(hpa))
		bad_count++;
	page_of(hpa)->flags |= PAGE_FLAG_BAD;
	if (head->owner == PAGE_FREE) {
		page_nodes[head->node].free -= 1ull << head->order;
		page_block_remove((u32)(head - page_frames));
		buddy_block_free_parts(head);
	}
	lock_release(&buddy_lock, LOCK_PAGES);
}

enum status page_alloc(unsigned int order, enum page_owner owner, struct quota *quota, hpa_t *hpa)
{
	u64 count = 1ull << order;
	enum status status = quota_charge(quota, owner, count);

	if (status != STATUS_OK)
		return status;
	lock_acquire(&buddy_lock, LOCK_PAGES);
	status = STATUS_NO_MEMORY;
	if (page_counts[PAGE_FREE] >= reserved_count + count)
		status = buddy_block_alloc(order, owner, hpa);
	if (status == STATUS_OK && quota != NULL)
		page_of(*hpa)->previous = quota->number;
	lock_release(&buddy_lock, LOCK_PAGES);
	if (status != STATUS_OK)
		quota_release(quota, owner, count, 0);
	return status;
}

enum status page_alloc_cleared(unsigned int order, enum page_owner owner, struct quota *quota,
			       void **pointer)
{
	hpa_t hpa;
	enum status status = page_alloc(order, owner, quota, &hpa);

	if (status != STATUS_OK)
		return status;
	page_clear(hpa, 1ull << order);
	*pointer = hpa_to_pointer(hpa);
	return STATUS_OK;
}

void page_split(hpa_t hpa, unsigned int order)
{
	const struct page head = *page_of(hpa);
	u64 count = 1ull << head.order;

	lock_acquire(&buddy_lock, LOCK_PAGES);
	for (u64 n = 0; n < count; n += 1ull << order) {
		struct page *page = page_of(hpa) + n;

		page->owner = head.owner;
		page->order = (u8)order;
		page->flags |= PAGE_FLAG_HEAD;
		page->references = 0;
	}
	lock_release(&buddy_lock, LOCK_PAGES);
}

void page_free(hpa_t hpa, struct quota *quota)
{
	struct page *page = page_of(hpa);

	CHECK(is_aligned(hpa.value, PAGE_SIZE << page->order));
	CHECK((page->flags & PAGE_FLAG_HEAD) && page->owner > PAGE_RESERVED);
	quota_release(quota, page->owner, 1ull << page->order, 0);
	lock_acquire(&buddy_lock, LOCK_PAGES);
	if (unlikely(buddy_has_bad(page)))
		buddy_block_free_parts(page);
	else
		buddy_block_free((u32)(hpa.value >> PAGE_SHIFT));
	lock_release(&buddy_lock, LOCK_PAGES);
}

enum status page_reserve(u64 count)
{
	enum status status = STATUS_NO_MEMORY;
	u64 kept = page_total / KERNEL_SHARE;

	lock_acquire(&buddy_lock, LOCK_PAGES);
	if (count <= page_total && page_counts[PAGE_FREE] >= reserved_count + count + kept) {
		reserved_count += count;
		status = STATUS_OK;
	}
	lock_release(&buddy_lock, LOCK_PAGES);
	return status;
}

void page_unreserve(u64 count)
{
	lock_acquire(&buddy_lock, LOCK_PAGES);
	CHECK(count <= reserved_count);
	reserved_count -= count;
	lock_release(&buddy_lock, LOCK_PAGES);
}

static ALWAYS_INLINE enum status buddy_alloc_any_reserved(unsigned int order, enum page_owner owner,
							  hpa_t *hpa)
{
	enum status status;

	lock_acquire(&buddy_lock, LOCK_PAGES);
	CHECK(reserved_count >= 1ull << order);
	status = buddy_block_alloc(order, owner, hpa);
	if (status == STATUS_OK)
		reserved_count -= 1ull << order;
	lock_release(&buddy_lock, LOCK_PAGES);
	return status;
}

/*
 * Allocates out of what page_reserve has reserved. A guest's fault waits for a single page, so
 * order 0 has its own, shorter copy of the inlined body.
 */
enum status page_alloc_reserved(unsigned int order, enum page_owner owner, hpa_t *hpa)
{
	return order == 0 ? buddy_alloc_any_reserved(0, owner, hpa)
			  : buddy_alloc_any_reserved(order, owner, hpa);
}

enum page_owner page_owner(hpa_t hpa)
{
	const struct page *head = buddy_block_of(hpa.value >> PAGE_SHIFT);

	return head != NULL ? head->owner : PAGE_RESERVED;
}

bool page_range_has_ram(hpa_t hpa, u64 bytes)
{
	u64 end = MIN(align_up(hpa.value + bytes, PAGE_SIZE) >> PAGE_SHIFT, page_frame_count);

	for (u64 frame = hpa.value >> PAGE_SHIFT; frame < end; frame++)
		if (page_frames[frame].flags & PAGE_FLAG_RAM)
			return true;
	return false;
}

bool page_is_slab(hpa_t hpa)
{
	u64 frame = hpa.value >> PAGE_SHIFT;

	return frame < page_frame_count && (page_frames[frame].flags & PAGE_FLAG_SLAB) != 0;
}

u64 page_block_at(u64 frame, const struct page **head)
{
	const struct page *page;

	*head = NULL;
	if (frame >= page_frame_count)
		return 0;
	page = &page_frames[frame];
	if (!(page->flags & PAGE_FLAG_HEAD))
		return 1;
	if (page->owner != PAGE_FREE)
		*head = page;
	return 1ull << page->order;
}
