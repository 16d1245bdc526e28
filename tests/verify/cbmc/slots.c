/* SPDX-License-Identifier: MIT */
/*
 * mm/memory.c and memory_discard: creating, looking up, populating, discarding and destroying any
 * object of 1 to 3 pages without layers, whose slots, counts and hidden pages satisfy the
 * invariant, with an allocator of 5 frames and a quota that may refuse at each point; spaces that
 * map it are left out. Proved: afterwards each frame is in one slot or nobody's, only the object's
 * own frames are cleared and freed, a page is cleared before it is present, no page is lost, and
 * the pages that are promised, present, reserved and charged add up, in the group's counts too.
 */
#include "tests/verify/cbmc/slots.h"

#include "mm/memory.c"
/* Pages of 8 words are enough to be all zeros or not. */
#undef PAGE_SIZE
#define PAGE_SIZE 64ul
#include "mm/discard.c"

struct lock layer_lock;
static struct memory memory;

/* Another call of the manager's may revoke pages in several steps; this one ends. */
enum status layer_revoke(struct memory *of, u64 *first, u64 end, enum memory_wait wait)
{
	(void)wait;
	SHOW(*first <= end && end <= of->page_count, "pages of the object are revoked");
	*first = end;
	return STATUS_OK;
}

void layer_revoke_pages(struct memory *of, const u64 *index, u32 count, enum memory_wait wait)
{
	(void)wait;
	for (u32 i = 0; i < count; i++)
		SHOW(index[i] < of->page_count, "pages of the object are revoked");
}

void layer_wait_begin(struct memory *of, enum memory_wait wait)
{
	of->awaited[wait][0] = ANY_U64;
}

/* Whether the object that `of` is agrees with whose the frames are, and with the counts. */
static bool invariant(const struct memory *of)
{
	u64 held = of->promised - of->present;

	if (!slots_valid(of) || of->chunks != NULL || of->present != pages_of(of) ||
	    of->promised < of->present || of->promised > of->page_count)
		return false;
	for (u32 frame = 0; frame < FRAMES; frame++)
		if (slots_with(of, frame) != (frame_state[frame] == OURS))
			return false;
	for (u32 i = 0; i < PAGES; i++)
		if ((of->inline_slots[i] & SLOT_ASIDE) &&
		    (i < of->trim_first || i - of->trim_first >= of->trim_count))
			return false;
	if (of->trim_count != 0 && !memory_range_valid(of, of->trim_first, of->trim_count))
		return false;
	return reserved == held && charged == of->promised && account.absent_pages == held &&
	       ((of->flags & MEMORY_OVERCOMMIT) || of->promised == of->page_count);
}

static void any_memory(void)
{
	memory.kind = MEMORY_RAM;
	memory.owner = PAGE_GUEST;
	memory.quota = &quota;
	memory.page_count = any_of(1, PAGES);
	memory.flags = ANY_U32;
	memory.held = ANY_BOOL;
	memory.trim_first = ANY_U64;
	memory.trim_count = ANY_U64;
	memory.breaking = ANY_U64;
	memory.cursor = ANY_U64;
	memory.awaited[WAIT_PAGE][0] = ANY_U64;
	list_init(&memory.mappings);
	any_slots(&memory);
	for (u32 frame = 0; frame < FRAMES; frame++)
		any_frame(frame, slots_with(&memory, frame));
	any_account(memory.promised, memory.promised - memory.present);
	data_words[any_of(0, PAGE_SIZE / sizeof(u64) - 1)] = 1;
	ASSUME(invariant(&memory));
}

