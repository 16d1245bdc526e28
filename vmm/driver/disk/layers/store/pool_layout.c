/* SPDX-License-Identifier: MIT */
/*
 * Says where a store's blocks and chunks lie, and makes the store larger. Called by pool_load.c,
 * pool_map.c and the stores' jobs. Touches memory only.
 *
 * A store that grows keeps all that it has where it is. The new room continues the chunks. As more
 * chunks ask for more metadata, the first of the new chunks become blocks, whose numbers continue
 * those of the blocks that are there, and with copies as many chunks behind these hold their
 * copies. All of this follows from the sizes that the store has had, which its superblock lists.
 */
#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/driver/disk/layers/store/pool.h"

/* The most chunks of a store that grows: the words of trees number chunks with 32 bits. */
#define CHUNKS_MAX BIT(31)

static u64 pool_first_chunk_sector(const struct store_superblock *super)
{
	return align_up((u64)super->blocks * STORE_BLOCK_SECTORS, super->chunk_sectors);
}

bool pool_lay_out(u64 sectors, u32 chunk_sectors, struct store_superblock *super)
{
	u64 first;

	super->sectors = sectors;
	super->chunk_sectors = chunk_sectors;
	super->blocks = (u32)store_metadata_blocks(sectors / chunk_sectors);
	first = pool_first_chunk_sector(super);
	super->chunks = sectors > first ? (u32)((sectors - first) / chunk_sectors) : 0;
	return super->chunks != 0;
}

/* Returns how many chunks this number of blocks takes, the last of them perhaps in part. */
static u32 pool_chunks_for(const struct store_superblock *super, u32 blocks)
{
	return (u32)(align_up((u64)blocks * STORE_BLOCK_SECTORS, super->chunk_sectors) /
		     super->chunk_sectors);
}

u32 pool_copies_for(const struct store_superblock *super)
{
	u32 chunks = pool_chunks_for(super, super->blocks);

	return super->chunks > chunks ? super->chunks - chunks + 1 : 0;
}

static u64 pool_chunk_sector(const struct store_superblock *super, const struct pool_layout *layout,
			     u32 chunk)
{
	return layout->first_sector + (u64)chunk * super->chunk_sectors;
}

/* Begins a layout with the ranges of a store that has not grown, according to its superblock. */
static void pool_layout_begin(const struct store_superblock *super, struct pool_layout *layout)
{
	struct pool_area *area = &layout->area[0];

	*layout = (struct pool_layout){.first_sector = pool_first_chunk_sector(super),
				       .area_count = 1};
	if (super->copies == 0)
		return;
	area->chunk = super->copies - 1;
	area->chunks = super->chunks - area->chunk;
	area->copy_sector = pool_chunk_sector(super, layout, area->chunk);
}

/*
 * Adds the ranges of a growth to `sectors` to a layout, and to the numbers in `super`. Returns
 * false if no growth to this size can have been.
 */
static bool pool_layout_add(struct store_superblock *super, u64 sectors, struct pool_layout *layout)
{
	struct pool_area *area = &layout->area[layout->area_count];
	u32 blocks;
	u32 chunks;
	u32 filled;

	if (sectors <= super->sectors || sectors / super->chunk_sectors > CHUNKS_MAX)
		return false;
	blocks = (u32)store_metadata_blocks(sectors / super->chunk_sectors);
	chunks = (u32)((sectors - layout->first_sector) / super->chunk_sectors);
	filled = pool_chunks_for(super, blocks - super->blocks);
	*area = (struct pool_area){
		.block = super->blocks,
		.chunk = super->chunks,
		.chunks = super->copies != 0 ? 2 * filled : filled,
		.sector = pool_chunk_sector(super, layout, super->chunks),
		.copy_sector = pool_chunk_sector(super, layout, super->chunks + filled),
	};
	if (chunks <= super->chunks + area->chunks)
		return false;
	layout->area_count += area->chunks != 0;
	super->sectors = sectors;
	super->blocks = blocks;
	super->chunks = chunks;
	return true;
}

/* Returns how often the store has grown. */
static u32 pool_growths(const struct store_superblock *super)
{
	u32 count = 0;

	while (count < STORE_GROWTHS_MAX && super->size[count] != 0)
		count++;
	return count;
}

/* Returns whether the list of sizes ends with its first 0, where the next growth is entered. */
static bool pool_sizes_end(const struct store_superblock *super)
{
	for (u32 i = pool_growths(super); i < STORE_GROWTHS_MAX; i++) {
		if (super->size[i] != 0)
			return false;
	}
	return true;
}

bool pool_layout_of(const struct store_superblock *super, struct pool_layout *layout)
{
	struct store_superblock right = *super;
	u64 first = super->size[0] != 0 ? super->size[0] : super->sectors;

	if (!pool_sizes_end(super) || !pool_lay_out(first, super->chunk_sectors, &right) ||
	    (super->copies != 0 && super->copies != pool_copies_for(&right)))
		return false;
	pool_layout_begin(&right, layout);
	for (u32 i = 0; i < STORE_GROWTHS_MAX && super->size[i] != 0; i++) {
		bool last = i + 1 == STORE_GROWTHS_MAX || super->size[i + 1] == 0;

		if (!pool_layout_add(&right, last ? super->sectors : super->size[i + 1], layout))
			return false;
	}
	return right.blocks == super->blocks && right.chunks == super->chunks;
}

