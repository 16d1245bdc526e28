/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the proofs of mm/layer.c share: a live object, mapped once, on any object below it, which
 * lies on a third one, or on none. The invariant says whose each frame is, what the
 * mapping shows, which pages are on the lists of the live object's own pages, and that the counts
 * add up. Pages hold a number in place of their contents.
 */
#include "tests/verify/cbmc/slots.h"

static u8 content[FRAMES]; /* what each frame holds: 0 stands for zeros */
#undef page_clear
#undef page_copy
#undef hpa_to_pointer
#undef pointer_to_hpa
#define page_clear(hpa, count)	(clear_of(hpa, count), (void)(content[frame_of(hpa)] = 0))
#define page_copy(hpa, from)	(copy_of(hpa), (void)(content[frame_of(hpa)] = *(const u8 *)(from)))
#define hpa_to_pointer(hpa)	((void *)&content[frame_of(hpa)])
#define pointer_to_hpa(pointer) HPA((u64)((const u8 *)(pointer)-content) << PAGE_SHIFT)

/* Pages are words of an array here: CBMC would look for them anywhere in the object otherwise. */
#define memory_slot_of_page(of, index) (&(of)->inline_slots[index])
#define page_of_frame(frame)	       (&frames[frame])

#include "mm/memory.c"
#include "mm/layer.c"

static struct memory memory;
static struct memory below;
static struct memory bottom;
static struct mapping mapping; /* of a part of the live object */
static struct space space;
static u8 mapped[PAGES];     /* the frame that the mapping shows for each page; 0: none */
static bool writable[PAGES]; /* and whether the page can be written to */
static bool unflushed;	     /* pages were unmapped, and CPUs may still use them unnoticed */
static u32 released;	     /* how often the last reference to `below` was put */

static void unmap_page(u64 index)
{
	unflushed |= mapped[index] != 0;
	mapped[index] = 0;
	writable[index] = false;
}

/* Unmaps one page at least, and stops anywhere behind it. */
enum status table_unmap(struct table *table, u64 *at, u64 end)
{
	u64 first = mapping.offset + ((*at - mapping.at) >> PAGE_SHIFT);
	u64 last = mapping.offset + ((end - mapping.at) >> PAGE_SHIFT);
	u64 stop = any_of(first + 1, last);

	SHOW(table == &space.table && first >= mapping.offset && first < last &&
		     last <= mapping.offset + mapping.page_count && last <= PAGES,
	     "pages of the mapping are unmapped");
	for (u32 i = 0; i < PAGES; i++)
		if (i >= first && i < stop)
			unmap_page(i);
	*at += (stop - first) << PAGE_SHIFT;
	return stop == last ? STATUS_OK : STATUS_AGAIN;
}

bool table_unmap_pages(struct table *table, u64 at, u64 first, u64 pages, const u64 *index,
		       u32 count)
{
	SHOW(table == &space.table && at == mapping.at && first == mapping.offset &&
		     pages == mapping.page_count,
	     "pages of the mapping are unmapped");
	SHOW(count <= PAGES, "each page is listed once at most");
	for (u32 page = 0; page < PAGES; page++)
		for (u32 i = 0; i < PAGES; i++)
			if (i < count && index[i] == page && page >= first && page - first < pages)
				unmap_page(page);
	return unflushed;
}

static bool flushed;

void tlb_flush_space(struct space *of)
{
	SHOW(of == &space, "the space that lost pages is flushed");
	flushed = true;
}

/* Any CPUs may use the space, and run on from then on. */
void tlb_await(const struct space *of, u64 *cpus)
{
	SHOW(of == &space && flushed, "a flush comes before the wait for it");
	cpus[0] |= ANY_U64;
	flushed = unflushed = false;
}

/* The last reference goes, and with it all that the object still has (memory_destroy). */
static void release(struct object *object)
{
	SHOW(object == &below.object && below.below == NULL, "the object below is released");
	released++;
	for (u32 i = 0; i < PAGES; i++) {
		if (below.inline_slots[i] != 0)
			frame_state[frame_of(HPA(below.inline_slots[i] & PTE_ADDRESS))] = WAITS;
		below.inline_slots[i] = 0;
	}
	reserved -= below.promised - below.present;
	account.absent_pages -= below.promised - below.present;
	charged -= below.promised;
	below.promised = below.present = 0;
}

void (*const object_release[OBJECT_TYPE_COUNT])(struct object *object) = {
	[0 ... OBJECT_TYPE_COUNT - 1] = release,
};

