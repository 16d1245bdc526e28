/* SPDX-License-Identifier: MIT */
/*
 * Memory objects: arrays of pages that spaces map. kernel/call/sys_memory.c, kernel/group/process.c
 * and the other owners of pages create and destroy them, mm/space.c populates them on a fault. It
 * owns an object's slots, which the object's lock guards, and its counts of promised and present
 * pages; the pages come from mm/buddy.c and are charged to the object's quota.
 */
#include "mm/memory.h"

#include "arch/x86_64/cpu/features.h"
#include "arch/x86_64/cpu/panic.h"
#include "lib/checked.h"
#include "mm/address.h"
#include "mm/cache.h"
#include "mm/page.h"
#include "mm/quota.h"
#include "mm/slots.h"
#include "mm/tlb.h"

/* The most that a step does: pages that it clears; slots or blocks that it visits to free them. */
#define STEP_CLEAR 32
#define STEP_FREE  64

/* The most pages of a physical range, as the time to check it grows with them: 16 MiB suffice. */
#define PHYSICAL_PAGES_MAX 4096
/* flags of an object without 2-MiB blocks */
#define MEMORY_SINGLE (MEMORY_SMALL | MEMORY_OVERCOMMIT)

static enum status memory_alloc(struct quota *quota, u64 page_count, struct memory **memory)
{
	enum status status =
		cache_alloc_object(quota, OBJECT_MEMORY, sizeof(**memory), (void **)memory);

	if (status != STATUS_OK)
		return status;
	list_init(&(*memory)->mappings);
	(*memory)->quota = quota;
	(*memory)->page_count = page_count;
	return STATUS_OK;
}

/* Allocates the words of the chunks, unless they, or the slots of all pages, fit in the object. */
static enum status memory_alloc_chunks(struct memory *memory)
{
	u64 count = (memory->page_count + MEMORY_CHUNK_PAGES - 1) / MEMORY_CHUNK_PAGES;
	unsigned int order = 0;

	if (memory->page_count <= MEMORY_INLINE_SLOTS)
		return STATUS_OK;
	memory->chunks = memory->inline_slots;
	if (count <= MEMORY_INLINE_SLOTS)
		return STATUS_OK;
	while (count * sizeof(u64) > PAGE_SIZE << order)
		order++;
	return page_alloc_cleared(order, PAGE_KERNEL, memory->quota, (void **)&memory->chunks);
}

static enum status memory_promise(struct quota *quota, enum page_owner owner, u64 count)
{
	enum status status = quota_charge(quota, owner, count);

	if (status != STATUS_OK)
		return status;
	status = page_reserve(count);
	if (status != STATUS_OK)
		quota_release(quota, owner, count, 0);
	return status;
}

enum status memory_promise_page(struct memory *memory)
{
	const struct quota *quota = memory->quota;
	enum status status = STATUS_NO_QUOTA;

	if (!(memory->flags & MEMORY_OVERCOMMIT) || memory->promised != memory->present)
		return STATUS_OK;
	if (quota->account->used_pages + MEMORY_SPARE_PAGES <= quota->account->quota_pages)
		status = memory_promise(memory->quota, memory->owner, 1);
	if (status == STATUS_OK) {
		memory->promised = ++memory->present;
		memory_count_present(memory, -1ull);
	}
	return status;
}

enum status memory_create(struct quota *quota, enum page_owner owner, u64 page_count, u32 flags,
			  struct memory **memory)
{
	return memory_create_promised(quota, owner, page_count,
				      flags & MEMORY_OVERCOMMIT ? 0 : page_count, flags, memory);
}

