/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The machine that the model's mm/ works on. Of the pages of memory objects only one word each is
 * kept, in an array: so a GiB costs 2 MiB. All other pages (tables, slots, slabs) are as they are.
 */
#include <sys/mman.h>

#include "tests/model/processors.h"

#define page_clear real_page_clear
#define page_copy  real_page_copy
#define page_free  real_page_free
#include "mm/page.h"
#undef page_clear
#undef page_copy
#undef page_free

#define MACHINE_RAM_MIN (24 * MIB)
#define MACHINE_RAM_MAX (3 * GIB + 256 * MIB)

static u64 *machine_words; /* the word of each frame */

static u64 machine_frame_of(const void *pointer)
{
	return ((u64)pointer - direct_map_base) >> PAGE_SHIFT;
}

static bool machine_is_data(hpa_t hpa)
{
	enum page_owner owner = page_owner(hpa);

	return owner == PAGE_GUEST || owner == PAGE_PROCESS;
}

static void page_clear(hpa_t hpa, u64 count)
{
	CHECK_THAT(page_owner(hpa) != PAGE_FREE && page_owner(hpa) != PAGE_RESERVED);
	if (machine_is_data(hpa))
		memset(&machine_words[hpa.value >> PAGE_SHIFT], 0, count * sizeof(u64));
	else
		memset(hpa_to_pointer(hpa), 0, count * PAGE_SIZE);
}

static void page_copy(hpa_t hpa, const void *from)
{
	CHECK_THAT(machine_is_data(hpa) &&
		   machine_is_data(HPA(machine_frame_of(from) << PAGE_SHIFT)));
	machine_words[hpa.value >> PAGE_SHIFT] = machine_words[machine_frame_of(from)];
}

/* Returns the page with its word, for memory_trim, which looks whether a page holds only zeros. */
static void *machine_pointer(hpa_t hpa)
{
	static u64 page[PAGE_SIZE / sizeof(u64)];

	if (!machine_is_data(hpa))
		return hpa_to_pointer(hpa);
	page[77] = machine_words[hpa.value >> PAGE_SHIFT];
	return page;
}

#define quota_charge  real_quota_charge
#define quota_release real_quota_release
#include "mm/quota.c"
#undef quota_charge
#undef quota_release

/* The last pages that groups have given back, and when each is free: until then they have it. */
static struct {
	const struct quota *quota;
	u64 pages;
	u64 mark;
} machine_returning[256];
static u32 machine_returning_next;

static void quota_release(struct quota *quota, enum page_owner owner, u64 count, u64 mark)
{
	u32 n;

	real_quota_release(quota, owner, count, mark);
	if (mark == 0)
		return;
	n = machine_returning_next++ % ARRAY_COUNT(machine_returning);
	machine_returning[n].quota = quota;
	machine_returning[n].pages = count;
	machine_returning[n].mark = mark;
}

/* What a group that has ended gave back last is not the next one's. */
static void machine_group_begins(const struct quota *quota)
{
	for (u32 n = 0; n < ARRAY_COUNT(machine_returning); n++)
		if (machine_returning[n].quota == quota)
			machine_returning[n].quota = NULL;
}

/* A group never has more pages than its limit, with those that are not free yet. */
static enum status quota_charge(struct quota *quota, enum page_owner owner, u64 count)
{
	u64 limit = quota != NULL ? quota->account->quota_pages : 0;
	enum status status = real_quota_charge(quota, owner, count);
	u64 sum = quota != NULL ? quota->account->used_pages : 0;

	if (quota == NULL || status != STATUS_OK || limit != quota->account->quota_pages)
		return status;
	for (u32 n = 0; n < ARRAY_COUNT(machine_returning); n++)
		if (machine_returning[n].quota == quota &&
		    !tlb_pages_freed(machine_returning[n].mark))
			sum += machine_returning[n].pages;
	CHECK_THAT(sum <= limit);
	return status;
}

/* Checks that no frame is free while a CPU may reach it: world.h knows what is in TLBs. */
static void world_check_unreached(u64 frame, u64 count);

#define page_free real_page_free
#include "mm/buddy.c"
#undef page_free

