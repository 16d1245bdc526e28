/* SPDX-License-Identifier: MIT */
/*
 * Gives guest RAM back to the allocator while the guest runs: memory_discard for pages whose
 * contents nobody needs (balloon, free-page reports), memory_trim for pages of zeros.
 * kernel/call/sys_memory.c calls both, in bounded steps under layer_lock; mm/layer.c uses the
 * helpers that split blocks. It changes a memory object's slots under the object's lock and frees
 * the pages once no CPU can use them any more.
 */
#include "mm/discard.h"

#include "mm/address.h"
#include "mm/layer.h"
#include "mm/page.h"
#include "mm/slots.h"
#include "mm/space.h"
#include "mm/tlb.h"

/* most pages that a step of memory_discard gives back where a chunk has slots */
#define DISCARD_STEP 64u
/* most pages that a step of memory_trim reads; pages of zeros are read twice */
#define TRIM_STEP 32u
/*
 * most pages that may wait to be freed (mm/tlb.h): nobody is charged for them, so while more wait,
 * a step does
 */
#define WAITING_MAX 4096u

/*
 * Returns STATUS_OK if a step of discarding may be made now on these pages, STATUS_AGAIN if it has
 * to wait until fewer pages wait to be freed, else why never. The caller holds layer_lock.
 */
static enum status discard_check(const struct memory *memory, u64 first, u64 count)
{
	if (memory->kind != MEMORY_RAM || memory->owner != PAGE_GUEST || memory->held ||
	    memory->device_mappings != 0 || memory->frozen || memory->below != NULL)
		return STATUS_BAD_STATE;
	if (memory->mapping_count > DISCARD_MAPPINGS_MAX)
		return STATUS_TOO_BIG;
	if (count == 0 || !memory_range_valid(memory, first, count))
		return STATUS_BAD_ADDRESS;
	return tlb_pages_waiting() > WAITING_MAX ? STATUS_AGAIN : STATUS_OK;
}

/*
 * Frees the `count` pages behind `*word`, a slot's page or a chunk's block, and clears the word.
 * Reserves as many pages first, so that the pages promised to the guest stay available while the
 * old ones wait to be freed. If the object is overcommitted, ends the promise of these pages
 * instead.
 */
static enum status memory_return_block(struct memory *memory, u64 *word, u64 count)
{
	hpa_t hpa = HPA(*word & PTE_ADDRESS);
	enum status status = page_reserve(count);

	if (status != STATUS_OK)
		return status;
	*word = 0;
	memory_count_present(memory, -count);
	if (memory->flags & MEMORY_OVERCOMMIT)
		memory_promise_end(memory);
	tlb_page_free(hpa, NULL);
	return STATUS_OK;
}

enum status memory_block_split(struct memory *memory, u64 *chunk)
{
	hpa_t hpa = HPA(*chunk & PTE_ADDRESS);
	enum status status = memory_slots_create(memory, chunk);

	if (status != STATUS_OK)
		return status;
	page_split(hpa, 0);
	for (u64 i = 0; i < MEMORY_CHUNK_PAGES; i++)
		((u64 *)hpa_to_pointer(HPA(*chunk & PTE_ADDRESS)))[i] =
			(hpa.value + (i << PAGE_SHIFT)) | SLOT_PRESENT;
	return STATUS_OK;
}

void memory_huge_end(struct memory *memory, u64 number)
{
	u64 *first = memory->chunks + align_down(number, HUGE_CHUNKS);

	for (u64 n = 0; n < HUGE_CHUNKS; n++)
		first[n] &= ~CHUNK_HUGE;
}

/*
 * Frees a chunk's page of slots if all its slots are empty, so that the chunk can become one block
 * again.
 */
static void memory_slots_end(struct memory *memory, u64 *chunk)
{
	const u64 *slot = hpa_to_pointer(HPA(*chunk & PTE_ADDRESS));

	for (u64 i = 0; i < MEMORY_CHUNK_PAGES; i++)
		if (slot[i] != 0)
			return;
	page_free(HPA(*chunk & PTE_ADDRESS), memory->quota);
	*chunk = 0;
}

/*
 * Discards pages of one chunk from `first` on and sets *count to how many pages it has dealt with.
 * A large block whose pages are not all cleared has never been mapped: its chunk has nothing to
 * discard. The caller holds the object's lock.
 */
static enum status discard_step(struct memory *memory, u64 first, u64 *count)
{
	u64 *chunk = memory->chunks == NULL ? NULL : &memory->chunks[first / MEMORY_CHUNK_PAGES];
	enum status status = STATUS_OK;
	u64 taken = 0;

	*count = MIN(*count, MEMORY_CHUNK_PAGES - first % MEMORY_CHUNK_PAGES);
	if (chunk != NULL && !(*chunk & SLOT_PRESENT)) {
		if (!(*chunk & CHUNK_READY))
			return STATUS_OK;
		if (*chunk & CHUNK_HUGE)
			memory_huge_end(memory, first / MEMORY_CHUNK_PAGES);
		if (*count == MEMORY_CHUNK_PAGES)
			return memory_return_block(memory, chunk, *count);
		status = memory_block_split(memory, chunk);
	}
	*count = MIN(*count, DISCARD_STEP);
	while (status == STATUS_OK && taken < *count) {
		u64 *slot = memory_slot_find(memory, first + taken);

		if (*slot != 0)
			status = memory_return_block(memory, slot, 1);
		taken += status == STATUS_OK;
	}
	if (taken == 0)
		return status;
	if (chunk != NULL)
		memory_slots_end(memory, chunk);
	*count = taken;
	return STATUS_OK;
}

