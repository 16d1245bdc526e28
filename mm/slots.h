/* SPDX-License-Identifier: MIT */
#pragma once

#include "mm/address.h"
#include "mm/memory.h"
#include "mm/quota.h"

/* The words of a memory object's slots: for mm/memory.c, mm/layer.c and mm/discard.c alone. */

/*
 * A slot is 0, or its page's address and SLOT_PRESENT. A chunk's word is 0, or the address of a
 * page of 512 slots and SLOT_PRESENT, or the address of a 2-MiB block, CHUNK_LARGE and the number
 * of its pages that are cleared: nobody sees the block until all 512 are, which sets CHUNK_READY.
 * CHUNK_HUGE: the 512 chunks from a multiple of 512 on are one aligned GiB, and all have the flag.
 */
#define SLOT_PRESENT	    BIT(0)
#define SLOT_KEPT	    BIT(1) /* instead: hidden by a reset until the next write */
#define SLOT_ASIDE	    BIT(2) /* with it: hidden by memory_trim, until somebody touches it */
#define CHUNK_LARGE	    BIT(1)
#define CHUNK_CLEARED_SHIFT 2
#define CHUNK_CLEARED	    BITS(11, 2)
#define CHUNK_READY	    BIT(11)
#define CHUNK_HUGE	    BIT(52)
#define HUGE_CHUNKS	    512ull

/* As memory_create, of which only so many of the pages can become present. */
enum status memory_create_promised(struct quota *quota, enum page_owner owner, u64 page_count,
				   u64 promised, u32 flags, struct memory **memory) MUST_CHECK;

/* The page's slot in a page of slots, whose word that is. */
static inline u64 *memory_slot_of(u64 chunk, u64 index)
{
	return (u64 *)hpa_to_pointer(HPA(chunk & PTE_ADDRESS)) + index % MEMORY_CHUNK_PAGES;
}

/* The page's slot; NULL if its chunk is a large block or does not exist. */
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

/* The page in a frozen object or those below it, NULL if there is none: no lock guards them. */
const void *memory_frozen_page(struct memory *memory, u64 index);
/* A page of slots for a chunk without any. STATUS_NO_MEMORY, STATUS_NO_QUOTA. */
enum status memory_slots_create(struct memory *memory, u64 *chunk) MUST_CHECK;
/* Under the object's lock. A large block becomes 512 pages with slots. Likewise. */
enum status memory_block_split(struct memory *memory, u64 *chunk) MUST_CHECK;
/* In the GiB that the chunk is in, the last chunk that is not ready; NULL: all are. */
u64 *memory_huge_unready(const struct memory *memory, u64 number);
/* The chunks of the GiB that the chunk of that number is in are blocks of their own from now on. */
void memory_huge_end(struct memory *memory, u64 number);

/*
 * Under the object's lock. Of an object that promises nothing, one page more than are there:
 * STATUS_NO_QUOTA, STATUS_NO_MEMORY, STATUS_AGAIN. Its group keeps MEMORY_SPARE_PAGES for all else.
 */
enum status memory_promise_page(struct memory *memory) MUST_CHECK;
#define MEMORY_SPARE_PAGES 32u
/* Gives back what was promised and is not there. */
void memory_promise_end(struct memory *memory);

/*
 * Under the object's lock: `count` more of the promised pages are there. A group's memories are
 * populated at the same time.
 */
static inline void memory_count_present(struct memory *memory, u64 count)
{
	memory->present += count;
	if (memory->quota != NULL)
		__atomic_fetch_add(&memory->quota->account->absent_pages, -count, __ATOMIC_RELAXED);
}