enum status memory_create_promised(struct quota *quota, enum page_owner owner, u64 page_count,
				   u64 promised, u32 flags, struct memory **memory)
{
	enum status status;

	CHECK(page_count - 1 < MEMORY_PAGES_MAX);
	status = memory_promise(quota, owner, promised);
	if (status != STATUS_OK)
		return status;
	status = memory_alloc(quota, page_count, memory);
	if (status != STATUS_OK)
		goto fail_alloc;
	status = memory_alloc_chunks(*memory);
	if (status != STATUS_OK)
		goto fail_chunks;

	(*memory)->kind = MEMORY_RAM;
	(*memory)->owner = (u8)owner;
	(*memory)->type = PT_TYPE_WB;
	(*memory)->flags = flags;
	(*memory)->promised = (*memory)->present = promised;
	memory_count_present(*memory, -promised);
	return STATUS_OK;

fail_chunks:
	cache_free(*memory);
fail_alloc:
	page_unreserve(promised);
	quota_release(quota, owner, promised, 0);
	return status;
}

enum status memory_create_physical(struct quota *quota, hpa_t hpa, u64 page_count, u32 flags,
				   struct memory **memory)
{
	enum status status;

	if (page_count > PHYSICAL_PAGES_MAX)
		return STATUS_TOO_BIG;
	if (!is_aligned(hpa.value, PAGE_SIZE) ||
	    !range_within(hpa.value, page_count << PAGE_SHIFT, 1ull << features.physical_bits) ||
	    page_range_has_ram(hpa, page_count << PAGE_SHIFT))
		return STATUS_BAD_ADDRESS;
	status = memory_wrap(quota, hpa, page_count, memory);
	if (status == STATUS_OK && (flags & MEMORY_UNCACHED))
		(*memory)->type = PT_TYPE_UC;
	return status;
}

enum status memory_wrap(struct quota *quota, hpa_t hpa, u64 page_count, struct memory **memory)
{
	enum status status = memory_alloc(quota, page_count, memory);

	CHECK(is_aligned(hpa.value, PAGE_SIZE) && page_count != 0);
	if (status != STATUS_OK)
		return status;
	(*memory)->kind = MEMORY_FIXED;
	(*memory)->base = hpa;
	(*memory)->type = PT_TYPE_WB;
	return STATUS_OK;
}

bool memory_range_valid(const struct memory *memory, u64 first, u64 page_count)
{
	return range_within(first, page_count, memory->page_count);
}

/* Returns the word of the first chunk in the object's GiB that contains chunk `number`. */
static u64 *memory_huge_of(const struct memory *memory, u64 number)
{
	return memory->chunks + align_down(number, HUGE_CHUNKS);
}

/*
 * Creates at once all chunks of the object's GiB that contains chunk `number`, if none exists yet
 * and the allocator has a block of 1 GiB. Leaves out the object's first GiB: that of a PC has
 * holes, so no single leaf can map it.
 */
static bool memory_huge_create(struct memory *memory, u64 number)
{
	u64 *first = memory_huge_of(memory, number);
	u64 end = align_down(number, HUGE_CHUNKS) + HUGE_CHUNKS;
	hpa_t hpa;

	if (number < HUGE_CHUNKS || end > memory->page_count / MEMORY_CHUNK_PAGES)
		return false;
	for (u64 n = 0; n < HUGE_CHUNKS; n++)
		if (first[n] != 0)
			return false;
	if (page_alloc_reserved(PAGE_ORDER_1G, memory->owner, &hpa) != STATUS_OK)
		return false;
	page_split(hpa, PAGE_ORDER_2M);
	memory_count_present(memory, HUGE_CHUNKS * MEMORY_CHUNK_PAGES);
	for (u64 n = 0; n < HUGE_CHUNKS; n++)
		first[n] = (hpa.value + n * 2 * MIB) | CHUNK_LARGE | CHUNK_HUGE;
	return true;
}

enum status memory_slots_create(struct memory *memory, u64 *chunk)
{
	void *slots;
	enum status status = page_alloc_cleared(0, PAGE_KERNEL, memory->quota, &slots);

	if (status == STATUS_OK)
		*chunk = pointer_to_hpa(slots).value | SLOT_PRESENT;
	return status;
}

/*
 * Gives the chunk a large block if the object fills the chunk and the allocator has such a block,
 * else slots.
 */
