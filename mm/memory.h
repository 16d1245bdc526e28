/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/pages.h"
#include "kernel/abi/syscall.h"
#include "lib/lock.h"
#include "mm/object.h"
#include "mm/table.h"

#define MEMORY_CHUNK_PAGES  512ull
#define MEMORY_INLINE_SLOTS 8
#define MEMORY_PAGES_MAX    (1ull << 23) /* 32 GiB: 32 pages of chunk words, cleared at once */

enum memory_kind {
	/* memory with its own pages, allocated at first touch and cleared before use */
	MEMORY_RAM,
	MEMORY_FIXED, /* a physical range that belongs to somebody else: device, module, image */
};

/*
 * The waits until no CPU uses revoked (unmapped) pages. Each awaits the CPUs that may use pages
 * revoked before the wait began or for it, so that no other operation can prolong it
 * (layer_wait_begin).
 */
enum memory_wait {
	/* for a page that a break replaces, or pages that are given back (mm/discard.h) */
	WAIT_PAGE,
	WAIT_ALL, /* for the pages of a freeze or a reset */
	/* awaited by nobody: collects CPUs until another wait begins, which then awaits them too */
	WAIT_LATER,
	MEMORY_WAITS
};

/*
 * An array of page slots that can be mapped. For RAM that is not overcommitted, all pages are
 * charged to the quota and reserved from the allocator when the object is created, so that
 * populating it cannot run out of pages.
 */
struct memory {
	struct object object;
	struct lock lock;
	struct quota *quota;
	u64 page_count;
	u8 kind;	    /* enum memory_kind */
	u8 owner;	    /* as whose pages the object's are counted, enum page_owner */
	u8 type;	    /* how the pages are mapped, enum pt_type */
	u32 flags;	    /* enum memory_flag */
	hpa_t base;	    /* for MEMORY_FIXED: the physical address of the range */
	u64 destroy_cursor; /* pages of the dead object below this index are freed already */
	u64 promised;	    /* number of pages reserved for the object and charged */
	/*
	 * how many of the promised pages exist (are present); the others are made at their first
	 * touch
	 */
	u64 present;
	struct list mappings; /* the object's mappings, linked by their memory_node */
	u32 mapping_count;
	/* The fields from here on belong to layers (mm/layer.h). */
	/* the object below, with a reference; it has the pages that this object lacks */
	struct memory *below;
	u8 depth;    /* number of frozen objects below this one */
	bool frozen; /* the object's pages never change again, and it is never mapped */
	/* a merge of the object below is under way, and has reached the page `cursor` */
	bool merging;
	/*
	 * the kernel or a device was told the pages' addresses (memory_hold): the object gets no
	 * layers
	 */
	bool held;
	/*
	 * the number of the object's mappings into spaces of devices; while there are any, it gets
	 * no layers
	 */
	u32 device_mappings;
	/*
	 * The lists of the object's own pages while it has layers, and of those that a reset has
	 * yet to hide: numbers of their first frames, linked by page.next; page.references has the
	 * page's index.
	 */
	u32 own_first, hide_first;
	/*
	 * resetting: a reset is under way; revoked: `awaited` may have CPUs for WAIT_ALL or
	 * WAIT_LATER
	 */
	bool resetting, revoked;
	/*
	 * 1 + the index of the page that a copy-on-write break is about to replace; 0: no break is
	 * under way
	 */
	u64 breaking;
	/*
	 * the pages before this index have been unmapped by the freeze, or moved by the merge,
	 * under way
	 */
	u64 cursor;
	u64 trim_first; /* index of the first of the pages of which memory_trim has hidden some */
	/* the number of those pages, from trim_first on */
	u64 trim_count;
	/* for each wait, the CPUs that may still use its revoked pages, one bit each: tlb_await */
	u64 awaited[MEMORY_WAITS][CPU_MAX / 64];
	/*
	 * MEMORY_RAM: if `chunks` is NULL, the slots themselves, for up to MEMORY_INLINE_SLOTS
	 * pages. Otherwise `chunks` points to one word for each 2-MiB chunk: here if the words fit,
	 * else in pages of their own.
	 */
	u64 inline_slots[MEMORY_INLINE_SLOTS];
	u64 *chunks;
};

