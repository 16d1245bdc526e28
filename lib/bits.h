/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

#define BIT(n) (1ull << (n))
/* A mask of the bits low to high, both included. */
#define BITS(high, low) ((~0ull >> (63 - (high))) & (~0ull << (low)))

static inline u64 align_down(u64 value, u64 alignment)
{
	return value & ~(alignment - 1);
}

/*
 * Rounds value up to a multiple of alignment, a power of two; wraps to 0 past 2^64: check the range
 * first where the value is not trusted.
 */
static inline u64 align_up(u64 value, u64 alignment)
{
	return (value + alignment - 1) & ~(alignment - 1);
}

static inline bool is_aligned(u64 value, u64 alignment)
{
	return (value & (alignment - 1)) == 0;
}

static inline bool is_power_of_two(u64 value)
{
	return value != 0 && (value & (value - 1)) == 0;
}

/* Returns the position of the highest set bit; value must not be 0. */
static inline unsigned int bit_highest(u64 value)
{
	return 63u ^ (unsigned int)__builtin_clzll(value); /* compiles to BSR alone */
}

/* Returns the position of the lowest set bit; value must not be 0. */
static inline unsigned int bit_lowest(u64 value)
{
	return (unsigned int)__builtin_ctzll(value);
}

/* Returns how many of the words come before the first that is not 0. */
static inline u64 words_clear(const u64 *word, u64 count)
{
	u64 n = 0;

	while (n + 4 <= count && (word[n] | word[n + 1] | word[n + 2] | word[n + 3]) == 0)
		n += 4;
	while (n < count && word[n] == 0)
		n++;
	return n;
}

/* Returns the bits high..low of value, moved down to bit 0. */
static inline u64 bits_get(u64 value, unsigned int high, unsigned int low)
{
	return (value & BITS(high, low)) >> low;
}
