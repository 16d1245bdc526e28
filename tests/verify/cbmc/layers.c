/* SPDX-License-Identifier: MIT */
/*
 * layer_freeze: any live object of 1 to 3 pages, mapped once, on any object below, or on none,
 * whose slots, lists of own pages and counts satisfy the invariant; the allocator and the quota may
 * refuse, an unmapping may stop after any page, CPUs pass or do not. Proved: afterwards each frame
 * is in one slot of one object, or nobody's; each page is in the new object below, at its place;
 * the mapping shows what the object does, and lets no page be written to that is frozen; what is
 * promised, present, reserved and charged adds up over all objects; what fails moves no page.
 */
#include "tests/verify/cbmc/layers.h"

void prove_freeze(void)
{
	struct memory before;
	struct memory *frozen;
	u64 i = any_of(0, PAGES - 1);
	enum status status;

	any_layers(ANY_BOOL, false);
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