/*
 * Creates zeroed RAM of 1 to MEMORY_PAGES_MAX pages, charged to the quota as `owner` (PAGE_GUEST or
 * PAGE_PROCESS), with `flags` as in SYS_MEMORY_CREATE; a caller that passes MEMORY_PINNED must
 * populate all pages itself. Fails without effect: STATUS_NO_MEMORY, STATUS_NO_QUOTA.
 */
enum status memory_create(struct quota *quota, enum page_owner owner, u64 page_count, u32 flags,
			  struct memory **memory) MUST_CHECK;
/*
 * Creates an object of device or firmware memory, with `flags` as in SYS_MEMORY_PHYSICAL.
 * STATUS_TOO_BIG: more than 16 MiB; STATUS_BAD_ADDRESS: the range is unaligned, exceeds the CPU's
 * physical-address width or touches managed RAM; STATUS_NO_MEMORY, STATUS_NO_QUOTA.
 */
enum status memory_create_physical(struct quota *quota, hpa_t hpa, u64 page_count, u32 flags,
				   struct memory **memory) MUST_CHECK;
/*
 * Creates an object of pages that the kernel never frees: boot modules, parts of the image, the
 * kernel's own pages. STATUS_NO_MEMORY, STATUS_NO_QUOTA.
 */
enum status memory_wrap(struct quota *quota, hpa_t hpa, u64 page_count,
			struct memory **memory) MUST_CHECK;

/* Returns true if the range lies inside the object. */
bool memory_range_valid(const struct memory *memory, u64 first, u64 page_count);

/*
 * Makes page `index` present. STATUS_AGAIN: a step of clearing was done, call again.
 * STATUS_NO_MEMORY, STATUS_NO_QUOTA: no page for the chunk's slots, or none for an overcommitted
 * object. STATUS_IN_USE: the object has layers, call layer_own.
 */
enum status memory_populate(struct memory *memory, u64 index) MUST_CHECK;
/*
 * Makes `count` pages present for a caller that tells the kernel or a device their addresses: the
 * object can have no layers from now on. STATUS_BAD_STATE: the object has layers.
 */
enum status memory_hold(struct memory *memory, u64 first, u64 count) MUST_CHECK;

/*
 * Does what memory_slot does, for a fault: *own is set to true if the page is the object's own and
 * may be written to, false if it is a frozen object's.
 */
bool memory_slot_own(struct memory *memory, u64 index, hpa_t *hpa, enum pt_level *level, bool *own);
/*
 * Finds the address of page `index`, and the level of the largest leaf that could map it: the
 * leaf's range is contiguous and all present. Returns false if the page is absent.
 */
static inline bool memory_slot(struct memory *memory, u64 index, hpa_t *hpa, enum pt_level *level)
{
	bool own;

	return memory_slot_own(memory, index, hpa, level, &own);
}
/*
 * Returns the kernel's pointer to a page, NULL if the page is absent. Must not be called for device
 * memory, which the direct map lacks.
 */
void *memory_pointer(struct memory *memory, u64 index);

/*
 * Returns, for SYS_AUDIT, how many pages from *index on lie contiguously from *hpa on; 0 if page
 * *index is absent. Moves *index past the pages that the call has looked at.
 */
u64 memory_walk(struct memory *memory, u64 *index, hpa_t *hpa);

/*
 * Makes one step of freeing all pages and, last, the object itself. Returns STATUS_AGAIN until all
 * is freed, then STATUS_OK. Nothing may map the object or refer to it any more.
 */
enum status memory_destroy(struct memory *memory) MUST_CHECK;
