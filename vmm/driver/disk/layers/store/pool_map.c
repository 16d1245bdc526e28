/* SPDX-License-Identifier: MIT */
/*
 * Keeps the volumes' trees, whose nodes volumes share until one of them changes, and counts how
 * many words and volumes name each node and chunk (its uses). Called by the store's layer, jobs and
 * commands; owns the counts of uses. Touches memory only.
 */
#include "vmm/driver/disk/layers/store/pool.h"

#include "lib/bits.h"
#include "lib/string.h"

#define NO_CHUNK ~0u

u64 pool_bytes(u32 blocks, u32 chunks)
{
	return (u64)blocks * STORE_BLOCK_BYTES + (u64)blocks * sizeof(struct pool_item) +
	       (u64)chunks * (sizeof(struct pool_item) + 1) + (u64)blocks * sizeof(u32);
}

void pool_open(struct pool *pool, const struct store_superblock *super, u8 *memory)
{
	*pool = (struct pool){
		.super = *super,
		.now = super->generation + 1,
		.committed = super->generation,
		.nodes = memory,
		.free_blocks = super->blocks - STORE_FIRST_NODE,
		.free_chunks = super->chunks,
		.data_chunks = super->chunks,
		.next_block = STORE_FIRST_NODE,
	};
	(void)pool_layout_of(super, &pool->layout);
	pool_place_tables(pool, super->blocks, super->chunks);
	memset(pool->block, 0, super->blocks * sizeof(struct pool_item));
	memset(pool->chunk, 0, super->chunks * sizeof(struct pool_item));
	memset(pool->writes, 0, super->chunks);
	for (u32 i = 0; i < pool->layout.area_count; i++)
		pool_keep_area(pool, i);
}

u32 pool_levels(u64 chunks)
{
	u64 reach = STORE_FAN;
	u32 levels = 1;

	for (; reach < chunks; reach *= STORE_FAN)
		levels++;
	return levels;
}

/* --- uses --- */

/*
 * Returns whether both superblocks were written after a use of the item, a node or chunk, was last
 * dropped. Until then one of them may still lead to the item, so it is neither reused nor
 * overwritten.
 */
static bool pool_is_settled(const struct pool *pool, const struct pool_item *item)
{
	return item->lost == 0 || (s32)((u32)pool->committed - item->lost) > 0;
}

/*
 * Returns whether only one word leads to the item, a node or chunk, also according to both
 * superblocks.
 */
static bool pool_is_alone(const struct pool *pool, const struct pool_item *item)
{
	return item->uses == 1 && pool_is_settled(pool, item);
}

static u32 pool_take(const struct pool *pool, struct pool_item *items, u32 first, u32 count,
		     u32 *next)
{
	for (u32 i = first; i < count; i++) {
		u32 at = *next;

		*next = at + 1 < count ? at + 1 : first;
		if (at >= first && items[at].uses == 0 && pool_is_settled(pool, &items[at])) {
			items[at].uses = 1;
			return at;
		}
	}
	return NO_CHUNK;
}

u32 pool_take_chunk(struct pool *pool)
{
	u32 chunk;

	if (pool->free_chunks == 0)
		return NO_CHUNK; /* spares a look at each of them whenever a client tries again */
	chunk = pool_take(pool, pool->chunk, 0, pool->super.chunks, &pool->next_chunk);
	if (chunk == NO_CHUNK)
		return chunk;
	pool->free_chunks--;
	pool->writes[chunk] |= POOL_WRITTEN;
	return chunk;
}

void pool_give_chunk(struct pool *pool, u32 chunk)
{
	pool->chunk[chunk].lost = MAX((u32)pool->now, 1);
	if (--pool->chunk[chunk].uses == 0)
		pool->free_chunks++;
}

u32 pool_take_block(struct pool *pool)
{
	u32 block = pool_take(pool, pool->block, STORE_FIRST_NODE, pool->super.blocks,
			      &pool->next_block);

	if (block == NO_CHUNK)
		return 0;
	pool->free_blocks--;
	return block;
}

void pool_use_block(struct pool *pool, u32 block)
{
	if (block != 0)
		pool->block[block].uses++;
}

/*
 * Reduces a node's uses by one. A node without uses is put on the list `dropping`, linked through
 * `lost`; pool_sweep later reduces the uses of the items that the node names, and frees the node.
 */
void pool_lose_block(struct pool *pool, u32 block)
{
	if (block == 0)
		return;
	pool->block[block].lost = MAX((u32)pool->now, 1);
	if (--pool->block[block].uses != 0)
		return;
	pool->block[block].uses = POOL_DROPPED;
	pool->block[block].lost = pool->dropping;
	pool->dropping = block;
}

static void pool_free_block(struct pool *pool, u32 block)
{
	pool->block[block].uses = 0;
	pool->block[block].lost = MAX((u32)pool->now, 1);
	pool->free_blocks++;
	pool->unsettled[pool->now % POOL_UNSETTLED]++;
}

