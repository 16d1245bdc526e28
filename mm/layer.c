/* SPDX-License-Identifier: MIT */
/*
 * Layers of memory objects, for snapshots and clones: freezes, resets and merges them, and gives a
 * writer its own page. kernel/call/sys_memory.c calls the steps, mm/space.c calls it at write
 * faults, mm/discard.c to wait for CPUs. It owns an object's layer fields; it takes layer_lock, a
 * space's lock and an object's lock, in this order.
 */
#include "mm/layer.h"

#include "arch/x86_64/cpu/panic.h"
#include "lib/read_once.h"
#include "lib/string.h"
#include "mm/address.h"
#include "mm/discard.h"
#include "mm/page.h"
#include "mm/quota.h"
#include "mm/slots.h"
#include "mm/space.h"
#include "mm/tlb.h"

#define STEP_PAGES 64 /* most pages hidden in one step of a reset */
/* most slots merged in one step; a large block is a step of its own */
#define STEP_MERGE 64

struct lock layer_lock;

static struct mapping *layer_mapping_of(struct list *node)
{
	return LIST_ENTRY(node, struct mapping, memory_node);
}

void layer_wait_begin(struct memory *memory, enum memory_wait wait)
{
	u64(*set)[CPU_MAX / 64] = memory->awaited;

	memory->revoked = false;
	for (u32 word = 0; word < CPU_MAX / 64; word++) {
		set[wait][word] = set[0][word] | set[WAIT_ALL][word] | set[WAIT_LATER][word];
		set[WAIT_LATER][word] = 0;
		memory->revoked |= set[WAIT_ALL][word] != 0;
	}
}

void layer_flush(const struct mapping *mapping, enum memory_wait wait)
{
	tlb_flush_space(mapping->space);
	tlb_await(mapping->space, mapping->memory->awaited[wait]);
	mapping->memory->revoked |= wait != WAIT_PAGE;
}

void layer_revoke_pages(struct memory *memory, const u64 *index, u32 count, enum memory_wait wait)
{
	LIST_FOR_EACH(node, &memory->mappings) {
		const struct mapping *mapping = layer_mapping_of(node);

		lock_acquire(&mapping->space->lock, LOCK_SPACE);
		if (table_unmap_pages(&mapping->space->table, mapping->at, mapping->offset,
				      mapping->page_count, index, count))
			layer_flush(mapping, wait);
		lock_release(&mapping->space->lock, LOCK_SPACE);
	}
}

/* Returns true if another mapping may show the frozen page `index` below, or still write to it. */
static bool layer_shown_elsewhere(const struct memory *memory, const struct mapping *own, u64 index)
{
	if (!memory->below->frozen)
		return true;
	LIST_FOR_EACH(node, &memory->mappings) {
		const struct mapping *other = layer_mapping_of(node);

		if (other != own && (READ_ONCE(other->shown) & layer_shown_bit(index)))
			return true;
	}
	return false;
}

/*
 * Begins the break of page `index`: no fault maps it from now on, and its chunk has slots, so that
 * no leaf of a block below covers it. STATUS_IN_USE: others may show it. Under memory->lock.
 */
static ALWAYS_INLINE enum status
layer_begin_breaking(struct memory *memory, const struct mapping *mapping, u64 index, u64 **slot)
{
	enum status status = STATUS_OK;

	if (unlikely(*slot == NULL)) {
		status = memory_slots_create(memory, &memory->chunks[index / MEMORY_CHUNK_PAGES]);
		*slot = memory_slot_find(memory, index);
	}
	if (status == STATUS_OK && (memory->flags & MEMORY_OVERCOMMIT) && **slot == 0)
		status = memory_promise_page(memory);
	if (status != STATUS_OK)
		return status;
	memory->breaking = index + 1;
	if (unlikely(memory->revoked))
		layer_wait_begin(memory, WAIT_PAGE);
	return layer_shown_elsewhere(memory, mapping, index) ? STATUS_IN_USE : STATUS_OK;
}

