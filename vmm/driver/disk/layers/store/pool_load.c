/* SPDX-License-Identifier: MIT */
/*
 * Reads a store's metadata: chooses the superblock, and checks each node before anything in it is
 * used. Called by store_load.c, which reads the blocks that pool_load_next returns. The disk's
 * content may be damaged or hostile: each number in it is checked before its use.
 */
#include "vmm/driver/disk/layers/store/pool_load.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/rt/crc32c.h"

/*
 * While a pool is being loaded, a block's `lost` holds its level in the tree in these low bits and,
 * above them, the number of the next block to be read.
 */
#define LEVEL_BITS    3u
#define LEVEL_SUMS    4u /* the level of a leaf with sums; inner nodes are above it */
#define LEVEL_RECORDS 7u /* the level that is used for a node with volumes' records */
_Static_assert(STORE_LEVELS_MAX < LEVEL_SUMS && LEVEL_SUMS - 1 + STORE_LEVELS_MAX < LEVEL_RECORDS &&
		       LEVEL_RECORDS < 1u << LEVEL_BITS,
	       "a level tells what a node holds");

static u32 pool_level_of(const struct pool_item *item)
{
	return item->lost & ((1u << LEVEL_BITS) - 1);
}

u32 store_block_check(const void *block, u32 *check)
{
	u32 there = *check;
	u32 sum;

	*check = 0;
	sum = crc32c(0, block, STORE_BLOCK_BYTES);
	*check = there;
	return sum;
}

/* Returns why a superblock with a right checksum cannot be used, or NULL. */
static const char *pool_super_problem(const struct store_superblock *super, u64 sectors)
{
	struct pool_layout layout;

	if (super->version == STORE_VERSION && super->needs != 0)
		return "its superblock contradicts itself";
	if (super->chunk_sectors < STORE_CHUNK_LEAST || super->chunk_sectors > STORE_CHUNK_MOST ||
	    (super->chunk_sectors & (super->chunk_sectors - 1)) != 0)
		return "its superblock has chunks of no possible size";
	if (super->sectors > sectors)
		return "its disk has become smaller";
	if (!pool_layout_of(super, &layout) ||
	    ((super->needs & STORE_NEEDS_GROWN) != 0) != (super->size[0] != 0) ||
	    ((super->needs & STORE_NEEDS_LEASE) != 0) != (super->lease_s != 0))
		return "its superblock contradicts itself";
	for (u32 i = 0; i < STORE_RECORD_NODES; i++) {
		if (super->volumes[i] == 1 || super->volumes[i] >= super->blocks)
			return "its superblock names a block that cannot be";
	}
	if (super->sums != 0 &&
	    ((super->needs & (u32)STORE_NEEDS_SUMS) == 0 || super->sums == 1 ||
	     super->sums >= super->blocks || pool_levels(super->chunks) > STORE_LEVELS_MAX))
		return "its superblock names sums of data that cannot be";
	return NULL;
}

/* Returns why a superblock is one that this program does not know, or NULL. */
static const char *pool_super_newer_problem(const struct store_superblock *super)
{
	if (super->version != STORE_VERSION && super->version != STORE_VERSION_NEEDS)
		return "it was made by another version of Skerry";
	if (super->version == STORE_VERSION_NEEDS && (super->needs & ~(u32)STORE_NEEDS) != 0)
		return "it needs what this Skerry does not know";
	return NULL;
}

static bool pool_super_is_whole(struct store_superblock *super, u32 number)
{
	return super->magic == STORE_MAGIC && super->generation % 2 == number &&
	       store_block_check(super, &super->check) == super->check;
}

/* Returns whether `one` counts, of two superblocks that are whole. */
static bool pool_super_is_later(const struct store_superblock *one,
				const struct store_superblock *other)
{
	if (one->epoch != other->epoch)
		return one->epoch > other->epoch;
	return one->generation > other->generation;
}

enum store_state pool_choose(struct store_superblock *pair, u64 sectors, u32 *chosen,
			     const char **problem)
{
	bool whole[2] = {pool_super_is_whole(&pair[0], 0), pool_super_is_whole(&pair[1], 1)};
	const char *why;

	if (!whole[0] && !whole[1]) {
		bool marked = pair[0].magic == STORE_MAGIC || pair[1].magic == STORE_MAGIC;

		*problem = marked ? "both of its superblocks are damaged" : "";
		return marked ? STORE_BROKEN : STORE_EMPTY;
	}
	*chosen = !whole[0] || (whole[1] && pool_super_is_later(&pair[1], &pair[0])) ? 1 : 0;
	*problem = pool_super_newer_problem(&pair[*chosen]);
	if (*problem != NULL)
		return STORE_NEWER;
	why = pool_super_problem(&pair[*chosen], sectors);
	*problem = why != NULL ? why : "";
	return why != NULL ? STORE_BROKEN : STORE_LOADING;
}

/* --- nodes --- */

/*
 * Counts a use of a node at that level; at the first use, adds the node to the list of nodes to be
 * read. Returns false if no node of that level can be in `block`.
 */
