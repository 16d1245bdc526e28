/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/pages.h"
#include "arch/x86_64/cpu/panic.h"
#include "lib/status.h"
#include "lib/types.h"
#include "mm/address.h"

struct quota;

/*
 * The buddy allocator hands out blocks of 2^order pages, aligned to their size: from 4 KiB to 1
 * GiB.
 */
#define PAGE_ORDER_2M  9
#define PAGE_ORDER_1G  18
#define PAGE_ORDER_MAX PAGE_ORDER_1G

/*
 * Describes a 4-KiB frame of the host. A block, free or not, is described by the struct of its
 * first frame.
 */
struct page {
	/* number of the next frame in the free list, or in a list of the block's owner; 0: none */
	u32 next;
	/*
	 * free block: number of the frame before it in the free list, 0: none; block in use: the
	 * number of the quota that pays, 0: the kernel
	 */
	u32 previous;
	/*
	 * for the owner's use: the number of a page table's entries in use, or the epoch in which a
	 * block began to wait to be freed (mm/tlb.c)
	 */
	u32 references;
	u8 owner; /* enum page_owner */
	u8 order;
	u8 flags; /* enum page_flag */
	u8 node;
};
_Static_assert(sizeof(struct page) == 16, "0.4 % of the memory");

/* The array of the structs of all frames, and its length; boot/init fills both. */
extern struct page *page_frames;
extern u64 page_frame_count;

enum page_flag {
	PAGE_FLAG_RAM = 1 << 0,	 /* managed RAM, which SYS_MEMORY_PHYSICAL refuses */
	PAGE_FLAG_HEAD = 1 << 1, /* the first frame of a block */
	PAGE_FLAG_SLAB = 1 << 2, /* the block is a slab of mm/cache.c */
	PAGE_FLAG_BAD = 1 << 3,	 /* this frame, first of a block or not, is broken and set aside */
};

/*
 * Allocates a block of 2^order pages, not cleared, preferably from the running CPU's own NUMA node,
 * and charges it to `quota` (NULL: the kernel). Never takes pages that page_reserve has reserved.
 * Fails without effect: STATUS_NO_QUOTA, STATUS_NO_MEMORY, STATUS_AGAIN (as quota_charge).
 */
enum status page_alloc(unsigned int order, enum page_owner owner, struct quota *quota,
		       hpa_t *hpa) MUST_CHECK;
/*
 * Allocates as page_alloc does, clears the block, and sets *pointer to its address in the direct
 * map. The order is at most 5, because clearing takes time.
 */
enum status page_alloc_cleared(unsigned int order, enum page_owner owner, struct quota *quota,
			       void **pointer) MUST_CHECK;
/*
 * Splits the block in use at `hpa` into blocks of 2^order pages, each of which must be freed by
 * itself.
 */
void page_split(hpa_t hpa, unsigned int order);
/* Frees a block; `quota` is the one that was given to page_alloc. */
void page_free(hpa_t hpa, struct quota *quota);

/*
 * Retires a broken page: it becomes PAGE_RESERVED, at once if it is free, else when its block is
 * freed.
 */
void page_set_aside(hpa_t hpa);
/* Returns true if the page was retired as broken. */
bool page_is_set_aside(hpa_t hpa);

/*
 * Reserves `count` pages for later calls of page_alloc_reserved, which then fail only for want of a
 * block of their order, never at order 0. Returns STATUS_NO_MEMORY if too few are free;
 * 1/KERNEL_SHARE of all memory always remains for the kernel.
 */
enum status page_reserve(u64 count) MUST_CHECK;
/* Ends the reservation of `count` reserved pages that were not allocated. */
void page_unreserve(u64 count);
/* Allocates a block out of what page_reserve has reserved, not cleared and charged to no quota. */
enum status page_alloc_reserved(unsigned int order, enum page_owner owner, hpa_t *hpa) MUST_CHECK;

/* Fills `count` pages with zeros. */
static inline void page_clear(hpa_t hpa, u64 count)
{
	void *to = hpa_to_pointer(hpa);
	u64 words = count * (PAGE_SIZE / sizeof(u64));

	__asm__ volatile("rep stosq" : "+D"(to), "+c"(words) : "a"(0ull) : "memory");
}

/* Copies a page from `from` to `hpa`. */
static inline void page_copy(hpa_t hpa, const void *from)
{
	void *to = hpa_to_pointer(hpa);
	u64 words = PAGE_SIZE / sizeof(u64);

	__asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
}

/*
 * Returns the struct of the frame that contains the address, which must lie below the end of
 * page_frames.
 */
static inline struct page *page_of(hpa_t hpa)
{
	CHECK(hpa.value >> PAGE_SHIFT < page_frame_count);
	return &page_frames[hpa.value >> PAGE_SHIFT];
}
static inline struct page *page_of_frame(u32 frame)
{
	return page_of(HPA((u64)frame << PAGE_SHIFT));
}
/* Returns the physical address of the frame that the struct describes. */
hpa_t page_hpa(const struct page *page);
/* Returns the kind of owner that the page has; PAGE_RESERVED if the address is not RAM. */
enum page_owner page_owner(hpa_t hpa);
/* Returns true if any page of the range is managed RAM; looks at each page. */
bool page_range_has_ram(hpa_t hpa, u64 bytes);

/*
 * A step of a walk over all blocks: sets *head to the block in use that begins at the frame, NULL
 * if none does; its `previous` is the number of the quota that pays for it. Returns how many frames
 * to advance, 0 after the last frame.
 */
u64 page_block_at(u64 frame, const struct page **head);
/* Returns true if the page is a slab of mm/cache.c. */
bool page_is_slab(hpa_t hpa);

/*
 * The numbers of pages by owner and by node; they lie in struct kernel_page, which the manager
 * reads.
 */
extern u64 *const page_counts;
extern struct node_counters *const page_nodes;
/* The number of all managed pages: the sum of page_counts. */
extern u64 page_total;

/*
 * page_block_insert puts a block into the free list of its node, page_block_remove takes it out.
 * They take no lock: outside mm/buddy.c only boot calls them, while one CPU runs.
 */
void page_block_insert(u32 frame, unsigned int order);
void page_block_remove(u32 frame);
