/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * Returns true if [start, start + length) lies inside [0, limit); so does an empty range at
 * `limit`.
 */
static inline bool range_within(u64 start, u64 length, u64 limit)
{
	return start <= limit && length <= limit - start;
}

/* Returns true if [a, a + a_length) and [b, b + b_length) share an element; neither may wrap. */
static inline bool ranges_overlap(u64 a, u64 a_length, u64 b, u64 b_length)
{
	return a < b + b_length && b < a + a_length;
}

/*
 * Returns value * numerator / denominator, at most 2^64 - 1; the product has 128 bits and does not
 * overflow.
 */
static inline u64 mul_div(u64 value, u64 numerator, u64 denominator)
{
	u64 low;
	u64 high;
	u64 remainder;

	__asm__("mulq %3" : "=a"(low), "=d"(high) : "a"(value), "r"(numerator) : "cc");
	if (high >= denominator)
		return ~0ull;
	__asm__("divq %4"
		: "=a"(low), "=d"(remainder)
		: "a"(low), "d"(high), "r"(denominator)
		: "cc");
	return low;
}