/* As tests/verify/cbmc/slots.c proves of it. */
u64 memory_trim_settle(struct memory *of, bool gives)
{
	SHOW(!gives, "a freeze gives nothing back");
	for (u32 i = 0; i < PAGES; i++)
		if (of->inline_slots[i] & SLOT_ASIDE)
			of->inline_slots[i] = (of->inline_slots[i] & PTE_ADDRESS) | SLOT_PRESENT;
	of->trim_count = 0;
	return 0;
}

enum status memory_block_split(struct memory *of, u64 *chunk)
{
	(void)of;
	(void)chunk;
	SHOW(false, "no block is split");
	return STATUS_NO_MEMORY;
}

void memory_huge_end(struct memory *of, u64 number)
{
	(void)of;
	(void)number;
	SHOW(false, "no GiB ends");
}

static u64 frame_in(const struct memory *of, u32 i)
{
	return (of->inline_slots[i] & PTE_ADDRESS) >> PAGE_SHIFT;
}

static bool has(const struct memory *of, u32 i)
{
	return of->inline_slots[i] & SLOT_PRESENT;
}

/* The frame that the object shows for the page; 0: none, the page reads as zeros. */
static u64 frame_shown(const struct memory *of, u32 i)
{
	for (; of != NULL; of = of->below)
		if (has(of, i))
			return frame_in(of, i);
	return 0;
}

static u8 content_shown(const struct memory *of, u32 i)
{
	u64 frame = frame_shown(of, i);

	return frame == 0 ? 0 : content[frame];
}

static u64 held(const struct memory *of)
{
	return of->promised - of->present;
}

static bool counts_valid(const struct memory *of)
{
	return slots_valid(of) && of->chunks == NULL && of->present == pages_of(of) &&
	       of->promised >= of->present && of->promised <= of->page_count;
}

/* Only an object without layers has pages set aside, those of a trim under way. */
static bool aside_valid(const struct memory *of, bool layered)
{
	for (u32 i = 0; i < PAGES; i++)
		if (layered && (of->inline_slots[i] & SLOT_ASIDE))
			return false;
	return true;
}

/* How often each list of own pages has a page: with its index, present, and in no circle. */
static bool list_valid(u32 frame, u8 *found)
{
	for (u32 n = 0; n < PAGES; n++) {
		u32 i;

		if (frame == 0)
			return true;
		if (frame >= FRAMES)
			return false;
		i = frames[frame].references;
		if (i >= memory.page_count || frame_in(&memory, i) != frame || !has(&memory, i))
			return false;
		found[i]++;
		frame = frames[frame].next;
	}
	return frame == 0;
}

/* A reset finds each page that the live object has of its own on one list, once. */
static bool lists_valid(void)
{
	u8 found[PAGES] = {0};

	if (memory.below == NULL)
		return (memory.own_first | memory.hide_first) == 0;
	if (!list_valid(memory.own_first, found) || !list_valid(memory.hide_first, found))
		return false;
	for (u32 i = 0; i < PAGES; i++)
		if (found[i] != has(&memory, i))
			return false;
	return memory.hide_first == 0 || memory.resetting;
}

/*
 * The mapping shows what the object does. Only a page of the object's own can be written to, or one
 * that a freeze under way has moved below and has yet to unmap.
 */
static bool mapping_valid(void)
{
	bool freezing = memory.below != NULL && !memory.below->frozen;

	for (u32 i = 0; i < PAGES; i++) {
		if (mapped[i] == 0)
			continue;
		if (i < mapping.offset || i - mapping.offset >= mapping.page_count ||
		    mapped[i] != frame_shown(&memory, i))
			return false;
		if (memory.below != NULL && memory.breaking == i + 1)
			return false;
		if (writable[i] && !has(&memory, i) && !(freezing && i >= memory.cursor))
			return false;
	}
	return true;
}

/* A break under way names a page that the object lacks, and has a page promised for it. */
static bool breaking_valid(void)
{
	u64 i = memory.breaking - 1;
	bool breaks = memory.below != NULL && memory.breaking != 0;

	if (breaks && (i >= memory.page_count || has(&memory, (u32)i % PAGES)))
		return false;
	if (!(memory.flags & MEMORY_OVERCOMMIT))
		return memory.promised == memory.page_count;
	return memory.below == NULL ||
	       held(&memory) == (breaks && memory.inline_slots[i % PAGES] == 0);
}