/* Returns whether the node's words name nodes or chunks. */
static bool pool_names_others(const struct store_node *node)
{
	return node->kind == STORE_NODE_LEAF || node->kind == STORE_NODE_INNER;
}

static void pool_lose_words(struct pool *pool, const struct store_node *node)
{
	for (u32 i = 0; i < STORE_FAN; i++) {
		if (node->word[i] == 0)
			continue;
		if (node->kind == STORE_NODE_LEAF)
			pool_give_chunk(pool, (u32)node->word[i] - 1);
		else
			pool_lose_block(pool, (u32)node->word[i]);
	}
}

bool pool_sweep(struct pool *pool, u32 steps)
{
	for (; pool->dropping != 0 && steps > 0; steps--) {
		u32 block = pool->dropping;

		pool->dropping = pool->block[block].lost;
		if (pool_names_others(pool_node(pool, block)))
			pool_lose_words(pool, pool_node(pool, block));
		pool_free_block(pool, block);
	}
	return pool->dropping != 0;
}

static void pool_use_words(struct pool *pool, const struct store_node *node)
{
	for (u32 i = 0; i < STORE_FAN; i++) {
		if (node->word[i] == 0)
			continue;
		if (node->kind == STORE_NODE_LEAF)
			pool->chunk[node->word[i] - 1].uses++;
		else
			pool->block[node->word[i]].uses++;
	}
}

/*
 * Marks the items that a replaced node names as if one of their uses had been dropped: these uses
 * go over to the node's copy, but an older superblock may still lead there through the old node.
 */
static void pool_keep_words(struct pool *pool, const struct store_node *node)
{
	u32 lost = MAX((u32)pool->now, 1);

	for (u32 i = 0; i < STORE_FAN; i++) {
		if (node->word[i] == 0)
			continue;
		if (node->kind == STORE_NODE_LEAF)
			pool->chunk[node->word[i] - 1].lost = lost;
		else
			pool->block[node->word[i]].lost = lost;
	}
}

/* --- generations --- */

u32 pool_freeze(struct pool *pool)
{
	u32 count = 0;

	for (u32 i = 0; i < pool->fresh_count; i++) {
		u32 block = pool->fresh[i];

		if (pool->block[block].uses != 0 && pool_node(pool, block)->generation == pool->now)
			pool->fresh[count++] = block;
	}
	pool->fresh_count = count;
	pool->super.generation = pool->now++;
	pool->dirty = false;
	return count;
}

/*
 * Forgets when a use of an item, a node or chunk, was dropped, once both superblocks were written
 * after that. The low bits of two generations can be compared only for 2^31 commits; each commit
 * looks at one item, so all are reached long before.
 */
static void pool_forget(const struct pool *pool, struct pool_item *items, u32 count)
{
	struct pool_item *item = &items[pool->committed % count];

	if (item->uses != POOL_DROPPED && pool_is_settled(pool, item))
		item->lost = 0;
}

void pool_committed(struct pool *pool, u32 fresh)
{
	pool->committed = pool->now - 1;
	pool->unsettled[(pool->committed - 1) % POOL_UNSETTLED] = 0;
	pool_forget(pool, pool->block, pool->super.blocks);
	pool_forget(pool, pool->chunk, pool->super.chunks);
	pool->fresh_count -= fresh;
	memmove(pool->fresh, pool->fresh + fresh, pool->fresh_count * sizeof(u32));
}

/* --- trees --- */

static bool pool_is_own(const struct pool *pool, u32 block)
{
	return pool->block[block].uses == 1 && pool_node(pool, block)->generation == pool->now;
}

/*
 * Releases a node that has just been copied. If nothing else used the node, it is freed and its
 * words' uses go over to the copy; otherwise the copy's words count as further uses of the items
 * that they name.
 */
static void pool_leave_node(struct pool *pool, u32 block)
{
	const struct store_node *node = pool_node(pool, block);
	bool has_words = pool_names_others(node);

	if (pool->block[block].uses == 1) {
		if (has_words && !pool_is_settled(pool, &pool->block[block]))
			pool_keep_words(pool, node);
		pool_free_block(pool, block);
		return;
	}
	if (has_words)
		pool_use_words(pool, node);
	pool_lose_block(pool, block);
}

u32 pool_own_node(struct pool *pool, u32 block, enum store_node_kind kind)
{
	struct store_node *node;
	u32 copy;

	if (block != 0 && pool_is_own(pool, block))
		return block;
	copy = pool->fresh_count < pool->super.blocks ? pool_take_block(pool) : 0;
	if (copy == 0)
		return 0;
	node = pool_node(pool, copy);
	if (block == 0) {
		memset(node, 0, sizeof(*node));
		node->magic = STORE_MAGIC;
		node->kind = kind;
	} else {
		memcpy(node, pool_node(pool, block), sizeof(*node));
		pool_leave_node(pool, block);
	}
	node->block = copy;
	node->generation = pool->now;
	pool->fresh[pool->fresh_count++] = copy;
	pool->dirty = true;
	return copy;
}

