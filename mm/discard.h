/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/status.h"
#include "lib/types.h"

struct memory;

/* the most mappings of an object of which pages are discarded: each step visits all */
#define DISCARD_MAPPINGS_MAX 8

/*
 * Makes one step of giving back guest RAM from page `first` on, and cuts *count to the pages that
 * the step has dealt with. The pages read as zeros afterwards; an access to such a page gets a new
 * one, which was reserved for that. An access during the step may see the old or the new page; once
 * STATUS_OK is returned, nobody uses the old pages. STATUS_AGAIN: repeat the same step. Fails
 * without effect: STATUS_NO_MEMORY, STATUS_NO_QUOTA (no page to reserve in place of the old ones
 * while these wait to be freed, or none for slots); STATUS_BAD_STATE (the object is no guest RAM,
 * has layers, or the kernel or a device may know where its pages are); STATUS_TOO_BIG (too many
 * mappings); STATUS_BAD_ADDRESS (pages outside the object).
 */
enum status memory_discard(struct memory *memory, u64 first, u64 *count) MUST_CHECK;

/*
 * Does what memory_discard does, but only with pages that hold nothing but zeros, so that no access
 * ever loses data; sets *given to how many were given back. Leaves 2-MiB blocks as they are.
 */
enum status memory_trim(struct memory *memory, u64 first, u64 *count, u64 *given) MUST_CHECK;
/*
 * Ends a step of memory_trim. Makes the pages that the step has hidden present again; or, if
 * `gives` is set, frees those that are still hidden and hold zeros: nobody has touched them, and
 * nobody can any more. Returns how many pages were freed. The caller holds the object's lock.
 */
u64 memory_trim_settle(struct memory *memory, bool gives);
