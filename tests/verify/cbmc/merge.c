/* SPDX-License-Identifier: MIT */
/*
 * layer_merge: each step of it, for any live object of 1 to 3 pages, mapped once, on any object
 * below: a first step with a break under way or none, when nothing is below that, and a step from
 * any page on, without a break, when that lies on a third object. Slots, lists of own pages and
 * counts satisfy the invariant, and no reset is under way; an unmapping may stop after any page,
 * CPUs pass or do not. Objects have no blocks. Proved: afterwards each frame is in one slot of one
 * object, or nobody's; each page of the live object holds what it held; the mapping shows what the
 * object does; the lists have each own page once; what is promised, present, reserved and charged
 * adds up over all objects; each step comes further, or waits for a CPU that a break awaits; the
 * object below goes once, at the end, with pages only that nobody shows.
 */
#include "tests/verify/cbmc/layers.h"

static struct quota other_quota;

static struct memory before;
static struct memory before_below;
static u32 i;	   /* any page */
static bool moves; /* the object below shows the page */

/* One step, after which the invariant holds and page `i` holds what it held. */
static enum status step(void)
{
	u64 bottom_slot;
	u8 held_there;
	enum status status = STATUS_OK;

	i = (u32)any_of(0, PAGES - 1);
	before = memory;
	before_below = below;
	bottom_slot = bottom.inline_slots[i];
	held_there = content_shown(&memory, i);
	moves = !has(&memory, i) && has(&below, i);
	if (memory.breaking != 0)
		BY_VALUE(memory.breaking, status = layer_merge(&memory));
	else if (memory.merging)
		BY_VALUE(memory.cursor, status = layer_merge(&memory));
	else
		status = layer_merge(&memory);
	SHOW(invariant(), "the invariant holds again");
	SHOW(content_shown(&memory, i) == held_there, "each page holds what it held");
	SHOW(bottom.inline_slots[i] == bottom_slot, "the third object stays as it is");
	SHOW(released == (status == STATUS_OK), "OK says that the object below has gone, once");
	return status;
}

/* An object whose step is not refused. */
static void any_mergeable(bool deep)
{
	any_layers(true, deep);
	ASSUME(!memory.frozen && below.frozen && !memory.resetting);
	memory.frozen = memory.resetting = false;
	below.frozen = true;
}

static void show_end(void)
{
	SHOW(!memory.merging, "the merge is over");
	SHOW(memory.below == before_below.below && memory.depth == before_below.depth,
	     "what was below the object that went comes below the live one");
	SHOW(!moves || has(&memory, i), "each page that it showed has moved up");
}

static void show_progress(enum status status)
{
	SHOW(status == STATUS_AGAIN && memory.cursor > (before.merging ? before.cursor : 0),
	     "each step comes further");
	SHOW(memory.below == &below && memory.merging, "the merge goes on");
}

static void show_merge(void)
{
	enum status status = step();

	if (status == STATUS_OK) {
		show_end();
		REACHED("the merge ends");
		if (moves)
			REACHED("a page moves up");
	} else {
		show_progress(status);
		REACHED("a step comes further");
	}
}

/* The first step, of the last object below. */
void prove_merge_begins(void)
{
	any_mergeable(false);
	ASSUME(memory.breaking == 0 && !memory.merging);
	memory.breaking = 0;
	memory.merging = false;
	show_merge();
}

/* A step from any page on, of an object that lies on a third one. */
void prove_merge_goes_on(void)
{
	any_mergeable(true);
	ASSUME(memory.breaking == 0 && memory.merging);
	memory.breaking = 0;
	memory.merging = true;
	show_merge();
}

/* Without an object below, or with one that somebody else needs or pays for, nothing merges. */
void prove_merge_refused(void)
{
	u64 slot;
	u32 page = (u32)any_of(0, PAGES - 1);
	bool resetting;

	any_layers(false, false);
	SHOW(layer_merge(&memory) == STATUS_BAD_STATE, "without an object below nothing merges");
	any_layers(true, false);
	resetting = memory.resetting;
	memory.resetting = false;
	slot = memory.inline_slots[page];
	below.quota = &other_quota;
	SHOW(layer_merge(&memory) == STATUS_BAD_STATE, "another group's pages are not taken");
	below.quota = &quota;
	below.object.references = 2;
	SHOW(layer_merge(&memory) == STATUS_BAD_STATE, "what somebody else needs is not merged");
	below.object.references = 1;
	memory.resetting = true;
	SHOW(layer_merge(&memory) == STATUS_BAD_STATE, "no merge begins while a reset goes on");
	memory.resetting = resetting;
	memory.frozen = true;
	SHOW(layer_merge(&memory) == STATUS_BAD_STATE, "nothing merges into a frozen object");
	memory.frozen = below.frozen = false;
	SHOW(layer_merge(&memory) == STATUS_BAD_STATE, "no merge begins while a freeze goes on");
	ASSUME(!memory.merging);
	SHOW(memory.inline_slots[page] == slot && invariant(), "what is refused changes nothing");
	REACHED("the end");
}

/* A break is under way, which the step completes first. The step is the merge's first. */
void prove_merge_breaking(void)
{
	enum status status;

	any_mergeable(false);
	ASSUME(memory.breaking != 0 && !memory.merging);
	memory.merging = false;
	status = step();
	if (status == STATUS_OK)
		show_end();
	else if (memory.breaking == 0)
		show_progress(status);
	else {
		SHOW(status == STATUS_AGAIN ? !passed(WAIT_PAGE) : status == STATUS_NO_MEMORY,
		     "a merge waits for no more than a break does");
		SHOW(memory.inline_slots[i] == before.inline_slots[i], "a wait moves no page");
		REACHED("a break makes it wait");
	}
	if (before.breaking != 0 && memory.breaking == 0)
		REACHED("the break is done");
}