/* Returns the area in which a block lies: the last one that does not begin behind it. */
static const struct pool_area *pool_area_of(const struct pool *pool, u32 block)
{
	u32 i = pool->layout.area_count - 1;

	while (pool->layout.area[i].block > block)
		i--;
	return &pool->layout.area[i];
}

u64 pool_block_sector(const struct pool *pool, u32 block)
{
	const struct pool_area *area = pool_area_of(pool, block);

	return area->sector + (u64)(block - area->block) * STORE_BLOCK_SECTORS;
}

u64 pool_copy_sector(const struct pool *pool, u32 block)
{
	const struct pool_area *area = pool_area_of(pool, block);

	return area->copy_sector + (u64)(block - area->block) * STORE_BLOCK_SECTORS;
}

void pool_keep_area(struct pool *pool, u32 index)
{
	const struct pool_area *area = &pool->layout.area[index];

	for (u32 i = 0; i < area->chunks; i++)
		pool->chunk[area->chunk + i].uses = POOL_METADATA;
	pool->free_chunks -= area->chunks;
	pool->data_chunks -= area->chunks;
}

void pool_place_tables(struct pool *pool, u32 blocks, u32 chunks)
{
	pool->block = (struct pool_item *)(void *)(pool->nodes + (u64)blocks * STORE_BLOCK_BYTES);
	pool->chunk = pool->block + blocks;
	pool->fresh = (u32 *)(void *)(pool->chunk + chunks);
	pool->writes = (u8 *)(pool->fresh + blocks);
}

/* --- growing --- */

/*
 * Moves the pool's tables to where those of a larger store are, and clears their new entries. Each
 * table moves up, so the last is moved first.
 */
static void pool_move_tables(struct pool *pool, u32 more_blocks, u32 more_chunks)
{
	u32 blocks = pool->super.blocks;
	u32 chunks = pool->super.chunks;
	const struct pool_item *block = pool->block;
	const struct pool_item *chunk = pool->chunk;
	const u32 *fresh = pool->fresh;
	const u8 *writes = pool->writes;

	pool_place_tables(pool, blocks + more_blocks, chunks + more_chunks);
	memmove(pool->writes, writes, chunks);
	memset(pool->writes + chunks, 0, more_chunks);
	memmove(pool->fresh, fresh, pool->fresh_count * sizeof(u32));
	memmove(pool->chunk, chunk, chunks * sizeof(struct pool_item));
	memset(pool->chunk + chunks, 0, more_chunks * sizeof(struct pool_item));
	memmove(pool->block, block, blocks * sizeof(struct pool_item));
	memset(pool->block + blocks, 0, more_blocks * sizeof(struct pool_item));
}

/*
 * Returns whether the tree of sums, if there is one, can be raised to cover this number of chunks.
 */
static bool pool_may_raise_sums(const struct pool *pool, u32 chunks)
{
	return pool->super.sums == 0 || pool_levels(chunks) == pool_levels(pool->super.chunks) ||
	       (pool_levels(chunks) <= STORE_LEVELS_MAX &&
		pool_blocks_now(pool) >= STORE_LEVELS_MAX &&
		pool->fresh_count + STORE_LEVELS_MAX <= pool->super.blocks);
}

/* Adds nodes on top of the tree of sums, if there is one, until it covers all chunks. */
static void pool_raise_sums(struct pool *pool, u32 old_chunks)
{
	u32 levels = pool_levels(pool->super.chunks);

	for (u32 i = pool_levels(old_chunks); i < levels && pool->super.sums != 0; i++) {
		u32 top = pool_own_node(pool, 0, STORE_NODE_INNER);

		pool_node(pool, top)->word[0] = pool->super.sums;
		pool->super.sums = top;
	}
}

/* Takes over the superblock and the layout of the larger store. */
static void pool_become(struct pool *pool, const struct store_superblock *super,
			const struct pool_layout *layout)
{
	u32 more_blocks = super->blocks - pool->super.blocks;
	u32 more_chunks = super->chunks - pool->super.chunks;
	bool has_new_area = layout->area_count != pool->layout.area_count;

	pool_move_tables(pool, more_blocks, more_chunks);
	pool->free_blocks += more_blocks;
	pool->free_chunks += more_chunks;
	pool->data_chunks += more_chunks;
	pool->super = *super;
	pool->layout = *layout;
	if (has_new_area)
		pool_keep_area(pool, layout->area_count - 1);
	pool->dirty = true;
}

const char *pool_grow(struct pool *pool, u64 sectors, u64 bytes)
{
	u32 growths = pool_growths(&pool->super);
	u32 old_chunks = pool->super.chunks;
	struct pool_layout layout = pool->layout;
	struct store_superblock super = pool->super;

	if (sectors <= super.sectors)
		return "its disk has no more than the store; `driver restart` looks at a disk anew";
	if (growths == STORE_GROWTHS_MAX)
		return "it has grown as often as a store can; move its volumes to a new store";
	if (!pool_layout_add(&super, sectors, &layout))
		return "its disk has grown by too little; it takes at least some chunks more";
	if (pool_bytes(super.blocks, super.chunks) > bytes)
		return "its memory is too small for that; `memory` in its section can give more";
	if (!pool_may_raise_sums(pool, super.chunks))
		return "the sums of its data find no room for so many chunks; drop a volume first";
	super.size[growths] = pool->super.sectors;
	super.needs |= STORE_NEEDS_GROWN;
	pool_become(pool, &super, &layout);
	pool_raise_sums(pool, old_chunks);
	return NULL;
}