void prove_populate(void)
{
	struct memory before;
	u64 index = ANY_U64;
	u64 other = any_of(0, PAGES - 1);
	enum status status;

	any_memory();
	ASSUME(index < memory.page_count);
	before = memory;
	status = memory_populate(&memory, index);
	SHOW(invariant(&memory), "the invariant holds again");
	SHOW(other == index || memory.inline_slots[other] == before.inline_slots[other],
	     "no other page changes");
	if (status == STATUS_OK) {
		u64 slot = memory.inline_slots[index];
		u64 was = before.inline_slots[index];

		SHOW(slot & SLOT_PRESENT, "the page is present");
		SHOW(was == 0 || (slot & PTE_ADDRESS) == (was & PTE_ADDRESS), "no page is lost");
		SHOW((was & (SLOT_PRESENT | SLOT_ASIDE)) || cleared[slot >> PAGE_SHIFT],
		     "a page is cleared before it is present");
		SHOW(was == 0 || !cleared[slot >> PAGE_SHIFT] || (was & ~PTE_ADDRESS) == SLOT_KEPT,
		     "a page that was there is not cleared");
		REACHED("a page is present");
		if (was == 0)
			REACHED("a page is new");
	} else {
		SHOW(memory.inline_slots[index] == before.inline_slots[index],
		     "what fails changes nothing");
		REACHED("no page can be had");
	}
}

void prove_slot(void)
{
	u64 index = ANY_U64;
	enum pt_level level;
	struct memory before;
	hpa_t hpa;
	bool own;

	any_memory();
	ASSUME(index < memory.page_count);
	before = memory;
	if (memory_slot_own(&memory, index, &hpa, &level, &own)) {
		SHOW(own && level == PT_LEVEL_4K, "the page is the object's own, and a page");
		SHOW(memory.inline_slots[index] == (hpa.value | SLOT_PRESENT), "it is that page");
		SHOW(frame_state[frame_of(hpa)] == OURS, "the frame is the object's");
		REACHED("the page is there");
	} else {
		SHOW(!(memory.inline_slots[index] & SLOT_PRESENT),
		     "only an absent page is not found");
		REACHED("the page is absent");
	}
	SHOW(invariant(&memory), "the invariant holds again");
}

void prove_create(void)
{
	struct memory *new;
	u64 count = any_of(1, PAGES);
	u32 flags = ANY_U32;

	quota.account = &account;
	if (memory_create(&quota, PAGE_GUEST, count, flags, &new) == STATUS_OK) {
		SHOW(new == &made &&new->page_count == count &&new->flags == flags, "as asked");
		SHOW(new->kind == MEMORY_RAM &&new->owner == PAGE_GUEST &&new->quota == &quota,
		     "the object is RAM of that group");
		SHOW(list_empty(&new->mappings), "nothing maps a new object");
		SHOW(invariant(new), "a new object is in order");
		REACHED("an object is made");
	} else {
		SHOW(reserved == 0 && charged == 0 && account.absent_pages == 0 && ended == created,
		     "what fails has no effect");
		REACHED("no object is made");
	}
}

void prove_destroy(void)
{
	any_memory();
	memory.trim_count = 0;
	ASSUME(invariant(&memory));
	SHOW(memory_destroy(&memory) == STATUS_OK, "a small object is destroyed in one step");
	for (u32 frame = 0; frame < FRAMES; frame++)
		SHOW(frame_state[frame] != OURS, "each page is given back");
	SHOW(reserved == 0 && charged == 0, "nothing stays reserved or charged");
	SHOW(account.absent_pages == 0 && memory.promised == 0 && memory.present == 0,
	     "nothing stays counted");
	SHOW(ended == 1, "the object is given back once");
	REACHED("the end");
}

void prove_discard(void)
{
	struct memory before;
	u64 first = ANY_U64;
	u64 asked = ANY_U64;
	u64 other = any_of(0, PAGES - 1);
	u64 count = asked;
	enum status status;

	any_memory();
	before = memory;
	status = memory_discard(&memory, first, &count);
	SHOW(invariant(&memory), "the invariant holds again");
	SHOW((other >= first && other - first < asked) ||
		     memory.inline_slots[other] == before.inline_slots[other],
	     "no page changes that was not named");
	SHOW(count <= asked, "no more is dealt with than was asked for");
	if (before.held || !memory_range_valid(&before, first, asked) || asked == 0)
		SHOW(status == STATUS_BAD_STATE || status == STATUS_BAD_ADDRESS, "it is refused");
	if (status == STATUS_OK) {
		SHOW(memory.breaking == 0, "no wait is left");
		if (before.breaking != first + 1 && other >= first && other - first < count) {
			SHOW(memory.inline_slots[other] == 0, "the pages are given back");
			REACHED("pages are given back");
		}
	}
}
