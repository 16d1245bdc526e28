/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/bits.h"
#include "lib/status.h"
#include "mm/memory.h"

struct mapping;
struct quota;
struct space;

/*
 * Layers of memory objects. A frozen object never changes. A live object may lie on top of a frozen
 * one: a page that it lacks is read from below, and a write first gives it a page of its own (a
 * copy-on-write break). So each page still has one owner, an object's own pages are those written
 * since it was frozen, and several objects can lie on one. Every page that an object may come to
 * own is reserved from the allocator in advance.
 *
 * Replacing a page differs from unmapping it: a CPU that still used the old translation would miss
 * what other CPUs write to the new page. So the replacement waits until no other CPU can use the
 * old page (tlb_all_passed); each step that has to wait returns STATUS_AGAIN.
 */
#define LAYER_DEPTH_MAX 4 /* most frozen objects that may lie below another one */
/*
 * most mappings of an object with layers: each step of a freeze, reset or merge visits all of them
 */
#define LAYER_MAPPINGS_MAX 16

/*
 * Guards the operations on an object with layers that concern all its mappings, and the list of
 * these.
 */
extern struct lock layer_lock;

/*
 * Makes one step of freezing guest RAM. The first step moves its pages to a new object below it, to
 * which the live object holds a reference; later steps unmap what may still be written to.
 * STATUS_AGAIN: repeat. STATUS_OK: *frozen is frozen; it is the same object as the last time if
 * nothing was written since. Fails without effect: STATUS_BAD_STATE (not guest RAM, itself frozen,
 * or the kernel or a device may know where its pages are), STATUS_TOO_BIG (too many layers or
 * mappings), STATUS_NO_MEMORY, STATUS_NO_QUOTA.
 */
enum status layer_freeze(struct memory *memory, struct memory **frozen) MUST_CHECK;

/*
 * Creates an object on top of a frozen one, charged in full to `quota`. STATUS_BAD_STATE: `frozen`
 * is not frozen; STATUS_TOO_BIG: too many layers; STATUS_NO_MEMORY, STATUS_NO_QUOTA.
 */
enum status layer_create(struct quota *quota, struct memory *frozen,
			 struct memory **memory) MUST_CHECK;

/*
 * Makes one step of a reset: hides the pages that the object owned at the first step, so that the
 * object shows the pages below again, until it is written to. An access meanwhile may see either
 * page. STATUS_AGAIN: repeat; STATUS_BAD_STATE: no frozen object is below.
 */
enum status layer_reset(struct memory *memory) MUST_CHECK;

/*
 * Makes one step of merging the frozen object below, which nobody else needs any more, into the
 * live one. The frozen object's pages become the live object's where that has none of its own, and
 * what was below the frozen object comes below the live one. STATUS_AGAIN: repeat; STATUS_OK: the
 * frozen object is gone, with the pages that were not needed. STATUS_BAD_STATE: no frozen object is
 * below, somebody has a handle of it or another object lies on it, another quota pays for it, or a
 * reset has not ended; STATUS_NO_MEMORY, STATUS_NO_QUOTA: no page for slots. Until STATUS_OK the
 * live object can neither be frozen nor reset.
 */
enum status layer_merge(struct memory *memory) MUST_CHECK;

/*
 * Begins a wait: from now on `wait` (tlb_rest_passed) awaits the CPUs that may use pages revoked so
 * far, and pages that are revoked for `wait` itself, but no pages that other waits revoke later.
 * The caller holds layer_lock.
 */
void layer_wait_begin(struct memory *memory, enum memory_wait wait);
/*
 * Makes one step of unmapping the pages [*first, end) of the object from all its mappings, and sets
 * *first to the page up to which all mappings have come. From then on `wait` awaits the CPUs that
 * may still use the pages. Returns STATUS_AGAIN until *first is `end`. The caller holds layer_lock.
 */
enum status layer_revoke(struct memory *memory, u64 *first, u64 end, enum memory_wait wait);
/*
 * Unmaps the `count` pages of the object listed in `index` from all its mappings. This is quickest
 * in descending order of the indices, which is the order if the pages were written to in ascending
 * order.
 */
void layer_revoke_pages(struct memory *memory, const u64 *index, u32 count, enum memory_wait wait);

/*
 * Makes one step of giving an object with layers its own page `index`. No copy-on-write break may
 * be under way, and the mapping may not show the page. STATUS_OK: the object has the page, *hpa,
 * which may be mapped for writing; STATUS_AGAIN: repeat; STATUS_IN_USE: the caller releases the
 * space's lock and calls layer_break next; STATUS_NO_MEMORY, STATUS_NO_QUOTA: as memory_populate,
 * or the page below is broken and was set aside. The caller holds layer_lock and the lock of the
 * mapping's space.
 */
enum status layer_own(struct mapping *mapping, u64 index, hpa_t *hpa) MUST_CHECK;
/*
 * Makes one step of completing the copy-on-write break of the page that memory->breaking names.
 * Whoever finds a break under way calls this first, so that the break ends even if the thread that
 * began it never returns. STATUS_AGAIN: repeat. The caller holds layer_lock.
 */
enum status layer_help(struct memory *memory) MUST_CHECK;
/*
 * Flushes the mapping's space; from then on `wait` awaits the CPUs that may still use the pages
 * that the mapping has shown (tlb_await). The caller holds layer_lock and the space's lock.
 */
void layer_flush(const struct mapping *mapping, enum memory_wait wait);
/*
 * Unmaps the page whose copy-on-write break is under way from all mappings of the object. The
 * caller holds layer_lock, but no space's lock.
 */
void layer_break(struct memory *memory);

/* Returns the bit in mapping->shown for the chunk of page `index`; chunks 64 apart share a bit. */
static inline u64 layer_shown_bit(u64 index)
{
	return BIT(index / MEMORY_CHUNK_PAGES % 64);
}
