/* SPDX-License-Identifier: MIT */
/*
 * layer_freeze: any object of 1 to 3 pages on any object below, or on none, whose slots and counts
 * satisfy the invariant; the allocator and the quota may refuse, CPUs pass or do not. Spaces that
 * map the objects are left out. Proved: afterwards each frame is in one slot of one object, or
 * nobody's; each page is in the new object below, at its place; what is promised, present, reserved
 * and charged adds up over all objects; what fails moves no page.
 */
#include "tests/verify/cbmc/slots.h"

#include "mm/memory.c"
#include "mm/layer.c"

static struct memory memory;
static struct memory below;

static void release(struct object *object)
{
	(void)object;
	SHOW(false, "no object is released");
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

static u64 held(const struct memory *of)
{
	return of->promised - of->present;
}

static bool counts_valid(const struct memory *of)
{
	return slots_valid(of) && of->chunks == NULL && of->present == pages_of(of) &&
	       of->promised >= of->present && of->promised <= of->page_count;
}

static bool invariant(void)
{
	u64 all = held(&memory) + held(&below) + held(&made);

	if (!counts_valid(&memory) || !counts_valid(&below) || !counts_valid(&made))
		return false;
	for (u32 frame = 0; frame < FRAMES; frame++)
		if (slots_with(&memory, frame) + slots_with(&below, frame) +
			    slots_with(&made, frame) !=
		    (frame_state[frame] == OURS))
			return false;
	return reserved == all && account.absent_pages == all &&
	       charged == memory.promised + below.promised + made.promised;
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

static void any_layers(void)
{
	memory.page_count = below.page_count = any_of(1, PAGES);
	any_object(&memory);
	any_object(&below);
	memory.flags = below.flags = ANY_U32;
	memory.held = ANY_BOOL;
	memory.merging = ANY_BOOL;
	memory.resetting = ANY_BOOL;
	memory.depth = (u8)any_of(0, LAYER_DEPTH_MAX);
	memory.own_first = ANY_U32;
	memory.hide_first = ANY_U32;
	memory.cursor = any_of(0, memory.page_count);
	for (u32 wait = 0; wait < MEMORY_WAITS; wait++)
		memory.awaited[wait][0] = ANY_U64;
	below.frozen = ANY_BOOL;
	for (u32 frame = 0; frame < FRAMES; frame++) {
		any_frame(frame, slots_with(&memory, frame) + slots_with(&below, frame));
		frames[frame].next = (u32)any_of(0, FRAMES - 1);
		frames[frame].references = (u32)any_of(0, PAGES - 1);
	}
	any_account(memory.promised + below.promised, held(&memory) + held(&below));
	ASSUME(invariant());
}

void prove_freeze(void)
{
	struct memory before;
	struct memory *frozen;
	u64 i = any_of(0, PAGES - 1);
	enum status status;

	any_layers();
	memory.below = ANY_BOOL ? &below : NULL;
	before = memory;
	status = layer_freeze(&memory, &frozen);
	SHOW(invariant(), "the invariant holds again");
	if (created == 0) {
		SHOW(memory.below == before.below && ((memory.inline_slots[i] & PTE_ADDRESS) ==
						      (before.inline_slots[i] & PTE_ADDRESS)),
		     "what fails moves no page");
		REACHED("no page moves");
		return;
	}
	REACHED("the pages move below");
	SHOW(frozen == &made && memory.below == &made && made.below == before.below,
	     "the new object lies between");
	SHOW(memory.inline_slots[i] == 0, "the live object has no page of its own");
	SHOW((made.inline_slots[i] & PTE_ADDRESS) == (before.inline_slots[i] & PTE_ADDRESS),
	     "each page is in the frozen object, at its place");
	SHOW(memory.own_first == 0 && memory.hide_first == 0,
	     "no page is on the live object's lists");
	SHOW(!before.held && !before.merging, "an object that is held or merges is not frozen");
	SHOW(made.promised == before.present, "each frozen page is promised");
	SHOW((before.flags & MEMORY_OVERCOMMIT) || memory.promised == before.promised,
	     "the live object keeps its promise");
	SHOW(made.depth == before.depth && memory.depth == before.depth + 1 &&
		     memory.depth <= LAYER_DEPTH_MAX,
	     "there are not too many layers");
	SHOW(made.frozen == (status == STATUS_OK), "OK says that the object is frozen");
}