/* Puts the page into its slot and on the list of the object's own pages, which a reset hides. */
static void layer_slot_set(struct memory *memory, u64 *slot, u64 index, hpa_t hpa)
{
	/* page_of and its check are not needed: the allocator has just returned the frame */
	struct page *page = &page_frames[hpa.value >> PAGE_SHIFT];

	page->references = (u32)index;
	page->next = memory->own_first;
	memory->own_first = (u32)(hpa.value >> PAGE_SHIFT);
	*slot = hpa.value | SLOT_PRESENT;
}

/*
 * Completes a copy-on-write break once no CPU can use the replaced page. The object's new page is a
 * reserved one, or the one that a reset has hidden. The caller holds the object's lock.
 */
static ALWAYS_INLINE enum status layer_give_page(struct memory *memory, u64 index, u64 *slot,
						 hpa_t *hpa)
{
	const void *from;

	if (!tlb_all_passed(memory->awaited[WAIT_PAGE]))
		return STATUS_AGAIN;
	from = memory_frozen_page(memory->below, index);
	if (from != NULL &&
	    unlikely(page_frames[pointer_to_hpa(from).value >> PAGE_SHIFT].flags & PAGE_FLAG_BAD))
		return STATUS_NO_MEMORY;
	*hpa = HPA(*slot & PTE_ADDRESS);
	if (*slot == 0) {
		/* Reserved pages may have been set aside as broken since, so that none is left. */
		if (page_alloc_reserved(0, memory->owner, hpa) != STATUS_OK)
			return STATUS_NO_MEMORY;
		memory_count_present(memory, 1);
	}
	if (from != NULL)
		page_copy(*hpa, from);
	else
		page_clear(*hpa, 1);
	layer_slot_set(memory, slot, index, *hpa);
	memory->breaking = 0;
	return STATUS_OK;
}

NOINLINE enum status layer_help(struct memory *memory)
{
	u64 index = memory->breaking - 1;
	enum status status;
	hpa_t hpa;

	lock_acquire(&memory->lock, LOCK_MEMORY);
	status = layer_give_page(memory, index, memory_slot_of_page(memory, index), &hpa);
	lock_release(&memory->lock, LOCK_MEMORY);
	return status;
}

enum status layer_own(struct mapping *mapping, u64 index, hpa_t *hpa)
{
	struct memory *memory = mapping->memory;
	u64 *slot = memory_slot_find(memory, index);
	u64 chunk = slot != NULL ? 0 : memory->chunks[index / MEMORY_CHUNK_PAGES];
	enum status status;

	if (unlikely(chunk != 0)) { /* a merge has just moved this block up */
		*hpa = HPA((chunk & PTE_ADDRESS) + (index % MEMORY_CHUNK_PAGES << PAGE_SHIFT));
		return STATUS_OK;
	}
	if (slot != NULL && (*slot & SLOT_PRESENT)) {
		*hpa = HPA(*slot & PTE_ADDRESS);
		return STATUS_OK;
	}
	lock_acquire(&memory->lock, LOCK_MEMORY);
	status = layer_begin_breaking(memory, mapping, index, &slot);
	if (status == STATUS_OK)
		status = layer_give_page(memory, index, slot, hpa);
	lock_release(&memory->lock, LOCK_MEMORY);
	return status;
}

void layer_break(struct memory *memory)
{
	u64 index = memory->breaking - 1;

	if (memory->breaking != 0)
		layer_revoke_pages(memory, &index, 1, WAIT_PAGE);
}

static enum status layer_freeze_check(const struct memory *memory)
{
	if (memory->kind != MEMORY_RAM || memory->owner != PAGE_GUEST || memory->held ||
	    memory->device_mappings != 0 || memory->frozen)
		return STATUS_BAD_STATE;
	return memory->depth == LAYER_DEPTH_MAX || memory->mapping_count > LAYER_MAPPINGS_MAX
		       ? STATUS_TOO_BIG
		       : STATUS_OK;
}