static bool pool_load_use(struct pool *pool, u64 block, u32 level)
{
	struct pool_item *item;

	if (block < STORE_FIRST_NODE || block >= pool->super.blocks)
		return false;
	item = &pool->block[block];
	if (item->uses++ != 0)
		return pool_level_of(item) == level && level < LEVEL_SUMS;
	item->lost = pool->dropping << LEVEL_BITS | level;
	pool->dropping = (u32)block;
	pool->free_blocks--;
	return true;
}

const char *pool_load_begin(struct pool *pool)
{
	for (u32 i = 0; i < STORE_RECORD_NODES; i++) {
		u32 block = pool->super.volumes[i];

		if (block != 0 &&
		    (pool->block[block].uses != 0 || !pool_load_use(pool, block, LEVEL_RECORDS)))
			return "its superblock names a block twice";
	}
	if (pool->super.sums != 0 &&
	    !pool_load_use(pool, pool->super.sums,
			   LEVEL_SUMS - 1 + pool_levels(pool->super.chunks)))
		return "its superblock names a block twice";
	return NULL;
}

u32 pool_load_next(struct pool *pool)
{
	u32 block = pool->dropping;

	if (block != 0)
		pool->dropping = pool->block[block].lost >> LEVEL_BITS;
	return block;
}

static const char *pool_load_record(struct pool *pool, const struct store_record *record)
{
	u64 chunks = pool_chunks_of(pool, record->sectors);

	if (record->id >= pool->super.next_id || record->sectors == 0 ||
	    record->sectors % STORE_SIZE_SECTORS != 0 || record->sectors >> 40 != 0 ||
	    pool_levels(chunks) > STORE_LEVELS_MAX ||
	    (record->flags & ~(u32)STORE_VOLUME_FLAGS) != 0 || record->name[0] == '\0' ||
	    record->name[STORE_NAME_BYTES - 1] != '\0')
		return "the record of a volume cannot be right";
	if (record->root != 0 && !pool_load_use(pool, record->root, pool_levels(chunks)))
		return "a volume's tree begins at a block that cannot be";
	pool->record_count++;
	pool->reserved_chunks += chunks;
	return NULL;
}

static const char *pool_load_words(struct pool *pool, const struct store_node *node, u32 level)
{
	for (u32 i = 0; i < STORE_FAN; i++) {
		u64 word = node->word[i];

		if (word == 0)
			continue;
		if (level == LEVEL_SUMS) {
			if (word > (u64)~0u + 1)
				return "a sum of data is none that can be";
		} else if (level > 1) {
			if (!pool_load_use(pool, word, level - 1))
				return "a tree leads to a block that cannot be";
		} else if (word > pool->super.chunks ||
			   pool->chunk[word - 1].uses == POOL_METADATA) {
			return "a tree leads to a chunk that cannot be";
		} else if (pool->chunk[word - 1].uses++ == 0) {
			pool->free_chunks--;
		}
	}
	return NULL;
}

static u32 pool_kind_of(u32 level)
{
	return level == LEVEL_RECORDS ? STORE_NODE_VOLUMES
	       : level == 1	      ? STORE_NODE_LEAF
	       : level == LEVEL_SUMS  ? STORE_NODE_SUMS
				      : STORE_NODE_INNER;
}

const char *pool_load_look(struct pool *pool, u32 block)
{
	u32 kind = pool_kind_of(pool_level_of(&pool->block[block]));
	struct store_node *node = pool_node(pool, block);

	if (node->magic != STORE_MAGIC || store_block_check(node, &node->check) != node->check)
		return "a block of its metadata is damaged";
	if (node->kind != kind || node->block != block || node->generation > pool->super.generation)
		return "a block of its metadata is not the one that should be there";
	return NULL;
}

const char *pool_load_take(struct pool *pool, u32 block)
{
	u32 level = pool_level_of(&pool->block[block]);
	struct store_node *node = pool_node(pool, block);
	const char *problem = pool_load_look(pool, block);

	if (problem != NULL)
		return problem;
	if (level != LEVEL_RECORDS)
		return pool_load_words(pool, node, level);
	for (u32 i = 0; i < STORE_RECORDS && problem == NULL; i++) {
		if (node->record[i].id != 0)
			problem = pool_load_record(pool, &node->record[i]);
	}
	return problem;
}

const char *pool_load_end(struct pool *pool)
{
	/*
	 * each node and chunk counts as freed by a volume just now: the older superblock may also
	 * lead to it
	 */
	u32 lost = MAX((u32)pool->super.generation, 1);

	for (u32 i = pool->super.blocks; i-- > 0;) {
		pool->block[i].lost = lost;
		if (pool->block[i].uses == 0 && i >= STORE_FIRST_NODE)
			pool->next_block = i;
	}
	pool->unsettled[lost % POOL_UNSETTLED] = pool->free_blocks;
	for (u32 i = pool->super.chunks; i-- > 0;) {
		pool->chunk[i].lost = lost;
		/* where the first search begins, which else would pass all that are in use */
		if (pool->chunk[i].uses == 0)
			pool->next_chunk = i;
	}
	for (u32 i = 0; i < STORE_VOLUME_MAX; i++) {
		const struct store_record *record = pool_record(pool, i);

		if (record != NULL && (pool_find(pool, record->id) != record ||
				       pool_find_name(pool, record->name) != record))
			return "two of its volumes have the same name or number";
	}
	return NULL;
}
