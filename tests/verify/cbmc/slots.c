/* SPDX-License-Identifier: MIT */
/*
 * mm/memory.c and mm/discard.c: creating, looking up, populating, holding, discarding, trimming and
 * destroying any object of 1 to 3 pages without layers, whose slots, counts and hidden pages
 * satisfy the invariant, with an allocator of 5 frames and a quota that may refuse at each point;
 * spaces that map it are left out. Proved: afterwards each frame is in one slot or nobody's, only
 * the object's own frames are cleared and freed, a page is cleared before it is present, no page is
 * lost, and the pages that are promised, present, reserved and charged add up, in the group's
 * counts too. A trim hides and gives back pages of zeros only, and none that it has not hidden
 * before; its second step is for the pages of the first.
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

/* Why no page of the object may be given back. */
static void any_reason(void)
{
	memory.frozen = ANY_BOOL;
	memory.device_mappings = ANY_U32;
	memory.mapping_count = ANY_U32;
	if (ANY_BOOL)
		memory.below = &made;
}

static bool is_refused(const struct memory *of)
{
	return of->held || of->frozen || of->device_mappings != 0 || of->below != NULL ||
	       of->mapping_count > DISCARD_MAPPINGS_MAX;
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
	any_reason();
	before = memory;
	status = memory_discard(&memory, first, &count);
	SHOW(invariant(&memory), "the invariant holds again");
	SHOW((other >= first && other - first < asked) ||
		     memory.inline_slots[other] == before.inline_slots[other],
	     "no page changes that was not named");
	SHOW(count <= asked, "no more is dealt with than was asked for");
	if (is_refused(&before) || !memory_range_valid(&before, first, asked) || asked == 0)
		SHOW(status == STATUS_BAD_STATE || status == STATUS_TOO_BIG ||
			     status == STATUS_BAD_ADDRESS,
		     "it is refused");
	if (status == STATUS_OK) {
		SHOW(memory.breaking == 0, "no wait is left");
		if (before.breaking != first + 1 && other >= first && other - first < count) {
			SHOW(memory.inline_slots[other] == 0, "the pages are given back");
			REACHED("pages are given back");
		}
	}
}

static struct memory before;
static u64 trim_first, trim_asked, trim_count, given;
static u32 i;	    /* any page */
static u64 was, is; /* its slot */
static bool was_zeros;

/* A step of the same pages as the one before. */
static enum status trim_again(void)
{
	memory.trim_first = trim_first;
	trim_count = memory.trim_count;
	return memory_trim(&memory, trim_first, &trim_count, &given);
}

/* One step, after which the invariant holds. */
static enum status trim(void)
{
	enum status status = STATUS_OK;

	i = (u32)any_of(0, PAGES - 1);
	trim_count = trim_asked;
	before = memory;
	was = memory.inline_slots[i];
	was_zeros = zeros[(was & PTE_ADDRESS) >> PAGE_SHIFT];
	if (memory.trim_count == 0)
		BY_VALUE(trim_first,
			 BY_VALUE(trim_count,
				  status = memory_trim(&memory, trim_first, &trim_count, &given)));
	else
		BY_VALUE(trim_first, BY_VALUE(memory.trim_count, status = trim_again()));
	is = memory.inline_slots[i];
	SHOW(invariant(&memory), "the invariant holds again");
	SHOW(trim_count <= trim_asked, "no more is dealt with than was asked for");
	SHOW(given == before.present - memory.present, "what is said to be given back was");
	SHOW(is == was || (i >= trim_first && i - trim_first < trim_count),
	     "no page is hidden or given back that was not named");
	SHOW(is == 0 || ((is ^ was) & PTE_ADDRESS) == 0, "each other page stays in its slot");
	SHOW(status != STATUS_OK || (memory.trim_count == 0 && !(is & SLOT_ASIDE)),
	     "nothing stays hidden at the end");
	return status;
}