static enum status memory_chunk_create(struct memory *memory, u64 *chunk)
{
	u64 end = (u64)(chunk - memory->chunks + 1) * MEMORY_CHUNK_PAGES;
	hpa_t hpa;

	if ((memory->flags & (MEMORY_HUGE | MEMORY_SINGLE)) == MEMORY_HUGE &&
	    memory_huge_create(memory, (u64)(chunk - memory->chunks)))
		return STATUS_OK;
	if (end <= memory->page_count && !(memory->flags & MEMORY_SINGLE) &&
	    page_alloc_reserved(PAGE_ORDER_2M, memory->owner, &hpa) == STATUS_OK) {
		memory_count_present(memory, MEMORY_CHUNK_PAGES);
		*chunk = hpa.value | CHUNK_LARGE;
		return STATUS_OK;
	}
	return memory_slots_create(memory, chunk);
}

static ALWAYS_INLINE enum status memory_chunk_clear(u64 *word)
{
	u64 chunk = *word;
	u64 cleared = (chunk & CHUNK_CLEARED) << (PAGE_SHIFT - CHUNK_CLEARED_SHIFT);

	if (chunk & CHUNK_READY)
		return STATUS_OK;
	page_clear(HPA((chunk & PTE_ADDRESS) + cleared), STEP_CLEAR);
	chunk += STEP_CLEAR << CHUNK_CLEARED_SHIFT;
	*word = chunk;
	return chunk & CHUNK_READY ? STATUS_OK : STATUS_AGAIN;
}

u64 *memory_huge_unready(const struct memory *memory, u64 number)
{
	u64 *first = memory_huge_of(memory, number);

	for (u64 left = HUGE_CHUNKS; left-- > 0;)
		if (!(first[left] & CHUNK_READY))
			return &first[left];
	return NULL;
}

static enum status memory_slot_populate(struct memory *memory, u64 *slot)
{
	enum status status;
	hpa_t hpa;

	if (*slot & SLOT_PRESENT)
		return STATUS_OK;
	/* SLOT_KEPT alone: a reset hid the page before a merge took the layers below away */
	if (*slot & SLOT_KEPT) {
		if (!(*slot & SLOT_ASIDE))
			page_clear(HPA(*slot & PTE_ADDRESS), 1);
		*slot = (*slot & PTE_ADDRESS) | SLOT_PRESENT;
		return STATUS_OK;
	}
	status = memory_promise_page(memory);
	if (status == STATUS_OK)
		status = page_alloc_reserved(0, memory->owner, &hpa);
	if (status != STATUS_OK)
		return status;
	memory_count_present(memory, 1);
	page_clear(hpa, 1);
	*slot = hpa.value | SLOT_PRESENT;
	return STATUS_OK;
}

/*
 * Returns the word of the page's slot or, where its chunk has no slots, the chunk's; sets *hpa to
 * the page's address and *level to the level of the leaf that can map it.
 */
static u64 memory_word_of(struct memory *memory, u64 index, hpa_t *hpa, enum pt_level *level)
{
	u64 *slot = memory_slot_find(memory, index);
	u64 word = slot != NULL ? *slot : memory->chunks[index / MEMORY_CHUNK_PAGES];
	u64 place = slot != NULL ? 0 : index % MEMORY_CHUNK_PAGES;

	*hpa = HPA((word & PTE_ADDRESS) + (place << PAGE_SHIFT));
	*level = slot != NULL ? PT_LEVEL_4K : PT_LEVEL_2M;
	return word;
}

static bool memory_slot_ram(struct memory *memory, u64 index, hpa_t *hpa, enum pt_level *level)
{
	u64 word = memory_word_of(memory, index, hpa, level);

	if ((word & CHUNK_HUGE) && memory_huge_unready(memory, index / MEMORY_CHUNK_PAGES) == NULL)
		*level = PT_LEVEL_1G;
	return word & (SLOT_PRESENT | CHUNK_READY);
}

/*
 * Looks for the page in the object, then in those below it, which are frozen and need no lock. No
 * leaf may be larger than a page where an object above the found one has slots.
 */
