/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What holds of mm/'s own state whenever no call is under way, over all objects, spaces and frames.
 * It reads slots and tables itself: what it has in common with mm/ is the layout of their words.
 */
#include "tests/model/world.h"

/* Coverage of the functions below tells nothing of mm/. */
#pragma clang attribute push(__attribute__((no_sanitize("coverage"))), apply_to = function)

enum use {
	USE_NONE,
	USE_WAITS, /* the block is on its way back: mm/tlb.c */
	USE_PAGE,  /* a block of an object's pages */
	USE_SLOTS, /* words of an object */
	USE_TABLE,
};

/* For each frame that begins a block: what uses the block, in this round of looking. */
static struct {
	u32 round;
	u8 use;
	const struct memory *memory;
} * uses;
static u32 uses_round;

/* The pages that each account has to pay for. */
struct sums {
	u64 promised[PAGE_OWNER_COUNT];
	u64 absent;
	u64 tables;
	u64 kernel; /* slots, chunks, slabs */
};
static struct sums sums_kernel, sums_of[VMS];
static u64 sums_absent; /* the absent pages of all objects */

static struct sums *sums_find(const struct quota *quota)
{
	for (u32 i = 0; i < VMS; i++)
		if (quota == &vms[i].quota)
			return &sums_of[i];
	return &sums_kernel;
}

static enum use use_of(u64 frame)
{
	return uses[frame].round == uses_round ? (enum use)uses[frame].use : USE_NONE;
}

/* A block in use has one user. */
static void use_claim(hpa_t hpa, enum use use, const struct memory *memory, u32 order,
		      enum page_owner owner)
{
	u64 frame = hpa.value >> PAGE_SHIFT;
	const struct page *page;

	CHECK_THAT(frame != 0 && frame < page_frame_count);
	page = &page_frames[frame];
	CHECK_THAT((page->flags & PAGE_FLAG_HEAD) && page->order == order && page->owner == owner);
	CHECK_THAT(use_of(frame) == USE_NONE);
	uses[frame].round = uses_round;
	uses[frame].use = (u8)use;
	uses[frame].memory = memory;
}

static void uses_claim_waiting(void)
{
	u64 sum = 0;

	for (u32 frame = waiting_first; frame != 0; frame = page_frames[frame].next) {
		const struct page *page = &page_frames[frame];

		use_claim(HPA((u64)frame << PAGE_SHIFT), USE_WAITS, NULL, page->order,
			  (enum page_owner)page->owner);
		CHECK_THAT(page->owner != PAGE_FREE && page->previous == 0);
		sum += 1ull << page->order;
		if (page->next == 0)
			CHECK_THAT(frame == waiting_last);
	}
	CHECK_THAT(sum == tlb_waiting);
}

/* --- memory objects --- */

/* A page's slot, or its chunk's word if that has none. */
static u64 slot_word(const struct memory *memory, u64 index)
{
	u64 chunk;

	if (memory->chunks == NULL)
		return memory->inline_slots[index];
	chunk = memory->chunks[index / MEMORY_CHUNK_PAGES];
	return (chunk & SLOT_PRESENT) ? *memory_slot_of(chunk, index) : chunk;
}

static bool slot_is_block(const struct memory *memory, u64 index)
{
	return memory->chunks != NULL &&
	       !(memory->chunks[index / MEMORY_CHUNK_PAGES] & SLOT_PRESENT);
}

/* Returns the page that the object itself shows at the index; 0: none. */
static u64 slot_shows(const struct memory *memory, u64 index)
{
	u64 word = slot_word(memory, index);

	if (slot_is_block(memory, index))
		return (word & CHUNK_READY)
			       ? (word & PTE_ADDRESS) + (index % MEMORY_CHUNK_PAGES << PAGE_SHIFT)
			       : 0;
	return (word & SLOT_PRESENT) ? word & PTE_ADDRESS : 0;
}

/* CHUNK_HUGE is only on pieces of one aligned GiB of the object, each in its place. */
static void check_huge(const struct memory *memory, u64 chunk)
{
	u64 first = align_down(chunk, HUGE_CHUNKS);
	u64 base = (memory->chunks[chunk] & PTE_ADDRESS) - (chunk - first) * 2 * MIB;

	CHECK_THAT(is_aligned(base, GIB));
	CHECK_THAT((first + HUGE_CHUNKS) * MEMORY_CHUNK_PAGES <= memory->page_count);
	for (u64 n = 0; n < HUGE_CHUNKS; n++)
		CHECK_THAT((memory->chunks[first + n] & (CHUNK_HUGE | CHUNK_LARGE)) ==
				   (CHUNK_HUGE | CHUNK_LARGE) &&
			   (memory->chunks[first + n] & PTE_ADDRESS) == base + n * 2 * MIB);
}

/* Returns how many pages it has. */
static u64 check_slot(const struct memory *memory, u64 word)
{
	u64 flags = word & ~PTE_ADDRESS;

	if (word == 0)
		return 0;
	CHECK_THAT(flags == SLOT_PRESENT || flags == SLOT_KEPT ||
		   flags == (SLOT_KEPT | SLOT_ASIDE));
	use_claim(HPA(word & PTE_ADDRESS), USE_PAGE, memory, 0, (enum page_owner)memory->owner);
	return 1;
}