/* Gives the object's pages to `frozen`, of the same size, so its words lie in the same places. */
static void layer_put_below(struct memory *memory, struct memory *frozen)
{
	u64 *chunks = memory->chunks;

	if (chunks != NULL && chunks != memory->inline_slots) {
		memory->chunks = frozen->chunks;
		frozen->chunks = chunks;
	}
	memcpy(frozen->inline_slots, memory->inline_slots, sizeof(frozen->inline_slots));
	memset(memory->inline_slots, 0, sizeof(memory->inline_slots));
	frozen->present = memory->present;
	frozen->below = memory->below;
	frozen->depth = memory->depth;
	memory->present = 0;
	memory->below = frozen;
	memory->depth++;
	memory->own_first = memory->hide_first = memory->resetting = 0;
	memory->breaking = memory->cursor = 0;
}

/*
 * Moves the object's pages to a new, frozen object. The live object keeps its promise; the present
 * pages are promised again for the frozen one. memory->lock keeps more from becoming present.
 */
static enum status layer_freeze_begin(struct memory *memory)
{
	enum status status = layer_freeze_check(memory);
	struct memory *frozen;

	if (status != STATUS_OK)
		return status;
	lock_acquire(&memory->lock, LOCK_MEMORY);
	(void)memory_trim_settle(memory, false);
	status = memory_create_promised(memory->quota, memory->owner, memory->page_count,
					memory->present, memory->flags, &frozen);
	if (status == STATUS_OK) {
		layer_put_below(memory, frozen);
		LIST_FOR_EACH(node, &memory->mappings)
			layer_mapping_of(node)->shown = 0; /* all are about to be unmapped */
	}
	if (status == STATUS_OK && (memory->flags & MEMORY_OVERCOMMIT))
		memory_promise_end(memory);
	lock_release(&memory->lock, LOCK_MEMORY);
	return status;
}

enum status layer_revoke(struct memory *memory, u64 *first, u64 end, enum memory_wait wait)
{
	u64 reached = end;

	LIST_FOR_EACH(node, &memory->mappings) {
		const struct mapping *mapping = layer_mapping_of(node);
		struct space *space = mapping->space;
		u64 from = MAX(*first, mapping->offset);
		u64 last = MIN(end, mapping->offset + mapping->page_count);
		u64 begin = mapping->at - (mapping->offset << PAGE_SHIFT); /* object's page 0 */
		u64 at = begin + (from << PAGE_SHIFT);

		if (from >= last)
			continue;
		lock_acquire(&space->lock, LOCK_SPACE);
		if (table_unmap(&space->table, &at, begin + (last << PAGE_SHIFT)) != STATUS_OK)
			reached = MIN(reached, (at - begin) >> PAGE_SHIFT);
		layer_flush(mapping, wait);
		lock_release(&space->lock, LOCK_SPACE);
	}
	*first = reached;
	return reached == end ? STATUS_OK : STATUS_AGAIN;
}

enum status layer_freeze(struct memory *memory, struct memory **frozen)
{
	enum status status = STATUS_OK;

	lock_acquire(&layer_lock, LOCK_LAYER);
	if (memory->merging)
		status = STATUS_BAD_STATE;
	else if (memory->frozen || memory->below == NULL ||
		 (memory->below->frozen && (memory->own_first | memory->hide_first) != 0))
		status = layer_freeze_begin(memory);
	if (status == STATUS_OK && !memory->below->frozen) {
		/* wait also for CPUs that could write to pages unmapped since the last step */
		if (memory->cursor != memory->page_count)
			layer_wait_begin(memory, WAIT_ALL);
		/* Frozen once no mapping and no CPU uses what was mapped before the pages moved. */
		memory->below->frozen = layer_revoke(memory, &memory->cursor, memory->page_count,
						     WAIT_ALL) == STATUS_OK &&
					tlb_all_passed(memory->awaited[WAIT_ALL]);
		status = memory->below->frozen ? STATUS_OK : STATUS_AGAIN;
	}
	*frozen = memory->below;
	lock_release(&layer_lock, LOCK_LAYER);
	return status;
}

