/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/pages.h"
#include "lib/status.h"
#include "lib/types.h"
#include "mm/address.h"

struct boot_info;
struct quota;

/* The buddy allocator hands out blocks of 2^order pages, aligned to their size: 4 KiB to 1 GiB. */
#define PAGE_ORDER_2M 9
#define PAGE_ORDER_1G 18
#define PAGE_ORDER_MAX PAGE_ORDER_1G

/* One per 4-KiB frame of the machine. A block, free or not, is described by its first frame. */
struct page {
	u32 next; /* frames of the free list, or of the list the block's owner keeps; 0: none */
	u32 previous;   /* of a block in use: whose quota pays for it, address / 8 */
	u32 references; /* the owner's: entries in use of a page table, epoch of a deferred block */
	u8 owner;       /* enum page_owner */
	u8 order;
	u8 flags; /* enum page_flag */
	u8 zone;
};
_Static_assert(sizeof(struct page) == 16, "0.4 % of the memory");

enum page_flag {
	PAGE_FLAG_RAM = 1 << 0,  /* managed: never given out as device memory */
	PAGE_FLAG_HEAD = 1 << 1, /* the first frame of a block */
	PAGE_FLAG_SLAB = 1 << 2, /* of objects: mm/cache.c */
	PAGE_FLAG_BAD = 1 << 3,	 /* this very frame, wherever in a block, is set aside */
};

/*
 * Takes over the machine's RAM. Regions may overlap; parts of a page at their ends are left out.
 * Pages that are in use and the first page are never given out. False: no room for the frame array.
 */
bool page_init(const struct boot_info *info) MUST_CHECK;

/*
 * Puts the pages of a range into a zone, apart from those of others: no block lies in two. While
 * one CPU runs alone.
 */
void page_zone_set(hpa_t base, u64 length, u8 zone);
/* The processor's part, given by the kernel: the zone that the running CPU is in. */
u8 page_arch_zone(void);

/*
 * A block of 2^order pages with whatever its last owner left in it, of the CPU's own zone if that
 * has one. STATUS_NO_QUOTA or
 * STATUS_NO_MEMORY without effect; pages reserved by page_reserve are not touched.
 */
enum status page_alloc(unsigned int order, enum page_owner owner, struct quota *quota,
		       hpa_t *hpa) MUST_CHECK;
/* The same, cleared, as a pointer into the direct map. At most order 5: clearing takes time. */
enum status page_alloc_cleared(unsigned int order, enum page_owner owner, struct quota *quota,
			       void **pointer) MUST_CHECK;
/* Makes a block in use into smaller ones, each to be freed by itself. */
void page_split(hpa_t hpa, unsigned int order);
/* `quota` as it was given to page_alloc. */
void page_free(hpa_t hpa, struct quota *quota);

/* A page whose memory is broken: when its block is freed, or at once, it becomes PAGE_RESERVED. */
void page_set_aside(hpa_t hpa);
bool page_is_set_aside(hpa_t hpa);

/*
 * Sets pages aside that page_alloc_reserved takes later, so that it fails only for want of a block
 * of its order, never at order 0. STATUS_NO_MEMORY when there are not that many; a part of the
 * memory always remains for the kernel.
 */
enum status page_reserve(u64 count) MUST_CHECK;
void page_unreserve(u64 count);
enum status page_alloc_reserved(unsigned int order, enum page_owner owner,
				hpa_t *hpa) MUST_CHECK;

static inline void page_clear(hpa_t hpa, u64 count)
{
	void *to = hpa_to_pointer(hpa);
	u64 words = count * (PAGE_SIZE / sizeof(u64));

	__asm__ volatile("rep stosq" : "+D"(to), "+c"(words) : "a"(0ull) : "memory");
}

struct page *page_of(hpa_t hpa);
hpa_t page_hpa(const struct page *page);
/* PAGE_RESERVED for what is no RAM. */
enum page_owner page_owner(hpa_t hpa);
/* Whether any page of the range is RAM that the allocator manages; looks at each of them. */
bool page_range_has_ram(hpa_t hpa, u64 bytes);

/*
 * *head: the block in use that begins at a frame, NULL where none does; `previous` times 8 is the
 * address of the quota that pays for it. Returns how many frames to move on to the next; 0 behind
 * the last.
 */
u64 page_block_at(u64 frame, const struct page **head);
bool page_is_slab(hpa_t hpa);

/* Pages by owner and by zone: the kernel's, in struct kernel_page. */
extern u64 *const page_counts;
extern struct zone_counters *const page_zones;
/* All managed pages: the sum of page_counts. */
extern u64 page_total;
