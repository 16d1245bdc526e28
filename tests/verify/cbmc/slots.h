/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What mm/memory.c, mm/discard.c and mm/layer.c call, for their proofs: an allocator of a few
 * frames that knows whose each frame is, how many are reserved and how many are charged. It refuses
 * what the allocator's header forbids: to clear or to free a frame that is not the caller's, to
 * take a page that was not reserved.
 *
 * Objects are RAM and have their slots in themselves. Never entered:
 * memory_huge_of memory_huge_create memory_huge_unready memory_huge_end memory_slots_create
 * memory_slots_end memory_slot_of memory_chunk_create memory_chunk_clear memory_block_split
 * memory_slot_fixed layer_take_chunk layer_take_huge layer_take_blocks.
 */
#include "tests/verify/cbmc/cbmc.h"

#include "arch/x86_64/cpu/features.h"
#include "mm/cache.h"
#include "mm/layer.h"
#include "mm/page.h"
#include "mm/quota.h"
#include "mm/slots.h"
#include "mm/space.h"
#include "mm/tlb.h"

#ifndef PAGES
#define PAGES 3u /* the most pages of an object */
#endif
#define FRAMES 6u /* frame 0 is never given out */

enum frame_state { FREE, OURS, WAITS, TAKEN };

static u8 frame_state[FRAMES];
static bool cleared[FRAMES];
static bool zeros[FRAMES]; /* the page holds nothing but zeros */
static struct page frames[FRAMES];
struct page *page_frames = frames;
u64 page_frame_count = FRAMES;
struct cpu_features features;
u64 direct_map_base;
u64 tlb_waiting;

static struct group_page account;
static struct quota quota;
static u64 reserved; /* pages that the allocator keeps for the objects of the proof */
static u64 charged;  /* pages that their group pays for */
static u32 created;  /* objects that were made during the call, and those that were given back */
static u32 ended;

static u32 frame_of(hpa_t hpa)
{
	SHOW(hpa.value >> PAGE_SHIFT < FRAMES && (hpa.value & PAGE_MASK) == 0, "a frame's address");
	return (u32)(hpa.value >> PAGE_SHIFT) % FRAMES;
}

static void clear_of(hpa_t hpa, u64 count)
{
	SHOW(count == 1 && frame_state[frame_of(hpa)] == OURS,
	     "only an object's own page is cleared");
	cleared[frame_of(hpa)] = true;
	zeros[frame_of(hpa)] = true;
}

static void copy_of(hpa_t hpa)
{
	SHOW(frame_state[frame_of(hpa)] == OURS, "only an object's own page is written to");
	cleared[frame_of(hpa)] = true;
}

static u64 zero_words[512];
static u64 data_words[512];
#define page_clear(hpa, count)	clear_of(hpa, count)
#define page_copy(hpa, from)	copy_of(hpa)
#define hpa_to_pointer(hpa)	((void *)(zeros[frame_of(hpa)] ? zero_words : data_words))
#define pointer_to_hpa(pointer) HPA((u64)FRAMES << PAGE_SHIFT)

enum status quota_charge(struct quota *of, enum page_owner owner, u64 count)
{
	(void)owner;
	SHOW(of == &quota, "the object's group pays");
	if (ANY_BOOL)
		return ANY_BOOL ? STATUS_NO_QUOTA : STATUS_AGAIN;
	charged += count;
	return STATUS_OK;
}

void quota_release(struct quota *of, enum page_owner owner, u64 count, u64 mark)
{
	(void)owner;
	(void)mark;
	SHOW(of == &quota && count <= charged, "no more is given back than was charged");
	charged -= count;
}

enum status page_reserve(u64 count)
{
	if (ANY_BOOL)
		return STATUS_NO_MEMORY;
	reserved += count;
	return STATUS_OK;
}

void page_unreserve(u64 count)
{
	SHOW(count <= reserved, "no more is given back than was reserved");
	reserved -= count;
}

/* A frame may have been set aside as broken since it was reserved, so this can fail. */
enum status page_alloc_reserved(unsigned int order, enum page_owner owner, hpa_t *hpa)
{
	u64 frame = any_of(1, FRAMES - 1);

	(void)owner;
	SHOW(order == 0, "only pages");
	if (ANY_BOOL)
		return STATUS_NO_MEMORY;
	SHOW(reserved != 0, "a page that is taken was reserved");
	ASSUME(frame_state[frame] == FREE);
	frame_state[frame] = OURS;
	cleared[frame] = zeros[frame] = false;
	reserved--;
	*hpa = HPA(frame << PAGE_SHIFT);
	return STATUS_OK;
}

