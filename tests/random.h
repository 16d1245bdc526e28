/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

#define RANDOM_SEED 88172645463325252ull

/* Marsaglia's xorshift64: from one state, which is never 0, the same numbers each time. */
static inline u64 random_step(u64 *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}
