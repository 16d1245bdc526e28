/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/pages.h"
#include "kernel/abi/syscall.h"
#include "lib/lock.h"
#include "mm/object.h"
#include "mm/table.h"

#define MEMORY_CHUNK_PAGES 512ull
#define MEMORY_INLINE_SLOTS 8
#define MEMORY_PAGES_MAX (1ull << 23) /* 32 GiB: 32 pages of chunk words, cleared at once */

enum memory_kind {
	MEMORY_RAM,   /* pages of its own, allocated at first touch and cleared before use */
	MEMORY_FIXED, /* a physical range that belongs to somebody else: device, module, image */
};

/*
 * Who waits until no CPU uses what was revoked. Each waits for what was revoked before it began and
 * by itself, so that nobody else can make it wait longer: layer_wait_begin.
 */
enum memory_wait {
	WAIT_PAGE,  /* for one page to be exchanged, or some to be given back */
	WAIT_ALL,   /* for a freeze or a reset */
	WAIT_LATER, /* whoever begins next */
	MEMORY_WAITS
};

/*
 * An array of page slots that can be mapped. RAM is charged to the quota and reserved from the
 * machine in full when it is created, so that populating it cannot run out of pages.
 */
struct memory {
	struct object object;
	struct lock lock;
	struct quota *quota;
	u64 page_count;
	u8 kind;  /* enum memory_kind */
	u8 owner; /* enum page_owner of its pages */
	u8 type;  /* enum pt_type */
	u32 flags; /* enum memory_flag */
	hpa_t base;           /* MEMORY_FIXED */
	u64 destroy_cursor;   /* pages below this index are freed already */
	u64 promised;	      /* pages reserved and charged */
	u64 present;	      /* of these: the others await first touch */
	struct list mappings; /* struct mapping, by its memory_node */
	u32 mapping_count;
	/* Layers: mm/layer.h. */
	struct memory *below; /* with a reference; where the pages are that this one lacks */
	u8 depth;	      /* how many are below */
	bool frozen;	      /* never changes again, and is never mapped */
	bool merging;	      /* it takes up what is below, and has come to the cursor */
	bool held;	      /* somebody was told where its pages are: no layers any more */
	u32 device_mappings;  /* of mapping_count: devices reach its pages, no layers meanwhile */
	/* frames, linked by `next`, their index in `references`; those that a reset has to hide */
	u32 own_first, hide_first;
	bool resetting, revoked; /* revoked: somebody is awaited, not for WAIT_PAGE alone */
	u64 breaking;	      /* the page that is about to leave `below`, plus 1; 0: none */
	u64 cursor;	      /* revoked, or merged, up to this page */
	u64 trim_first;	      /* memory_trim has hidden pages from here on... */
	u64 trim_count;	      /* ... in so many */
	u64 awaited[MEMORY_WAITS][CPU_MAX / 64]; /* who may still use what was revoked: tlb_await */
	/*
	 * MEMORY_RAM: the slots themselves for up to MEMORY_INLINE_SLOTS pages; else one word per
	 * 2-MiB chunk, here for that many chunks, or in pages of their own.
	 */
	u64 inline_slots[MEMORY_INLINE_SLOTS];
	u64 *chunks;
};

/*
 * Zeroed RAM of 1 to MEMORY_PAGES_MAX pages, charged to the quota as `owner` (PAGE_GUEST or
 * PAGE_PROCESS). `flags` as in SYS_MEMORY_CREATE; a caller that passes MEMORY_PINNED must populate
 * all pages itself. STATUS_NO_MEMORY and STATUS_NO_QUOTA, without effect.
 */
enum status memory_create(struct quota *quota, enum page_owner owner, u64 page_count, u32 flags,
			  struct memory **memory) MUST_CHECK;
/*
 * Device or firmware memory, `flags` as in SYS_MEMORY_PHYSICAL. STATUS_TOO_BIG: more than 16 MiB;
 * STATUS_BAD_ADDRESS: the range is unaligned, exceeds the CPU's physical-address width or touches
 * managed RAM. STATUS_NO_MEMORY, STATUS_NO_QUOTA.
 */
enum status memory_create_physical(struct quota *quota, hpa_t hpa, u64 page_count, u32 flags,
				   struct memory **memory) MUST_CHECK;
/* Wraps pages that the kernel never frees: modules, parts of the image, pages of its own. */
enum status memory_wrap(struct quota *quota, hpa_t hpa, u64 page_count,
			struct memory **memory) MUST_CHECK;

/* Whether the range lies inside the object. */
bool memory_range_valid(const struct memory *memory, u64 first, u64 page_count);

/*
 * Makes page `index` present. STATUS_AGAIN: a step of clearing was done, call again.
 * STATUS_NO_MEMORY or STATUS_NO_QUOTA: no page for the chunk's slots. STATUS_IN_USE: the page must
 * come from layer_own.
 */
enum status memory_populate(struct memory *memory, u64 index) MUST_CHECK;
/*
 * The same with all of these for who tells the kernel or a device where they are: the object can
 * have no layers from now on. STATUS_BAD_STATE: it has.
 */
enum status memory_hold(struct memory *memory, u64 first, u64 count) MUST_CHECK;

/* As memory_slot, for a fault. *own: the page is not a frozen object's, and may be written to. */
bool memory_slot_own(struct memory *memory, u64 index, hpa_t *hpa, enum pt_level *level, bool *own);
/*
 * The address of page `index`, and the level of the largest leaf that could map it: the leaf's
 * range is contiguous and all present. False if the page is absent.
 */
static inline bool memory_slot(struct memory *memory, u64 index, hpa_t *hpa, enum pt_level *level)
{
	bool own;

	return memory_slot_own(memory, index, hpa, level, &own);
}
/* The kernel's pointer to a present page, NULL if it is absent. Not for device memory. */
void *memory_pointer(struct memory *memory, u64 index);

/*
 * For SYS_AUDIT: the number of pages from *index on that lie contiguously from *hpa on, 0 if page
 * *index is absent. Moves *index past what it looked at.
 */
u64 memory_walk(struct memory *memory, u64 *index, hpa_t *hpa);

/*
 * One step of freeing all pages and, last, the object itself: STATUS_AGAIN until it returns
 * STATUS_OK. Nothing may map the object or refer to it any more.
 */
enum status memory_destroy(struct memory *memory) MUST_CHECK;
