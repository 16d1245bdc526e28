/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/entropy.h"

/*
 * Random numbers for the kernel's own needs, from the pool that boot/ has filled. The pool has no
 * lock: while booting only the boot CPU draws, later every caller holds the long lock.
 */
void random_seed(const struct entropy_pool *seed);
/* Writes `count` random bytes to `to`. */
void random_bytes(void *to, size_t count);
/* Returns 64 random bits. */
u64 random_u64(void);
/* Returns a number evenly distributed below `limit`, which is not 0. */
u64 random_below(u64 limit);