/* A first step. No page is hidden yet. */
void prove_trim_begins(void)
{
	enum status status;

	any_memory();
	any_reason();
	ASSUME(memory.trim_count == 0);
	memory.trim_count = 0;
	trim_first = any_of(0, PAGES - 1);
	trim_asked = any_of(0, PAGES);
	status = trim();
	SHOW(given == 0, "the first step gives nothing back");
	if (is_refused(&before) || !memory_range_valid(&before, trim_first, trim_asked) ||
	    trim_asked == 0) {
		SHOW(status == STATUS_BAD_STATE || status == STATUS_TOO_BIG ||
			     status == STATUS_BAD_ADDRESS,
		     "it is refused");
		SHOW(is == was, "what is refused changes nothing");
		REACHED("it is refused");
	} else if (is != was) {
		SHOW((was & SLOT_PRESENT) && was_zeros, "only zeros are hidden");
		SHOW(is == ((was & PTE_ADDRESS) | SLOT_KEPT | SLOT_ASIDE), "the page is kept");
		SHOW(status == STATUS_AGAIN, "a step that hides is not the last");
		REACHED("a page is hidden");
	} else if (status == STATUS_OK)
		REACHED("nothing is to be hidden");
}

/* A later step, of the same pages. */
void prove_trim_goes_on(void)
{
	enum status status;

	any_memory();
	ASSUME(memory.trim_count != 0 && !memory.held);
	trim_first = memory.trim_first;
	trim_asked = memory.trim_count;
	status = trim();
	if (is == 0 && was != 0) {
		SHOW(was & SLOT_ASIDE, "a page is hidden before it is given back");
		SHOW(was_zeros, "only zeros are given back");
		SHOW(status == STATUS_OK, "a step that gives back is the last");
		SHOW(memory.awaited[WAIT_PAGE][0] == 0, "no CPU may use a page given back");
		REACHED("a page is given back");
	} else if (is != was) {
		SHOW((was & SLOT_ASIDE) && is == ((was & PTE_ADDRESS) | SLOT_PRESENT),
		     "a page that is not given back is there again");
		REACHED("a page is there again");
	}
	if (status == STATUS_AGAIN) {
		SHOW(is == was && given == 0, "a wait changes nothing");
		REACHED("it waits");
	}
}

void prove_settle(void)
{
	i = (u32)any_of(0, PAGES - 1);
	any_memory();
	ASSUME(memory.trim_count != 0);
	was = memory.inline_slots[i];
	BY_VALUE(memory.trim_first, given = memory_trim_settle(&memory, false));
	SHOW(given == 0, "nothing is given back");
	SHOW(invariant(&memory) && memory.trim_count == 0, "the invariant holds again");
	SHOW(memory.inline_slots[i] ==
		     (was & SLOT_ASIDE ? (was & PTE_ADDRESS) | SLOT_PRESENT : was),
	     "what was hidden is there again, and no other page changes");
	if (was & SLOT_ASIDE)
		REACHED("a page was hidden");
}

void prove_hold(void)
{
	u64 first = any_of(0, PAGES - 1);
	u64 count = any_of(0, PAGES);
	bool named;
	enum status status = STATUS_OK;

	any_memory();
	any_reason();
	i = (u32)any_of(0, PAGES - 1);
	named = i >= first && i - first < count;
	ASSUME(memory_range_valid(&memory, first, count));
	before = memory;
	BY_VALUE(first, status = memory_hold(&memory, first, count));
	SHOW(invariant(&memory), "the invariant holds again");
	if (before.below != NULL || before.frozen) {
		SHOW(status == STATUS_BAD_STATE && memory.held == before.held &&
			     memory.inline_slots[i] == before.inline_slots[i],
		     "an object with layers is not held");
		REACHED("it is refused");
		return;
	}
	SHOW(memory.held, "the object gets no layers from now on");
	SHOW(named || memory.inline_slots[i] == before.inline_slots[i], "no other page changes");
	SHOW(before.inline_slots[i] == 0 ||
		     ((before.inline_slots[i] ^ memory.inline_slots[i]) & PTE_ADDRESS) == 0,
	     "no page is lost");
	if (status == STATUS_OK && named) {
		SHOW(memory.inline_slots[i] & SLOT_PRESENT, "each page named is present");
		REACHED("a page is held");
	}
	if (status != STATUS_OK)
		REACHED("no page can be had");
}