enum status layer_create(struct quota *quota, struct memory *frozen, struct memory **memory)
{
	enum status status;

	if (!frozen->frozen)
		return STATUS_BAD_STATE;
	if (frozen->depth == LAYER_DEPTH_MAX)
		return STATUS_TOO_BIG;
	status = memory_create(quota, frozen->owner, frozen->page_count, frozen->flags, memory);
	if (status != STATUS_OK)
		return status;
	object_get(&frozen->object);
	(*memory)->below = frozen;
	(*memory)->depth = frozen->depth + 1;
	return STATUS_OK;
}

/* Hides up to STEP_PAGES of the object's own pages, so that the pages below show again. */
static void layer_hide(struct memory *memory)
{
	u64 index[STEP_PAGES];
	u32 count = 0;

	lock_acquire(&memory->lock, LOCK_MEMORY);
	for (; count < STEP_PAGES && memory->hide_first != 0; count++) {
		const struct page *page = page_of_frame(memory->hide_first);

		index[count] = page->references;
		*memory_slot_of_page(memory, page->references) ^= SLOT_PRESENT | SLOT_KEPT;
		memory->hide_first = page->next;
	}
	lock_release(&memory->lock, LOCK_MEMORY);
	layer_revoke_pages(memory, index, count, WAIT_ALL);
}

enum status layer_reset(struct memory *memory)
{
	enum status status = STATUS_BAD_STATE;

	lock_acquire(&layer_lock, LOCK_LAYER);
	if (memory->below != NULL && memory->below->frozen && !memory->frozen && !memory->merging) {
		/* The first step alone takes the list: so the reset ends despite new writes. */
		if (!memory->resetting) {
			memory->hide_first = memory->own_first;
			memory->own_first = 0;
		}
		if (memory->hide_first != 0) /* other CPUs may have unmapped some of these pages */
			layer_wait_begin(memory, WAIT_ALL);
		layer_hide(memory);
		memory->resetting =
			memory->hide_first != 0 || !tlb_all_passed(memory->awaited[WAIT_ALL]);
		status = memory->resetting ? STATUS_AGAIN : STATUS_OK;
	}
	lock_release(&layer_lock, LOCK_LAYER);
	return status;
}

/* Counts `count` present pages of the frozen object as the live one's from now on. */
static void layer_take_count(struct memory *memory, u64 count)
{
	if (memory->flags & MEMORY_OVERCOMMIT) {
		memory->promised += count;
		memory->below->promised -= count;
	}
	memory_count_present(memory, count);
	memory_count_present(memory->below, -count);
}

/* Moves a page up to the live object if that has none; a page that a reset hid there goes down. */
static void layer_take_page(struct memory *memory, u64 index, u64 *from, u64 *slot)
{
	u64 hidden = *slot;

	if (!(*from & SLOT_PRESENT) || (hidden & SLOT_PRESENT))
		return;
	layer_slot_set(memory, slot, index, HPA(*from & PTE_ADDRESS));
	*from = hidden;
	if (hidden == 0)
		layer_take_count(memory, 1);
}

/* Moves `count` large blocks up to the live object, beginning with that of chunk `number`. */
static void layer_take_blocks(struct memory *memory, u64 number, u64 count)
{
	for (u64 n = number; n < number + count; n++) {
		memory->chunks[n] = memory->below->chunks[n];
		memory->below->chunks[n] = 0;
	}
	layer_take_count(memory, count * MEMORY_CHUNK_PAGES);
}

/* Moves a whole GiB up; returns false if not all of it is ready or the live object has a part. */
static bool layer_take_huge(struct memory *memory, u64 number)
{
	u64 above = 0;

	for (u64 n = number; n < number + HUGE_CHUNKS; n++)
		above |= memory->chunks[n];
	if (above != 0 || memory_huge_unready(memory->below, number) != NULL) {
		memory_huge_end(memory->below, number);
		return false;
	}
	layer_take_blocks(memory, number, HUGE_CHUNKS);
	return true;
}