static void page_free(hpa_t hpa, struct quota *quota)
{
	world_check_unreached(hpa.value >> PAGE_SHIFT, 1ull << page_of(hpa)->order);
	real_page_free(hpa, quota);
}

#define MACHINE_HAS_BUDDY
#define MACHINE_HAS_QUOTA
#define MACHINE_HAS_TEARDOWN
#define MACHINE_HAS_DISCARD
#include "tests/unit/mm_machine.h"
#define hpa_to_pointer machine_pointer
#include "mm/discard.c"
#undef hpa_to_pointer

void tlb_arch_kick(u32 cpu)
{
	machine_kicked[cpu] = true;
}

/* Objects whose last reference has gone, to be torn down step by step as the kernel does. */
static struct list machine_dying;

static void machine_release_later(struct object *object)
{
	object->dead = true;
	list_push_back(&machine_dying, &object->node);
}

void (*const object_release[OBJECT_TYPE_COUNT])(struct object *object) = {
	[OBJECT_MEMORY] = machine_release_later,
	[OBJECT_SPACE] = machine_release_later,
};

static void machine_map(void)
{
	size_t words = MACHINE_RAM_MAX >> PAGE_SHIFT;

	machine_ram = mmap(NULL, MACHINE_RAM_MAX, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	CHECK_THAT(machine_ram != MAP_FAILED);
	machine_words = malloc(words * sizeof(u64));
	CHECK_THAT(machine_words != NULL);
}

/*
 * The state that page_init leaves: made once for each size of machine, as page_init looks at every
 * frame.
 */
static struct image {
	struct page *frames;
	u64 frame_count;
	u64 counts[PAGE_OWNER_COUNT];
	struct node_counters nodes[NODE_MAX];
	u32 first[NODE_MAX][PAGE_ORDER_MAX + 1];
	u32 orders[NODE_MAX];
	u64 total;
} machine_images[2];

static void machine_keep(struct image *image)
{
	size_t bytes = page_frame_count * sizeof(struct page);

	image->frames = malloc(bytes);
	CHECK_THAT(image->frames != NULL);
	memcpy(image->frames, page_frames, bytes);
	image->frame_count = page_frame_count;
	image->total = page_total;
	memcpy(image->counts, machine_counts, sizeof(machine_counts));
	memcpy(image->nodes, machine_nodes, sizeof(machine_nodes));
	memcpy(image->first, free_first, sizeof(free_first));
	memcpy(image->orders, free_orders, sizeof(free_orders));
}

static void machine_restore(const struct image *image, u64 bytes)
{
	struct page *frames = page_frames;

	machine_reset(bytes);
	page_frames = frames;
	page_frame_count = image->frame_count;
	page_total = image->total;
	memcpy(page_frames, image->frames, page_frame_count * sizeof(struct page));
	memcpy(machine_counts, image->counts, sizeof(machine_counts));
	memcpy(machine_nodes, image->nodes, sizeof(machine_nodes));
	memcpy(free_first, image->first, sizeof(free_first));
	memcpy(free_orders, image->orders, sizeof(free_orders));
	cache_init();
	tlb_cpu_online(0);
}

/*
 * Begins a machine. What a page held before it is given out is never what its next owner expects.
 */
static void machine_begin(bool large)
{
	struct image *image = &machine_images[large];
	u64 bytes = large ? MACHINE_RAM_MAX : MACHINE_RAM_MIN;

	if (machine_ram == NULL)
		machine_map();
	memset(machine_returning, 0, sizeof(machine_returning));
	machine_ram_bytes = bytes;
	memset(machine_words, 0xa5, (bytes >> PAGE_SHIFT) * sizeof(u64));
	machine_clock_ms = 0;
	machine_random = RANDOM_SEED;
	layer_lock = buddy_lock = tlb_lock = (struct lock){0};
	list_init(&machine_dying);
	processors_start();
	if (image->frames != NULL) {
		machine_restore(image, bytes);
	} else {
		machine_start(bytes);
		machine_keep(image);
	}
	for (u32 cpu = 1; cpu < PROCESSORS; cpu++)
		tlb_cpu_online(cpu);
}
