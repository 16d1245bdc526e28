/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/bits.h"
#include "lib/status.h"
#include "mm/memory.h"

struct mapping;
struct quota;
struct space;

/*
 * Layers of memory objects. A frozen object never changes. A live one may lie on top of it: a page
 * that it lacks is read from below, and written to only after it got a page of its own. So each
 * page still has one owner, an object's own pages are what was written since it was frozen, and
 * several objects can lie on one. Whatever an object may come to own is reserved.
 *
 * Exchanging a page is not like unmapping it: who still used the old translation would miss what
 * others write. So it waits until no other CPU can (tlb_all_passed), in steps of STATUS_AGAIN.
 */
#define LAYER_DEPTH_MAX    4  /* objects below another */
#define LAYER_MAPPINGS_MAX 16 /* of an object with layers: each step visits all of them */

/* Guards what is done to an object with layers wherever it is mapped, and its list of mappings. */
extern struct lock layer_lock;

/*
 * One step of freezing guest RAM: what it holds moves to a new object below it, with its reference;
 * later calls take away what may still be written to. Without effect: STATUS_BAD_STATE (not guest
 * RAM, frozen itself, or the kernel or a device may know where its pages are),
 * STATUS_TOO_BIG (too many layers or mappings), STATUS_NO_MEMORY, STATUS_NO_QUOTA, STATUS_AGAIN.
 * STATUS_OK: *frozen is frozen; if nothing was written since the last time, it is the same one.
 */
enum status layer_freeze(struct memory *memory, struct memory **frozen) MUST_CHECK;

/*
 * A new object on top of a frozen one, charged in full. STATUS_BAD_STATE: it is not frozen;
 * STATUS_TOO_BIG: too many layers; STATUS_NO_MEMORY, STATUS_NO_QUOTA.
 */
enum status layer_create(struct quota *quota, struct memory *frozen,
			 struct memory **memory) MUST_CHECK;

/*
 * One step of hiding the pages that the object owns when the first step is made: it shows again
 * what lies below, until it is written to. Whoever uses it meanwhile may see either.
 * STATUS_BAD_STATE: nothing frozen is below.
 */
enum status layer_reset(struct memory *memory) MUST_CHECK;

/*
 * One step of taking up the frozen object that is below, which nobody else needs any more: its
 * pages become the live object's, where that has none of its own, and what was below it comes
 * below the live one. STATUS_AGAIN; STATUS_OK: it is gone, with the pages that were not needed.
 * STATUS_BAD_STATE: nothing frozen is below, somebody has a handle of it or lies on it, or it is
 * charged to another quota; STATUS_NO_MEMORY, STATUS_NO_QUOTA: no page for slots. Until STATUS_OK
 * the live object can neither be frozen nor reset.
 */
enum status layer_merge(struct memory *memory) MUST_CHECK;

/* Under layer_lock: from now on `wait` is for all that was revoked before, and by itself. */
void layer_wait_begin(struct memory *memory, enum memory_wait wait);
/*
 * Under layer_lock: one step of taking away what is mapped of the pages from *first on and before
 * `end`; *first becomes what the slowest mapping has come to. `wait` awaits who may still use it.
 */
enum status layer_revoke(struct memory *memory, u64 *first, u64 end, enum memory_wait wait);
/* The same with the pages of a list, quickest from the last on: they were written in order. */
void layer_revoke_pages(struct memory *memory, const u64 *index, u32 count, enum memory_wait wait);

/*
 * Under layer_lock and the lock of the mapping's space: one step of giving an object with layers a
 * page of its own where none is on its way and the mapping shows none. STATUS_OK: it
 * has the page, *hpa, which may be mapped for writing; STATUS_AGAIN; STATUS_IN_USE: layer_break
 * comes next; STATUS_NO_MEMORY or STATUS_NO_QUOTA: as memory_populate, or the page below is
 * broken and was set aside.
 */
enum status layer_own(struct mapping *mapping, u64 index, hpa_t *hpa) MUST_CHECK;
/*
 * Under layer_lock, where memory->breaking names a page that is on its way: one step of bringing it
 * up. Who comes meanwhile does this first, so that nobody need finish his own. STATUS_AGAIN.
 */
enum status layer_help(struct memory *memory) MUST_CHECK;
/* Under both locks. `wait` awaits who may still use what the mapping has shown: see tlb_await. */
void layer_flush(const struct mapping *mapping, enum memory_wait wait);
/* Without the space's lock: takes the page that is on its way from all other mappings. */
void layer_break(struct memory *memory);

/* The bit in mapping->shown for the page's chunk. */
static inline u64 layer_shown_bit(u64 index)
{
	return BIT(index / MEMORY_CHUNK_PAGES % 64);
}
