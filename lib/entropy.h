/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

#define ENTROPY_POOL_BYTES 32u

/*
 * A ChaCha20 key that absorbs input and yields output by fast key erasure (Bernstein, 2017): each
 * block made under the key replaces the key first, so that a leaked pool reveals neither earlier
 * output nor earlier input.
 */
struct entropy_pool {
	u8 key[ENTROPY_POOL_BYTES];
};

/* Absorbs `count` bytes into the pool, which is never weaker afterwards. */
void entropy_mix(struct entropy_pool *pool, const void *bytes, size_t count);
/* Writes `count` random bytes, drawn from the pool, to `bytes`. */
void entropy_draw(struct entropy_pool *pool, void *bytes, size_t count);
/* Returns 64 random bits, drawn from the pool. */
u64 entropy_draw_u64(struct entropy_pool *pool);