/* What a merge under way has passed is no longer needed below. */
static bool merging_valid(void)
{
	if (memory.cursor > memory.page_count)
		return memory.below == NULL;
	if (!memory.merging)
		return true;
	for (u32 i = 0; i < PAGES; i++)
		if (i < memory.cursor && has(memory.below, i) && !has(&memory, i))
			return false;
	return memory.below->frozen && memory.cursor < memory.page_count;
}

static bool frames_valid(void)
{
	for (u32 frame = 0; frame < FRAMES; frame++)
		if (slots_with(&memory, frame) + slots_with(&below, frame) +
			    slots_with(&bottom, frame) + slots_with(&made, frame) !=
		    (frame_state[frame] == OURS))
			return false;
	return true;
}

static bool invariant(void)
{
	u64 all = held(&memory) + held(&below) + held(&bottom) + held(&made);

	return counts_valid(&memory) && counts_valid(&below) && counts_valid(&bottom) &&
	       counts_valid(&made) && aside_valid(&memory, memory.below != NULL) &&
	       aside_valid(&below, true) && aside_valid(&bottom, true) &&
	       aside_valid(&made, true) && frames_valid() && lists_valid() && mapping_valid() &&
	       breaking_valid() && merging_valid() && !unflushed && reserved == all &&
	       account.absent_pages == all &&
	       charged == memory.promised + below.promised + bottom.promised + made.promised;
}

static void any_object(struct memory *of)
{
	of->kind = MEMORY_RAM;
	of->owner = PAGE_GUEST;
	of->quota = &quota;
	list_init(&of->mappings);
	object_init(&of->object, OBJECT_MEMORY);
	any_slots(of);
}

static void any_mapping(void)
{
	mapping.space = &space;
	mapping.memory = &memory;
	mapping.at = any_of(1, BIT(35)) << PAGE_SHIFT;
	mapping.offset = any_of(0, memory.page_count - 1);
	mapping.page_count = any_of(1, memory.page_count - mapping.offset);
	mapping.shown = ANY_U64;
	memory.mapping_count = ANY_U32;
	list_insert_before(&memory.mappings, &mapping.memory_node);
	for (u32 i = 0; i < PAGES; i++) {
		mapped[i] = (u8)any_of(0, FRAMES - 1);
		writable[i] = ANY_BOOL;
	}
}

/* Any live object: alone, on another one if it `covers` that, which lies on a third one if `deep`.
 */
static void any_layers(bool covers, bool deep)
{
	memory.page_count = below.page_count = bottom.page_count = any_of(1, PAGES);
	any_object(&memory);
	any_object(&below);
	if (deep)
		any_object(&bottom);
	memory.flags = below.flags = bottom.flags = ANY_U32;
	memory.below = covers ? &below : NULL;
	below.below = deep ? &bottom : NULL;
	below.depth = deep;
	memory.depth = (u8)any_of(0, LAYER_DEPTH_MAX);
	memory.held = ANY_BOOL;
	memory.frozen = ANY_BOOL;
	memory.merging = covers && ANY_BOOL;
	memory.resetting = ANY_BOOL;
	memory.breaking = ANY_U64;
	memory.own_first = ANY_U32;
	memory.hide_first = ANY_U32;
	memory.cursor = ANY_U64;
	for (u32 wait = 0; wait < MEMORY_WAITS; wait++)
		memory.awaited[wait][0] = ANY_U64;
	memory.revoked =
		(memory.awaited[WAIT_ALL][0] | memory.awaited[WAIT_LATER][0]) != 0 || ANY_BOOL;
	below.frozen = ANY_BOOL;
	bottom.frozen = true;
	any_mapping();
	for (u32 frame = 0; frame < FRAMES; frame++) {
		any_frame(frame, slots_with(&memory, frame) + slots_with(&below, frame) +
					 slots_with(&bottom, frame));
		frames[frame].next = ANY_U32;
		frames[frame].references = ANY_U32;
		frames[frame].flags = ANY_U8;
		content[frame] = ANY_U8;
	}
	any_account(memory.promised + below.promised + bottom.promised,
		    held(&memory) + held(&below) + held(&bottom));
	ASSUME(invariant());
}

static bool passed(enum memory_wait wait)
{
	u64 left = 0;

	for (u32 word = 0; word < CPU_MAX / 64; word++)
		left |= memory.awaited[wait][word];
	return left == 0;
}
