/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"
#include "tests/random.h"
#include "vmm/io/block.h"

/*
 * Programs of the product in which one end of a link lies. Called in place of functions of the
 * product by the linker's --wrap; which lies a process tells is said by its disk.
 */
static inline u64 liar_random(void)
{
	static u64 state = RANDOM_SEED;

	return random_step(&state) >> 8;
}

/* Writes any bytes, most of them small numbers or values that could be right. */
static inline void liar_scribble(void *at, u64 bytes)
{
	volatile u32 *word = at;

	for (u64 i = 0; i < bytes / sizeof(*word); i++) {
		u64 random = liar_random();

		if ((random & 3) != 0)
			word[i] =
				(random & 4) != 0 ? (u32)(random >> 8) : (u32)(random >> 8 & 0xff);
	}
}