static u64 check_chunk(const struct memory *memory, u64 chunk)
{
	u64 word = memory->chunks[chunk];
	u64 first = chunk * MEMORY_CHUNK_PAGES;
	u64 end = MIN(first + MEMORY_CHUNK_PAGES, memory->page_count);
	u64 count = 0;

	if (word == 0)
		return 0;
	if (word & SLOT_PRESENT) {
		CHECK_THAT((word & ~PTE_ADDRESS) == SLOT_PRESENT);
		use_claim(HPA(word & PTE_ADDRESS), USE_SLOTS, memory, 0, PAGE_KERNEL);
		for (u64 i = MAX(first, memory->destroy_cursor); i < end; i++)
			count += check_slot(memory, slot_word(memory, i));
		return count;
	}
	CHECK_THAT((word & CHUNK_LARGE) && end == first + MEMORY_CHUNK_PAGES);
	CHECK_THAT(!(word & CHUNK_READY) || (word & CHUNK_CLEARED) == CHUNK_READY);
	use_claim(HPA(word & PTE_ADDRESS), USE_PAGE, memory, PAGE_ORDER_2M,
		  (enum page_owner)memory->owner);
	if ((word & CHUNK_HUGE) && memory->destroy_cursor == 0 &&
	    (chunk % HUGE_CHUNKS == 0 || !(memory->chunks[chunk - 1] & CHUNK_HUGE)))
		check_huge(memory, chunk);
	return MEMORY_CHUNK_PAGES;
}

static u64 list_length(const struct memory *memory, u32 frame, u64 limit)
{
	u64 length = 0;

	for (; frame != 0; frame = page_frames[frame].next) {
		u64 index = page_frames[frame].references;

		CHECK_THAT(++length <= limit && index < memory->page_count);
		CHECK_THAT(slot_word(memory, index) == ((u64)frame << PAGE_SHIFT | SLOT_PRESENT));
	}
	return length;
}

/*
 * Checks that each page that was written above a frozen object is listed once, as a reset goes by
 * that list.
 */
static void check_own_list(const struct memory *memory, u64 own)
{
	u64 listed;

	if (memory->below == NULL)
		return;
	listed = list_length(memory, memory->own_first, own);
	listed += list_length(memory, memory->hide_first, own - listed);
	CHECK_THAT(memory->merging || listed == own);
}

static u64 check_slots(const struct memory *memory)
{
	u64 chunks = (memory->page_count + MEMORY_CHUNK_PAGES - 1) / MEMORY_CHUNK_PAGES;
	u64 count = 0;

	if (memory->chunks == NULL)
		for (u64 i = memory->destroy_cursor; i < memory->page_count; i++)
			count += check_slot(memory, memory->inline_slots[i]);
	else
		for (u64 i = memory->destroy_cursor / MEMORY_CHUNK_PAGES; i < chunks; i++)
			count += check_chunk(memory, i);
	if (memory->chunks != NULL && memory->chunks != memory->inline_slots) {
		u32 order = chunks <= 512 ? 0 : bit_highest(chunks - 1) - 8;

		use_claim(pointer_to_hpa(memory->chunks), USE_SLOTS, memory, order, PAGE_KERNEL);
	}
	return count;
}

static u64 own_pages(const struct memory *memory)
{
	u64 own = 0;

	if (memory->below == NULL)
		return 0;
	for (u64 i = 0; i < memory->page_count; i++) {
		if (memory->chunks != NULL && memory->chunks[i / MEMORY_CHUNK_PAGES] == 0)
			i |= MEMORY_CHUNK_PAGES - 1;
		else
			own += slot_shows(memory, i) != 0;
	}
	return own;
}

static void check_memory(const struct memory *memory, bool live)
{
	struct sums *sums = sums_find(memory->quota);
	u64 present = check_slots(memory);

	CHECK_THAT(present == memory->present);
	CHECK_THAT(memory->promised >= memory->present);
	if (live && !(memory->flags & MEMORY_OVERCOMMIT))
		CHECK_THAT(memory->promised == memory->page_count);
	sums->promised[memory->owner] += memory->promised;
	sums->absent += memory->promised - memory->present;
	sums_absent += memory->promised - memory->present;
	if (live)
		check_own_list(memory, own_pages(memory));
}

/* The object and the objects below it, each once. */
static const struct memory *seen[64];
static u32 seen_count;

static void check_chain(const struct memory *memory, bool live)
{
	for (; memory != NULL; memory = memory->below, live = false) {
		for (u32 n = 0; n < seen_count; n++)
			if (seen[n] == memory)
				return;
		CHECK_THAT(seen_count < ARRAY_COUNT(seen));
		seen[seen_count++] = memory;
		check_memory(memory, live);
	}
}

/* Checks an object that is being torn down, and what spaces still map of it. */
static void check_dying(struct object *object)
{
	const struct space *space;

	if (object->type == OBJECT_MEMORY) {
		check_chain(CONTAINER_OF(object, struct memory, object), false);
		return;
	}
	space = CONTAINER_OF(object, struct space, object);
	LIST_FOR_EACH(node, &space->mappings)
		check_chain(LIST_ENTRY(node, struct mapping, space_node)->memory, false);
}

static void check_memories(void)
{
	seen_count = 0;
	for (u32 i = 0; i < VMS; i++)
		check_chain(vms[i].ram, true);
	for (u32 i = 0; i < FROZEN_MAX; i++)
		if (frozen[i].held)
			check_chain(frozen[i].memory, false);
	LIST_FOR_EACH(node, &machine_dying)
		check_dying(LIST_ENTRY(node, struct object, node));
}

/* Checks that a frozen object still holds what it held. */
static void check_frozen(const struct frozen *entry)
{
	if (!entry->held || !entry->memory->frozen)
		return;
	for (u32 place = 0; place < shapes[entry->shape].places; place++)
		CHECK_THAT(world_word(entry->memory, world_index(entry->shape, place)) ==
			   entry->reference.word[place]);
}

#pragma clang attribute pop
