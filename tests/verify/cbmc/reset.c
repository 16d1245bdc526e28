/* SPDX-License-Identifier: MIT */
/*
 * layer_reset: each step of it, for any live object of 1 to 3 pages, mapped once, on any object
 * below, which lies on none, whose slots, lists of own pages and counts satisfy the invariant;
 * pages below may be absent at any place, and CPUs pass or do not. Page n of the live object, where
 * it has one, is frame n + 1: the code compares no frames' numbers, so other numbers make no
 * difference. Objects have no blocks. Proved: afterwards each frame is in one slot of one object,
 * or nobody's; the pages that the reset began with are hidden, unmapped and kept, and no other is;
 * the lists have each own page once; the counts stay as they are; OK says that nothing is left to
 * be hidden, and that no CPU uses a hidden page any more; what is refused changes nothing.
 */
#include "tests/verify/cbmc/layers.h"

static enum status status;
static u32 calls; /* how often the step was called: once */

static bool list_has(u32 frame, u32 wanted)
{
	for (u32 n = 0; n < PAGES && frame != 0; n++) {
		if (frame == wanted)
			return true;
		frame = frames[frame % FRAMES].next;
	}
	return false;
}

/* The frame is the n-th of the list that is given, if that is so long; 0 ends the list. */
static bool list_is(u32 frame, const u32 *list)
{
	for (u32 n = 0; n < PAGES; n++) {
		if (frame != list[n])
			return false;
		if (frame == 0)
			return true;
		frame = frames[frame].next;
	}
	return frame == 0;
}

/* Makes the step if the list of what is to be hidden is this one, with numbers that CBMC knows. */
static void reset_list(bool resetting, const u32 *list)
{
	if (calls != 0 || !list_is(resetting ? memory.hide_first : memory.own_first, list))
		return;
	memory.resetting = resetting;
	memory.hide_first = resetting ? list[0] : 0;
	if (!resetting)
		memory.own_first = list[0];
	for (u32 n = 0; n < PAGES && list[n] != 0; n++) {
		frames[list[n]].next = n + 1 < PAGES ? list[n + 1] : 0;
		frames[list[n]].references = list[n] - 1;
	}
	status = layer_reset(&memory);
	calls++;
}

/* Makes the step for each list by itself: any pages, in any order, each once. */
static void reset_each_list(bool resetting)
{
	for (u32 a = 0; a <= PAGES; a++)
		for (u32 b = 0; b <= (a == 0 ? 0 : PAGES); b++)
			for (u32 c = 0; c <= (b == 0 ? 0 : PAGES); c++) {
				const u32 list[3] = {a, b, c};

				if (a == 0 || (a != b && a != c && (b == 0 || b != c)))
					reset_list(resetting, list);
			}
}

static void show_reset(bool resetting)
{
	struct memory before;
	u32 i = (u32)any_of(0, PAGES - 1);
	u64 below_slot;
	u64 awaited = 0;
	bool hides;
	u8 showed;

	any_layers(true, false);
	ASSUME(below.frozen && !memory.frozen && !memory.merging && memory.resetting == resetting);
	below.frozen = true;
	memory.frozen = memory.merging = false;
	memory.resetting = resetting;
	for (u32 page = 0; page < PAGES; page++)
		ASSUME(frame_in(&memory, page) == 0 || frame_in(&memory, page) == page + 1);
	before = memory;
	below_slot = below.inline_slots[i];
	for (u32 wait = 0; wait < MEMORY_WAITS; wait++)
		awaited |= memory.awaited[wait][0];
	hides = has(&memory, i) &&
		(!resetting || list_has(memory.hide_first, (u32)frame_in(&memory, i)));
	showed = mapped[i];
	reset_each_list(resetting);
	SHOW(calls == 1, "the step is one of these");
	SHOW(invariant(), "the invariant holds again");
	SHOW(frame_in(&memory, i) == frame_in(&before, i), "each page stays in its slot");
	SHOW(below.inline_slots[i] == below_slot && memory.below == &below,
	     "what is below stays as it is");
	SHOW(memory.present == before.present && memory.promised == before.promised,
	     "the counts stay as they are");
	SHOW(status == STATUS_OK || status == STATUS_AGAIN, "no other answer");
	SHOW(memory.resetting == (status == STATUS_AGAIN), "AGAIN says that it goes on");
	if (hides) {
		SHOW(memory.inline_slots[i] == ((before.inline_slots[i] & PTE_ADDRESS) | SLOT_KEPT),
		     "the page is hidden and kept");
		SHOW(mapped[i] == 0, "a hidden page is not mapped");
		REACHED("a page is hidden");
	} else {
		SHOW(memory.inline_slots[i] == before.inline_slots[i], "no other page changes");
		SHOW(mapped[i] == showed, "no other page is unmapped");
	}
	SHOW(memory.hide_first == 0, "nothing is left to be hidden");
	if (hides && status == STATUS_AGAIN)
		SHOW((awaited & ~memory.awaited[WAIT_ALL][0]) == 0,
		     "the reset waits for CPUs that may use pages unmapped before, too");
	if (status == STATUS_OK) {
		SHOW(passed(WAIT_ALL), "no CPU uses a hidden page any more");
		REACHED("the reset is done");
	} else
		REACHED("a CPU has yet to pass");
}

/* The first step, which takes all pages that the object has of its own. */
void prove_reset_begins(void)
{
	show_reset(false);
}

/* A later step, which takes those that are left, and waits. */
void prove_reset_goes_on(void)
{
	show_reset(true);
}

/* Without a frozen object below, or while something else goes on, nothing is reset. */
void prove_reset_refused(void)
{
	struct memory before;
	u32 i = (u32)any_of(0, PAGES - 1);
	bool frozen;

	any_layers(false, false);
	SHOW(layer_reset(&memory) == STATUS_BAD_STATE, "without an object below nothing is reset");
	any_layers(true, false);
	before = memory;
	frozen = below.frozen;
	below.frozen = false;
	SHOW(layer_reset(&memory) == STATUS_BAD_STATE, "no reset begins while a freeze goes on");
	below.frozen = memory.frozen = true;
	SHOW(layer_reset(&memory) == STATUS_BAD_STATE, "what is frozen is not reset");
	memory.frozen = false;
	memory.merging = true;
	SHOW(layer_reset(&memory) == STATUS_BAD_STATE, "no reset begins while a merge goes on");
	SHOW(memory.inline_slots[i] == before.inline_slots[i] &&
		     memory.own_first == before.own_first &&
		     memory.hide_first == before.hide_first && memory.resetting == before.resetting,
	     "what is refused changes nothing");
	below.frozen = frozen;
	memory.frozen = before.frozen;
	memory.merging = before.merging;
	SHOW(invariant(), "the invariant holds again");
	REACHED("the end");
}