void tlb_page_free(hpa_t hpa, struct quota *of)
{
	SHOW(frame_state[frame_of(hpa)] == OURS, "only an object's own page is freed");
	frame_state[frame_of(hpa)] = WAITS;
	if (of != NULL)
		quota_release(of, PAGE_GUEST, 1, 1);
}

/* Objects of the proof have their slots in themselves: nothing else is allocated or freed. */
enum status page_alloc_cleared(unsigned int order, enum page_owner owner, struct quota *of,
			       void **pointer)
{
	(void)order;
	(void)owner;
	(void)of;
	(void)pointer;
	SHOW(false, "no page of slots is needed");
	return STATUS_NO_MEMORY;
}

void page_free(hpa_t hpa, struct quota *of)
{
	(void)hpa;
	(void)of;
	SHOW(false, "no page of slots is freed");
}

void page_split(hpa_t hpa, unsigned int order)
{
	(void)hpa;
	(void)order;
	SHOW(false, "no block is split");
}

static struct memory made; /* the object that a call creates */

enum status cache_alloc_object(struct quota *of, enum object_type type, size_t bytes, void **object)
{
	SHOW(of == &quota && type == OBJECT_MEMORY && bytes == sizeof(made), "an object of memory");
	if (ANY_BOOL)
		return ANY_BOOL ? STATUS_NO_MEMORY : STATUS_NO_QUOTA;
	SHOW(created == 0, "a call creates one object at most");
	created++;
	made = (struct memory){0};
	object_init(&made.object, OBJECT_MEMORY);
	*object = &made;
	return STATUS_OK;
}

void cache_free(void *piece)
{
	(void)piece;
	ended++;
}

bool page_range_has_ram(hpa_t hpa, u64 bytes)
{
	(void)hpa;
	(void)bytes;
	return ANY_BOOL;
}

bool tlb_rest_passed(u64 *cpus)
{
	bool passed = ANY_BOOL;

	for (u32 word = 0; passed && word < CPU_MAX / 64; word++)
		cpus[word] = 0;
	return passed;
}

static bool word_valid(u64 word)
{
	u64 flags = word & ~PTE_ADDRESS;

	return word == 0 ||
	       ((word & PTE_ADDRESS) >> PAGE_SHIFT < FRAMES && (word & PTE_ADDRESS) != 0 &&
		(flags == SLOT_PRESENT || flags == SLOT_KEPT || flags == (SLOT_KEPT | SLOT_ASIDE)));
}

/* How many slots of the object have the frame. */
static u32 slots_with(const struct memory *memory, u64 frame)
{
	u32 count = 0;

	for (u32 i = 0; i < PAGES; i++)
		count += i < memory->page_count && memory->inline_slots[i] != 0 &&
			 (memory->inline_slots[i] & PTE_ADDRESS) >> PAGE_SHIFT == frame;
	return count;
}

static u64 pages_of(const struct memory *memory)
{
	u64 count = 0;

	for (u32 i = 0; i < PAGES; i++)
		count += memory->inline_slots[i] != 0;
	return count;
}

static bool slots_valid(const struct memory *memory)
{
	for (u32 i = 0; i < PAGES; i++)
		if (!word_valid(memory->inline_slots[i]) ||
		    (i >= memory->page_count && memory->inline_slots[i] != 0))
			return false;
	return true;
}

/* Gives an object any slots: so each state that satisfies slots_valid is among them. */
static void any_slots(struct memory *memory)
{
	memory->present = 0;
	for (u32 i = 0; i < PAGES; i++) {
		u64 frame = any_of(0, FRAMES - 1);
		u64 flags = ANY_BOOL ? SLOT_PRESENT : ANY_BOOL ? SLOT_KEPT : SLOT_KEPT | SLOT_ASIDE;

		if (i >= memory->page_count)
			frame = 0;
		memory->inline_slots[i] = frame == 0 ? 0 : frame << PAGE_SHIFT | flags;
		memory->present += frame != 0;
	}
	memory->promised = any_of(memory->present, memory->page_count);
}

/* A frame that is in no slot can be free, wait to be freed or be somebody else's. */
static void any_frame(u64 frame, u32 slots)
{
	u8 other = (u8)any_of(FREE, TAKEN);

	ASSUME(slots <= 1 && other != OURS && (frame != 0 || other == TAKEN));
	frame_state[frame] = slots != 0 ? OURS : other;
	zeros[frame] = ANY_BOOL;
}

static void any_account(u64 promised, u64 held)
{
	quota.account = &account;
	account.absent_pages = held;
	account.quota_pages = ANY_U64;
	account.used_pages = ANY_U64;
	reserved = held;
	charged = promised;
	tlb_waiting = ANY_U64;
}
