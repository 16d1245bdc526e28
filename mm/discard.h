/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/status.h"
#include "lib/types.h"

struct memory;

#define DISCARD_MAPPINGS_MAX 8 /* of the object: each step visits all of them */

/*
 * One step of giving back guest RAM from page `first` on: *count is cut to the pages that the step
 * has dealt with. They read as zero, and whoever touches one gets another page, which stays
 * reserved. Whoever uses them meanwhile may see either; from STATUS_OK on nobody uses what was
 * there. STATUS_AGAIN: the same step once more. Without effect: STATUS_NO_MEMORY, STATUS_NO_QUOTA
 * (no page for the reserve while the old ones return, or for slots); STATUS_BAD_STATE (no guest
 * RAM, with layers, or the kernel or a device may know where its pages are); STATUS_TOO_BIG (too
 * many mappings); STATUS_BAD_ADDRESS (not in the object).
 */
enum status memory_discard(struct memory *memory, u64 first, u64 *count) MUST_CHECK;

/*
 * The same with those pages that hold only zeros, *given of them, whoever uses them meanwhile:
 * nothing is lost. What lies in blocks of 2 MiB stays.
 */
enum status memory_trim(struct memory *memory, u64 first, u64 *count, u64 *given) MUST_CHECK;
/*
 * Under the object's lock: what a step of memory_trim has hidden comes back; or, if `gives`, goes
 * where it holds zeros: nobody has touched it, nor can any more. Returns how many pages went.
 */
u64 memory_trim_settle(struct memory *memory, bool gives);