bool pool_look_up(const struct pool *pool, const struct store_record *record, u64 index, u32 *chunk,
		  bool *alone)
{
	u32 level = pool_levels(pool_chunks_of(pool, record->sectors));
	u32 block = record->root;

	*alone = true;
	for (; block != 0; level--) {
		const struct store_node *node = pool_node(pool, block);
		u64 reach = pool_reach(level);
		u64 word = node->word[index / reach];

		*alone = *alone && pool_is_alone(pool, &pool->block[block]);
		index %= reach;
		if (level == 1) {
			*chunk = (u32)word - 1;
			*alone = *alone && word != 0 && pool_is_alone(pool, &pool->chunk[*chunk]);
			return word != 0;
		}
		block = (u32)word;
	}
	return false;
}

u32 pool_blocks_now(const struct pool *pool)
{
	u32 blocks = pool->free_blocks;

	for (u32 i = 0; i < POOL_UNSETTLED; i++)
		blocks -= pool->unsettled[i];
	return blocks;
}

bool pool_has_blocks(const struct pool *pool)
{
	u32 sums = pool->super.sums != 0 ? STORE_LEVELS_MAX : 0;

	return pool_blocks_now(pool) > POOL_BLOCKS_KEPT + STORE_LEVELS_MAX + sums;
}

u64 *pool_own_word(struct pool *pool, u32 *root, u32 level, u64 index, enum store_node_kind leaf)
{
	u32 block = pool_own_node(pool, *root, level == 1 ? leaf : STORE_NODE_INNER);

	if (block == 0)
		return NULL;
	*root = block;
	for (; level > 1; level--) {
		u64 reach = pool_reach(level);
		u64 *word = &pool_node(pool, block)->word[index / reach];
		u32 below = pool_own_node(pool, (u32)*word, level == 2 ? leaf : STORE_NODE_INNER);

		if (below == 0)
			return NULL;
		*word = below;
		block = below;
		index %= reach;
	}
	return &pool_node(pool, block)->word[index];
}

bool pool_put(struct pool *pool, u64 id, u64 index, u32 chunk)
{
	struct store_record *record;
	u64 *word;

	if (!pool_has_blocks(pool) || (chunk != NO_CHUNK && !pool_forget_sum(pool, chunk)))
		return false;
	record = pool_change(pool, id);
	if (record == NULL)
		return false;
	word = pool_own_word(pool, &record->root,
			     pool_levels(pool_chunks_of(pool, record->sectors)), index,
			     STORE_NODE_LEAF);
	if (word == NULL)
		return false;
	if (*word != 0)
		pool_give_chunk(pool, (u32)*word - 1);
	*word = chunk == NO_CHUNK ? 0 : (u64)chunk + 1;
	pool->dirty = true;
	return true;
}

const struct store_node *pool_find_leaf(const struct pool *pool, u32 root, u32 level, u64 index,
					u64 *first, u64 *end)
{
	u32 block = root;
	u64 at = index;

	for (; block != 0 && level > 1; level--) {
		u64 reach = pool_reach(level);

		block = (u32)pool_node(pool, block)->word[at / reach];
		at %= reach;
	}
	*first = index - at;
	*end = *first + pool_reach(level + 1);
	return block != 0 ? pool_node(pool, block) : NULL;
}

/* Adds the chunks of a leaf to the count; `alone` says whether only one volume finds the leaf. */
static void pool_count_words(const struct pool *pool, const struct store_node *leaf, bool alone,
			     struct pool_count *count)
{
	for (u32 i = 0; i < STORE_FAN; i++) {
		bool own = alone && leaf->word[i] != 0 && pool->chunk[leaf->word[i] - 1].uses == 1;

		count->own += own;
		count->shared += !own && leaf->word[i] != 0;
	}
}

bool pool_count_chunks(const struct pool *pool, const struct store_record *record, u64 *index,
		       struct pool_count *count)
{
	u32 level = pool_levels(pool_chunks_of(pool, record->sectors));
	u32 block = record->root;
	u64 at = *index;
	bool alone = true;

	for (; block != 0; level--) {
		const struct store_node *node = pool_node(pool, block);
		u64 reach = pool_reach(level);

		alone = alone && pool->block[block].uses == 1;
		if (level == 1) {
			pool_count_words(pool, node, alone, count);
			*index += STORE_FAN - at;
			return true;
		}
		block = (u32)node->word[at / reach];
		at %= reach;
	}
	*index += pool_reach(level + 1) - at;
	return false;
}