/*
 * Makes a step of discarding, or waits for the previous step to take effect: `breaking` and
 * `cursor` record which pages that step discarded. A repeated call for the same pages only waits
 * until no CPU can use the old pages any more, and does not discard pages that were touched since.
 */
static enum status discard_or_wait(struct memory *memory, u64 first, u64 *count)
{
	enum status status = STATUS_OK;
	bool waits;

	if (memory->breaking == first + 1) {
		*count = MIN(*count, memory->cursor);
	} else {
		u64 revoked = first;

		layer_wait_begin(memory, WAIT_PAGE);
		lock_acquire(&memory->lock, LOCK_MEMORY);
		status = discard_step(memory, first, count);
		lock_release(&memory->lock, LOCK_MEMORY);
		while (status == STATUS_OK &&
		       layer_revoke(memory, &revoked, first + *count, WAIT_PAGE) != STATUS_OK)
			;
		memory->cursor = *count;
	}
	waits = status == STATUS_OK && !tlb_all_passed(memory->awaited[WAIT_PAGE]);
	memory->breaking = waits ? first + 1 : 0;
	return waits ? STATUS_AGAIN : status;
}

enum status memory_discard(struct memory *memory, u64 first, u64 *count)
{
	enum status status;

	lock_acquire(&layer_lock, LOCK_LAYER);
	status = discard_check(memory, first, *count);
	if (status == STATUS_OK)
		status = discard_or_wait(memory, first, count);
	lock_release(&layer_lock, LOCK_LAYER);
	return status;
}

/* Returns true if the page of a slot holds only zeros. */
static bool memory_holds_zeros(u64 slot)
{
	const u64 *word = hpa_to_pointer(HPA(slot & PTE_ADDRESS));
	u64 any = 0;

	for (u32 i = 0; i < PAGE_SIZE / sizeof(u64) && any == 0; i += 4)
		any = word[i] | word[i + 1] | word[i + 2] | word[i + 3];
	return any == 0;
}

/*
 * Hides the present pages of zeros among *count pages from `first` on: a fault on one makes it
 * present again with its contents (memory_slot_populate). Lists them in `index`, cuts *count to the
 * pages that were read, and returns how many are hidden.
 */
static u32 memory_hide_zeros(struct memory *memory, u64 first, u64 *count, u64 *index)
{
	u64 *slot = memory_slot_find(memory, first);
	u32 found = 0;

	*count = MIN(*count, MEMORY_CHUNK_PAGES - first % MEMORY_CHUNK_PAGES);
	if (slot == NULL)
		return 0;
	*count = MIN(*count, TRIM_STEP);
	for (u64 i = *count; i-- > 0;) {
		if (!(slot[i] & SLOT_PRESENT) || !memory_holds_zeros(slot[i]))
			continue;
		slot[i] ^= SLOT_PRESENT | SLOT_KEPT | SLOT_ASIDE;
		index[found++] = first + i;
	}
	return found;
}

u64 memory_trim_settle(struct memory *memory, bool gives)
{
	u64 given = 0;
	u64 number = memory->trim_first / MEMORY_CHUNK_PAGES;
	u64 *chunk = memory->chunks == NULL ? NULL : &memory->chunks[number];

	for (u64 i = 0; i < memory->trim_count; i++) {
		u64 *slot = memory_slot_find(memory, memory->trim_first + i);

		if (slot == NULL || !(*slot & SLOT_ASIDE))
			continue;
		if (!gives || !memory_holds_zeros(*slot) ||
		    memory_return_block(memory, slot, 1) != STATUS_OK)
			*slot = (*slot & PTE_ADDRESS) | SLOT_PRESENT;
		else
			given++;
	}
	if (gives && chunk != NULL && (*chunk & SLOT_PRESENT))
		memory_slots_end(memory, chunk);
	memory->trim_count = 0;
	return given;
}

/*
 * A first call hides pages of zeros; a later call for the same pages frees those that nobody has
 * touched. Returns STATUS_AGAIN while a CPU may still use an old translation to a hidden page. The
 * caller holds layer_lock.
 */
static enum status memory_trim_step(struct memory *memory, u64 first, u64 *count, u64 *given)
{
	u64 index[TRIM_STEP];
	bool begins = memory->trim_count == 0 || memory->trim_first != first ||
		      *count < memory->trim_count;
	u32 found = 0;

	if (!begins && !tlb_all_passed(memory->awaited[WAIT_PAGE]))
		return STATUS_AGAIN;
	if (!begins)
		*count = memory->trim_count;
	lock_acquire(&memory->lock, LOCK_MEMORY);
	*given = memory_trim_settle(memory, !begins);
	if (begins)
		found = memory_hide_zeros(memory, first, count, index);
	if (found != 0) {
		memory->trim_first = first;
		memory->trim_count = *count;
	}
	lock_release(&memory->lock, LOCK_MEMORY);
	if (found == 0)
		return STATUS_OK;
	layer_wait_begin(memory, WAIT_PAGE);
	layer_revoke_pages(memory, index, found, WAIT_PAGE);
	return STATUS_AGAIN;
}

enum status memory_trim(struct memory *memory, u64 first, u64 *count, u64 *given)
{
	enum status status;

	lock_acquire(&layer_lock, LOCK_LAYER);
	status = discard_check(memory, first, *count);
	if (status == STATUS_OK)
		status = memory_trim_step(memory, first, count, given);
	lock_release(&layer_lock, LOCK_LAYER);
	return status;
}
