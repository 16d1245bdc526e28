/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/driver/disk/layers/store/pool.h"

/* Returns the sum of a block, which does not count its own field `check`. */
u32 store_block_check(const void *block, u32 *check);
/* Returns the sector, from the store's first one on, at which chunk 0 begins. */
u64 pool_first_chunk_sector(const struct store_superblock *super);
/* Divides so many sectors into metadata and chunks. Returns false if there are too few. */
bool pool_lay_out(u64 sectors, u32 chunk_sectors, struct store_superblock *super);
/*
 * Chooses the later of two superblocks that is whole. Returns STORE_LOADING, and sets *chosen; or
 * STORE_EMPTY; or STORE_BROKEN, and *problem says why.
 */
enum store_state pool_choose(struct store_superblock *pair, u64 sectors, u32 *chosen,
			     const char **problem);

/*
 * Load a pool that was just opened: after pool_load_begin read each block that pool_load_next
 * returns (0: that was the last) to its place in memory and let pool_load_take check it; then call
 * pool_load_end. A text that they return says why the store cannot be used.
 */
const char *pool_load_begin(struct pool *pool);
u32 pool_load_next(struct pool *pool);
const char *pool_load_take(struct pool *pool, u32 block);
const char *pool_load_end(struct pool *pool);
