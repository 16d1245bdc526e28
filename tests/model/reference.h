/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What memory has to contain: an array of words for each object, one word for each page that the
 * model looks at (a place). A layer, a clone and a snapshot are copies of it. Every write has its
 * own value, so that a word tells where it comes from.
 */
#include "lib/types.h"

#define REFERENCE_PLACES 544u

/*
 * A call that changes what an object shows takes a while, and meanwhile a place may show either:
 * it is open. Then it is what was there before, what comes, or what was written since.
 */
struct reference {
	u32 owner; /* the owner that writes to the object, below REFERENCE_OWNERS */
	u64 word[REFERENCE_PLACES];
	/*
	 * for each place the first write that counts since it was opened; 0: the place is not open
	 */
	u64 since[REFERENCE_PLACES];
	u64 before[REFERENCE_PLACES];
	u64 after[REFERENCE_PLACES];
	u64 zeroed[REFERENCE_PLACES]; /* the last write of 0 */
};
#define REFERENCE_OWNERS 64u

/* All zero, as new memory is. */
void reference_init(struct reference *reference, u32 owner);
/* A copy, with what is open; `owner` writes to it from now on. */
void reference_copy(struct reference *to, const struct reference *from, u32 owner);

/* A value that was never written before; or 0. The place has it from now on. */
u64 reference_write(struct reference *reference, u32 place, bool zero);
/* Lets `copy` hold what `from` holds, and what is still being written to `from`. */
void reference_follow(struct reference *copy, const struct reference *from);
bool reference_may_be(const struct reference *reference, u32 place, u64 value);

/*
 * Opens a place: from now on the place shows what it did, or `after`, or what is written to it. A
 * place that is open already stays as it is.
 */
void reference_open(struct reference *reference, u32 place, u64 after);
/*
 * Closes a place that has come to `value`. Returns false if the place may not hold that value, or
 * not if the former value is gone.
 */
bool reference_close(struct reference *reference, u32 place, u64 value, bool gone);
