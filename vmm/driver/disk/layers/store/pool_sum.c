/* SPDX-License-Identifier: MIT */
/*
 * Keeps the checksums (sums) of chunks in a tree of its own, by chunks' numbers, so that a chunk
 * has one sum however many volumes share it. Called by the store's layer and jobs. Touches memory
 * only.
 *
 * A chunk with a sum is not written to. Its sum is taken away first, and the write waits until
 * neither of the last two superblocks leads to that sum. What is left of a sum of a chunk that no
 * volume has means nothing; it is taken away in the generation that gives the chunk to a volume.
 */
#include "lib/bits.h"
#include "vmm/driver/disk/layers/store/pool.h"

#define UNSUM_MOST 64u /* the most chunks that lose their sums for one write */

bool pool_can_sum(const struct pool *pool)
{
	return pool_levels(pool->super.chunks) <= STORE_LEVELS_MAX;
}

/* Returns the word of the tree of sums for the chunk, or 0. */
static u64 pool_sum_word(const struct pool *pool, u32 chunk)
{
	u64 first;
	u64 end;
	const struct store_node *leaf = pool_find_leaf(
		pool, pool->super.sums, pool_levels(pool->super.chunks), chunk, &first, &end);

	return leaf != NULL ? leaf->word[chunk - first] : 0;
}

bool pool_sum(const struct pool *pool, u32 chunk, u32 *sum)
{
	u64 word = pool_sum_word(pool, chunk);

	*sum = (u32)(word - 1);
	return word != 0;
}

bool pool_is_summed(const struct pool *pool, u32 chunk)
{
	/* a chunk gets no sum while it has writes, nor while POOL_WRITTEN is set */
	return pool->super.sums != 0 && pool->writes[chunk] == 0 && pool_sum_word(pool, chunk) != 0;
}

/* Returns the chunk's word, to be changed in the generation `now`, or NULL: no node is free. */
static u64 *pool_own_sum(struct pool *pool, u32 chunk)
{
	return pool_own_word(pool, &pool->super.sums, pool_levels(pool->super.chunks), chunk,
			     STORE_NODE_SUMS);
}

bool pool_set_sum(struct pool *pool, u32 chunk, u32 sum)
{
	u64 *word = pool_has_blocks(pool) ? pool_own_sum(pool, chunk) : NULL;

	if (word == NULL)
		return false;
	*word = (u64)sum + 1;
	pool->super.needs |= STORE_NEEDS_SUMS;
	pool->dirty = true;
	return true;
}

bool pool_forget_sum(struct pool *pool, u32 chunk)
{
	u64 *word;

	if (pool_sum_word(pool, chunk) == 0)
		return true;
	word = pool_own_sum(pool, chunk);
	if (word == NULL)
		return false;
	*word = 0;
	pool->dirty = true;
	return true;
}

/*
 * Returns how many chunks lose their sums for a write to this one. The number grows with each write
 * just behind the last one, so that rewriting a long piece takes few commits.
 */
static u32 pool_unsum_count(const struct pool *pool, u32 chunk)
{
	u32 left = MIN(STORE_FAN - chunk % STORE_FAN, pool->super.chunks - chunk);
	u32 count = 1;

	while (count < UNSUM_MOST && chunk >= count && pool->writes[chunk - count] != 0)
		count++;
	return MIN(count, left);
}

bool pool_unsum(struct pool *pool, u32 chunk)
{
	u32 count = pool_unsum_count(pool, chunk);
	/*
	 * This may use the blocks that are set aside: the nodes that it replaces are free after the
	 * two commits that follow, and a write that needs no space must not wait for any.
	 */
	u64 *word = pool_blocks_now(pool) >= STORE_LEVELS_MAX ? pool_own_sum(pool, chunk) : NULL;

	if (word == NULL)
		return false;
	for (u32 i = 0; i < count; i++) {
		/* a chunk that volumes share is not written to, so it keeps its sum */
		if (word[i] == 0 || (i > 0 && pool->chunk[chunk + i].uses != 1))
			continue;
		word[i] = 0;
		pool->chunk[chunk + i].lost = MAX((u32)pool->now, 1);
		pool->writes[chunk + i] |= POOL_WRITTEN;
	}
	pool->dirty = true;
	return true;
}

void pool_write_begins(struct pool *pool, u32 chunk)
{
	pool->writes[chunk] = (u8)((pool->writes[chunk] + 1) | POOL_WRITTEN);
}

void pool_write_ends(struct pool *pool, u32 chunk)
{
	/* the count is 0 if the pool was opened anew since the write began */
	if ((pool->writes[chunk] & ~POOL_WRITTEN) != 0)
		pool->writes[chunk]--;
	pool->writes[chunk] |= POOL_WRITTEN;
}