static bool memory_slot_search(struct memory *memory, u64 index, hpa_t *hpa, enum pt_level *level,
			       bool *own)
{
	enum pt_level largest = PT_LEVEL_1G;

	for (struct memory *at = memory; at != NULL; at = at->below) {
		bool present = memory_slot_ram(at, index, hpa, level);

		largest = *level = MIN(*level, largest);
		*own = at == memory;
		if (present)
			return *own || memory->breaking != index + 1;
	}
	return false;
}

const void *memory_frozen_page(struct memory *memory, u64 index)
{
	enum pt_level level;
	hpa_t hpa;

	for (; memory != NULL; memory = memory->below)
		if (memory_word_of(memory, index, &hpa, &level) & (SLOT_PRESENT | CHUNK_READY))
			return hpa_to_pointer(hpa);
	return NULL;
}

static NOINLINE enum status memory_populate_anew(struct memory *memory, u64 index)
{
	u64 *chunk = memory->chunks;
	enum pt_level level;
	enum status status;
	hpa_t hpa;
	bool own;

	if (memory->below != NULL)
		return memory_slot_search(memory, index, &hpa, &level, &own) ? STATUS_OK
									     : STATUS_IN_USE;
	if (chunk == NULL)
		return memory_slot_populate(memory, &memory->inline_slots[index]);
	chunk += index / MEMORY_CHUNK_PAGES;
	status = *chunk == 0 ? memory_chunk_create(memory, chunk) : STATUS_OK;
	if (status != STATUS_OK)
		return status;
	if ((memory->flags & MEMORY_WHOLE) && (*chunk & CHUNK_HUGE)) {
		chunk = memory_huge_unready(memory, index / MEMORY_CHUNK_PAGES);
		if (chunk != NULL)
			(void)memory_chunk_clear(chunk);
		return chunk != NULL ? STATUS_AGAIN : STATUS_OK;
	}
	return *chunk & CHUNK_LARGE ? memory_chunk_clear(chunk)
				    : memory_slot_populate(memory, memory_slot_of(*chunk, index));
}

/* Clears the next pages of a large block, the usual case; memory_populate_anew does the others. */
enum status memory_populate(struct memory *memory, u64 index)
{
	enum status status;
	u64 *chunk;

	CHECK(index < memory->page_count);
	if (memory->kind != MEMORY_RAM)
		return STATUS_OK;
	lock_acquire(&memory->lock, LOCK_MEMORY);
	chunk = memory->chunks != NULL ? &memory->chunks[index / MEMORY_CHUNK_PAGES] : NULL;
	status = chunk != NULL && !(memory->flags & MEMORY_WHOLE) && (*chunk & CHUNK_LARGE)
			 ? memory_chunk_clear(chunk)
			 : memory_populate_anew(memory, index);
	lock_release(&memory->lock, LOCK_MEMORY);
	return status;
}

enum status memory_hold(struct memory *memory, u64 first, u64 count)
{
	enum status status = STATUS_OK;

	if (memory->below != NULL || memory->frozen)
		return STATUS_BAD_STATE;
	memory->held = true;
	for (u64 i = 0; i < count && status == STATUS_OK; i++)
		status = memory_populate(memory, first + i);
	return status;
}

static bool memory_slot_fixed(const struct memory *memory, u64 index, hpa_t *hpa,
			      enum pt_level *level)
{
	u64 end = memory->base.value + (memory->page_count << PAGE_SHIFT);
	u64 large;

	*hpa = HPA(memory->base.value + (index << PAGE_SHIFT));
	large = align_down(hpa->value, 2 * MIB);
	*level = PT_LEVEL_4K;
	if (large >= memory->base.value && range_within(large, 2 * MIB, end))
		*level = PT_LEVEL_2M;
	return true;
}