/* Moves up the large block at the cursor, or splits it; *end: the page after what was moved. */
static enum status layer_take_chunk(struct memory *memory, u64 *end)
{
	u64 number = memory->cursor / MEMORY_CHUNK_PAGES;
	u64 *from = &memory->below->chunks[number];

	if ((*from & CHUNK_HUGE) && layer_take_huge(memory, number)) {
		*end += (HUGE_CHUNKS - 1) * MEMORY_CHUNK_PAGES;
		return STATUS_OK;
	}
	/* a chunk that was never mapped holds nothing that the guest could miss */
	if (!(*from & CHUNK_READY))
		return STATUS_OK;
	if (memory->chunks[number] != 0) {
		*end = memory->cursor;
		return memory_block_split(memory->below, from);
	}
	layer_take_blocks(memory, number, 1);
	return STATUS_OK;
}

/* Moves a step's pages up, from the cursor on; *end: the page after them. Under memory->lock. */
static enum status layer_take_pages(struct memory *memory, u64 *end)
{
	u64 *from = memory_slot_find(memory->below, memory->cursor);
	enum status status = STATUS_OK;

	*end = MIN(align_down(memory->cursor, MEMORY_CHUNK_PAGES) + MEMORY_CHUNK_PAGES,
		   memory->page_count);
	if (from == NULL)
		return layer_take_chunk(memory, end);
	if (memory_slot_find(memory, memory->cursor) == NULL)
		status = memory_slots_create(memory,
					     &memory->chunks[memory->cursor / MEMORY_CHUNK_PAGES]);
	*end = MIN(memory->cursor + STEP_MERGE, *end);
	for (u64 index = memory->cursor; status == STATUS_OK && index < *end; index++)
		layer_take_page(memory, index, from++, memory_slot_of_page(memory, index));
	return status;
}

static bool layer_can_merge(const struct memory *memory)
{
	const struct memory *below = memory->below;

	return !memory->frozen && !memory->resetting && below != NULL && below->frozen &&
	       below->quota == memory->quota && below->object.references == 1;
}

/* Completes a break under way; then moves pages up and unmaps them: faults map them writable. */
static enum status layer_merge_step(struct memory *memory)
{
	enum status status = memory->breaking != 0 ? layer_help(memory) : STATUS_OK;
	u64 end;

	if (status != STATUS_OK)
		return status;
	lock_acquire(&memory->lock, LOCK_MEMORY);
	status = layer_take_pages(memory, &end);
	lock_release(&memory->lock, LOCK_MEMORY);
	if (status != STATUS_OK)
		return status;
	(void)layer_revoke(memory, &memory->cursor, end, WAIT_LATER);
	return memory->cursor == memory->page_count ? STATUS_OK : STATUS_AGAIN;
}

static void layer_merge_end(struct memory *memory)
{
	struct memory *below = memory->below;

	lock_acquire(&memory->lock, LOCK_MEMORY);
	memory->below = below->below;
	memory->depth = below->depth;
	below->below = NULL;
	if (memory->below == NULL)
		memory->own_first = memory->hide_first = 0;
	memory->merging = false;
	lock_release(&memory->lock, LOCK_MEMORY);
	object_put(&below->object);
}

enum status layer_merge(struct memory *memory)
{
	enum status status = STATUS_BAD_STATE;

	lock_acquire(&layer_lock, LOCK_LAYER);
	if (layer_can_merge(memory)) {
		memory->cursor = memory->merging ? memory->cursor : 0;
		memory->merging = true;
		status = layer_merge_step(memory);
	}
	if (status == STATUS_OK)
		layer_merge_end(memory);
	lock_release(&layer_lock, LOCK_LAYER);
	return status;
}
