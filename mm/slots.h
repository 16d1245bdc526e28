/* SPDX-License-Identifier: MIT */
#pragma once

#include "mm/address.h"
#include "mm/memory.h"
#include "mm/quota.h"

/* The words of a memory object's slots; only mm/memory.c, mm/layer.c and mm/discard.c use them. */

/*
 * The slot of a page is 0, or the page's address and SLOT_PRESENT. A chunk's word is 0, or the
 * address of a page of 512 slots and SLOT_PRESENT, or the address of a 2-MiB block, CHUNK_LARGE and
 * the number of its pages that are cleared: the block is mapped nowhere until all 512 are, which
 * sets CHUNK_READY. CHUNK_HUGE: the 512 chunks from a multiple of 512 on are one block of 1 GiB,
 * and all their words have the flag.
 */
#define SLOT_PRESENT BIT(0)
/* set in place of SLOT_PRESENT: a reset (mm/layer.h) has hidden the page until the next write */
#define SLOT_KEPT BIT(1)
/* set together with SLOT_KEPT: memory_trim has hidden the page of zeros until the next access */
#define SLOT_ASIDE	    BIT(2)
#define CHUNK_LARGE	    BIT(1)
#define CHUNK_CLEARED_SHIFT 2
#define CHUNK_CLEARED	    BITS(11, 2)
#define CHUNK_READY	    BIT(11)
#define CHUNK_HUGE	    BIT(52)
#define HUGE_CHUNKS	    512ull

/*
 * Does what memory_create does, but reserves and charges only `promised` pages: no more pages can
 * become present, unless memory_promise_page promises them.
 */
enum status memory_create_promised(struct quota *quota, enum page_owner owner, u64 page_count,
				   u64 promised, u32 flags, struct memory **memory) MUST_CHECK;

/* Returns the slot of page `index` in the page of slots to which the chunk's word points. */
static inline u64 *memory_slot_of(u64 chunk, u64 index)
{
	return (u64 *)hpa_to_pointer(HPA(chunk & PTE_ADDRESS)) + index % MEMORY_CHUNK_PAGES;
}

/* Returns the slot of page `index`; NULL if its chunk is a large block or does not exist yet. */
static inline u64 *memory_slot_find(struct memory *memory, u64 index)
{
	u64 chunk;

	if (memory->chunks == NULL)
		return &memory->inline_slots[index];
	chunk = memory->chunks[index / MEMORY_CHUNK_PAGES];
	return chunk & SLOT_PRESENT ? memory_slot_of(chunk, index) : NULL;
}

/* Returns the slot of a page whose chunk is known to have slots. */
static inline u64 *memory_slot_of_page(struct memory *memory, u64 index)
{
	u64 *slot = memory_slot_find(memory, index);

	CHECK(slot != NULL);
	return slot;
}

/*
 * Returns a pointer to page `index` of a frozen object, which it or an object below it has; NULL if
 * none of them has the page. Frozen objects need no lock.
 */
const void *memory_frozen_page(struct memory *memory, u64 index);
/* Gives a chunk without pages a page of slots. STATUS_NO_MEMORY, STATUS_NO_QUOTA. */
enum status memory_slots_create(struct memory *memory, u64 *chunk) MUST_CHECK;
/*
 * Splits a chunk's large block into 512 pages with slots. STATUS_NO_MEMORY, STATUS_NO_QUOTA. The
 * caller holds the object's lock.
 */
enum status memory_block_split(struct memory *memory, u64 *chunk) MUST_CHECK;
/*
 * Returns the word of the last chunk that is not ready in the GiB that contains chunk `number`;
 * NULL if all its chunks are ready.
 */
u64 *memory_huge_unready(const struct memory *memory, u64 number);
/* Makes the chunks of the GiB that contains chunk `number` separate blocks from now on. */
void memory_huge_end(struct memory *memory, u64 number);

/*
 * Promises (reserves and charges) an overcommitted object one page more if all its promised pages
 * are present; does nothing for other objects. Always leaves MEMORY_SPARE_PAGES of the group's
 * quota for other uses. STATUS_NO_QUOTA, STATUS_NO_MEMORY, STATUS_AGAIN (as quota_charge). The
 * caller holds the object's lock.
 */
enum status memory_promise_page(struct memory *memory) MUST_CHECK;
#define MEMORY_SPARE_PAGES 32u
/* Ends the promise of those pages of the object that are not present. */
void memory_promise_end(struct memory *memory);

/*
 * Counts `count` (modulo 2^64) more of the object's promised pages as present. Changes the group's
 * count atomically, as other objects of the group may be populated at the same time. The caller
 * holds the object's lock.
 */
static inline void memory_count_present(struct memory *memory, u64 count)
{
	memory->present += count;
	if (memory->quota != NULL)
		__atomic_fetch_add(&memory->quota->account->absent_pages, -count, __ATOMIC_RELAXED);
}