bool memory_slot_own(struct memory *memory, u64 index, hpa_t *hpa, enum pt_level *level, bool *own)
{
	bool present;

	CHECK(index < memory->page_count);
	*own = true;
	if (memory->kind != MEMORY_RAM)
		return memory_slot_fixed(memory, index, hpa, level);
	lock_acquire(&memory->lock, LOCK_MEMORY);
	present = memory_slot_search(memory, index, hpa, level, own);
	lock_release(&memory->lock, LOCK_MEMORY);
	return present;
}

void *memory_pointer(struct memory *memory, u64 index)
{
	enum pt_level level;
	hpa_t hpa;

	return memory_slot(memory, index, &hpa, &level) ? hpa_to_pointer(hpa) : NULL;
}

static u64 memory_walk_ram(struct memory *memory, u64 *index, hpa_t *hpa)
{
	enum pt_level level;
	u64 word = memory_word_of(memory, *index, hpa, &level);
	u64 pages = level == PT_LEVEL_4K ? 1 : MEMORY_CHUNK_PAGES - *index % MEMORY_CHUNK_PAGES;
	u64 left;
	u64 *next;

	*index += pages;
	/* the absent pages that follow, few: a call of memory_destroy makes many such steps */
	left = MIN(-*index % (MEMORY_CHUNK_PAGES / 8), memory->page_count - *index);
	next = left != 0 && level == PT_LEVEL_4K ? memory_slot_find(memory, *index) : NULL;
	*index += next != NULL ? words_clear(next, left) : 0;
	/* SLOT_KEPT is the same bit as CHUNK_LARGE, so this covers chunks too */
	return word & (SLOT_PRESENT | SLOT_KEPT) ? pages : 0;
}

u64 memory_walk(struct memory *memory, u64 *index, hpa_t *hpa)
{
	u64 count = memory->page_count - *index;

	if (memory->kind == MEMORY_FIXED) {
		*hpa = HPA(memory->base.value + (*index << PAGE_SHIFT));
		*index = memory->page_count;
		return count;
	}
	lock_acquire(&memory->lock, LOCK_MEMORY);
	*index = MAX(*index, memory->destroy_cursor);
	count = memory_walk_ram(memory, index, hpa);
	lock_release(&memory->lock, LOCK_MEMORY);
	return count;
}

/* Frees the page or large block at destroy_cursor, and moves the cursor behind it. */
static void memory_destroy_step(struct memory *memory)
{
	u64 next = memory->destroy_cursor;
	hpa_t hpa;
	u64 populated = memory_walk_ram(memory, &next, &hpa);

	memory->destroy_cursor = next = MIN(next, memory->page_count);
	memory->present -= populated;
	memory->promised -= populated;
	if (populated != 0)
		tlb_page_free(hpa, memory->quota);
	if (memory->chunks != NULL &&
	    (next % MEMORY_CHUNK_PAGES == 0 || next == memory->page_count)) {
		u64 *chunk = &memory->chunks[(next - 1) / MEMORY_CHUNK_PAGES];

		if (*chunk & SLOT_PRESENT)
			page_free(HPA(*chunk & PTE_ADDRESS), memory->quota);
		*chunk = 0;
	}
}

void memory_promise_end(struct memory *memory)
{
	u64 absent = memory->promised - memory->present;

	page_unreserve(absent);
	quota_release(memory->quota, memory->owner, absent, 0);
	memory_count_present(memory, absent);
	memory->promised = memory->present -= absent;
}

enum status memory_destroy(struct memory *memory)
{
	CHECK(list_empty(&memory->mappings));
	if (memory->kind == MEMORY_RAM) {
		memory_promise_end(memory);
		for (u64 n = 0; n < STEP_FREE && memory->destroy_cursor < memory->page_count; n++)
			memory_destroy_step(memory);
		if (memory->destroy_cursor < memory->page_count)
			return STATUS_AGAIN;
		if (memory->below != NULL)
			object_put(&memory->below->object);
		if (memory->chunks != NULL && memory->chunks != memory->inline_slots)
			page_free(pointer_to_hpa(memory->chunks), memory->quota);
	}
	cache_free(memory);
	return STATUS_OK;
}
