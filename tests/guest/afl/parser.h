/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * What the targets fuzz: a parser of records, with two bugs planted. Its callers have the coverage
 * that it is built with, and say what has become of a fault.
 */
u32 parser_sum(const u8 *data, u32 bytes);

/* The callback of -fsanitize-coverage=trace-pc: at each edge of the parser. */
void __sanitizer_cov_trace_pc(void);

/* Counts an edge in the map, of `bytes` bytes, a power of two: by where it was left and is now. */
static inline void parser_passed(volatile u8 *map, u32 bytes, uintptr_t here)
{
	static u32 before;
	u32 now = (u32)(here >> 4 ^ here << 4) * 2654435761u >> 16;

	map[(now ^ before) & (bytes - 1)]++;
	before = now >> 1;
}
