/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/driver/disk/layers/store/pool.h"

/* Returns the CRC32C of a block, computed with 0 in its field `check`. */
u32 store_block_check(const void *block, u32 *check);
/*
 * Chooses the intact one of two superblocks, or, if both are intact, the one of the later
 * epoch, or of the later generation of one epoch. Returns STORE_LOADING and sets *chosen to its
 * index; returns STORE_EMPTY if there is no store; or returns STORE_BROKEN, or STORE_NEWER, and
 * says why in *problem.
 */
enum store_state pool_choose(struct store_superblock *pair, u64 sectors, u32 *chosen,
			     const char **problem);

/*
 * Load a pool that was just opened. After pool_load_begin, read from the disk each block whose
 * number pool_load_next returns, to its place in memory, and let pool_load_take check it, until
 * pool_load_next returns 0; then call pool_load_end. They return NULL, or a text that says why the
 * store cannot be used.
 */
const char *pool_load_begin(struct pool *pool);
u32 pool_load_next(struct pool *pool);
const char *pool_load_take(struct pool *pool, u32 block);
/*
 * Returns NULL if the block that was read is the node that should be there, else its fault in
 * words; pool_load_take checks the same first.
 */
const char *pool_load_look(struct pool *pool, u32 block);
const char *pool_load_end(struct pool *pool);
