/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * Returns an index that a branch has found to be below `size`; 0 if it is not, as when the CPU
 * speculates past that branch (Spectre v1). Written in assembly, so that the compiler cannot leave
 * the check out as redundant, nor turn it into a branch.
 */
static inline u64 index_masked(u64 index, u64 size)
{
	u64 mask;

	__asm__("cmp %2, %1\n\tsbb %0, %0" : "=r"(mask) : "r"(index), "r"(size) : "cc");
	return index & mask;
}
