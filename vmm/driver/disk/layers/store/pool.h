/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/status.h"
#include "vmm/driver/disk/layers/store/format.h"

/*
 * A store's metadata in memory: nodes, the use counts of nodes and chunks, and the volumes. A
 * generation is the content of one commit. The pool knows neither the disk nor clients;
 * store_commit.c writes its changes to the disk.
 *
 * A change belongs to the generation `now`. A node of an earlier generation is never changed but
 * copied, so that the disk's copy of it stays whole. A block or chunk that is freed in a generation
 * is taken again only when neither of the last two superblocks leads to it.
 */
#define POOL_BLOCKS_KEPT 16u /* free metadata blocks that are set aside, for dropping volumes */
_Static_assert(POOL_BLOCKS_KEPT >= STORE_ITEM_MAX, "one for each volume of a command");
/*
 * A block that was freed is used again after this number of generations: a superblock on the disk
 * may still lead to those that were freed in the last three.
 */
#define POOL_UNSETTLED 4u

/* The `uses` of a chunk in which metadata lies. */
#define POOL_METADATA ~0u
/* The `uses` of a node that was dropped, and that is not free before pool_sweep has read it. */
#define POOL_DROPPED ~0u

struct pool_item {
	/* how many words of trees, or volumes, name this node or chunk; 0: it is free */
	u32 uses;
	/*
	 * the low bits of the generation in which a use of the node or chunk, or the chunk's sum,
	 * was last dropped; 0: never, or long ago
	 */
	u32 lost;
};

/*
 * Blocks that lie in a row: those in front of all chunks, which the store was made with, or those
 * that it got by a growth, which lie in chunks.
 */
struct pool_area {
	u32 block;	 /* the number of its first block */
	u32 chunk;	 /* the first chunk in which its blocks, or their copies, lie */
	u32 chunks;	 /* the number of the area's chunks, which volumes do not get */
	u64 sector;	 /* its first sector, counted from the store's first one */
	u64 copy_sector; /* the first sector of its copies, if the store keeps copies */
};

/* The places of a store's blocks and chunks. */
struct pool_layout {
	u64 first_sector; /* the sector at which chunk 0 begins, counted from the store's first */
	u32 area_count;
	struct pool_area area[1 + STORE_GROWTHS_MAX];
};

struct pool {
	struct store_superblock super;
	struct pool_layout layout;
	u32 data_chunks; /* number of chunks for data; the other chunks hold metadata */
	u64 now;	 /* the present generation, to which changes belong */
	u64 committed;	 /* the last generation that is completely on the disk */
	bool dirty;	 /* there are changes since the last commit began */
	u8 *nodes;	 /* the content of all metadata blocks, in the order of their numbers */
	struct pool_item *block; /* the metadata blocks, by number */
	struct pool_item *chunk; /* the chunks of data, by number */
	/*
	 * numbers of nodes to be written: first those of the generation being committed, then those
	 * of `now`
	 */
	u32 *fresh;
	u32 fresh_count;
	/* metadata blocks without uses, including those to which a superblock still leads */
	u32 free_blocks;
	/*
	 * how many of the free blocks were freed in each of the last generations; the index is the
	 * generation's lowest bits
	 */
	u32 unsettled[POOL_UNSETTLED];
	u32 free_chunks;
	u32 next_block; /* the number of the block at which the search for a free one begins */
	u32 next_chunk;
	u32 record_count;    /* the number of volumes */
	u64 reserved_chunks; /* the sum of all volumes' sizes, in chunks */
	/*
	 * the first of a list of unused nodes whose words still count as uses of the items that
	 * they name; 0: none
	 */
	u32 dropping;
	u64 copied_chunks;
	/*
	 * for each chunk the number of clients' writes to it that the device has, and POOL_WRITTEN
	 */
	u8 *writes;
};

/* The chunk was taken or written to since the search for chunks without a sum passed it last. */
#define POOL_WRITTEN 0x80u

/* Returns how many bytes of memory pool_open needs for this number of blocks and chunks. */
u64 pool_bytes(u32 blocks, u32 chunks);
/*
 * Sets up an empty pool in `memory`; `super`, which pool_layout_of has found right, has the number
 * of blocks and chunks.
 */
void pool_open(struct pool *pool, const struct store_superblock *super, u8 *memory);

/* Returns whether a chunk holds data of a volume: it is in use, and no metadata lies in it. */
static inline bool pool_has_data(const struct pool *pool, u32 chunk)
{
	return pool->chunk[chunk].uses != 0 && pool->chunk[chunk].uses != POOL_METADATA;
}

static inline struct store_node *pool_node(const struct pool *pool, u32 block)
{
	return (struct store_node *)(void *)(pool->nodes + (u64)block * STORE_BLOCK_BYTES);
}

/* Returns how many levels of nodes the tree of a volume with `chunks` chunks has. */
u32 pool_levels(u64 chunks);
static inline u64 pool_chunks_of(const struct pool *pool, u64 sectors)
{
	return (sectors + pool->super.chunk_sectors - 1) / pool->super.chunk_sectors;
}

/*
 * Ends the generation `now`, to be committed: later changes belong to the next generation. Returns
 * how many entries of `fresh`, from the first on, have to be written to complete the ended
 * generation.
 */
u32 pool_freeze(struct pool *pool);
/* Records that the generation ended by pool_freeze, with its `fresh` new nodes, is on the disk. */
void pool_committed(struct pool *pool, u32 fresh);

/* --- pool_layout.c: where blocks and chunks lie --- */

/*
 * Divides a disk of `sectors` sectors into metadata blocks and chunks, and sets their numbers in
 * `super`, that of a new store. Returns false if there are too few sectors.
 */
bool pool_lay_out(u64 sectors, u32 chunk_sectors, struct store_superblock *super);
/*
 * Finds out where a store's blocks and chunks lie. Returns false if the sizes and numbers in its
 * superblock contradict each other.
 */
bool pool_layout_of(const struct store_superblock *super, struct pool_layout *layout);
/*
 * Returns the field `copies` for a superblock of a new store, which is to keep copies of its nodes;
 * 0: the disk has no room for them.
 */
u32 pool_copies_for(const struct store_superblock *super);
/* Returns the sector, counted from the store's first one, of a block, or of its copy. */
u64 pool_block_sector(const struct pool *pool, u32 block);
u64 pool_copy_sector(const struct pool *pool, u32 block);
/* Marks the chunks of the area with that index as not for data. */
void pool_keep_area(struct pool *pool, u32 index);
/* Places the pool's tables behind its nodes, for this number of blocks and of chunks. */
void pool_place_tables(struct pool *pool, u32 blocks, u32 chunks);
/*
 * Makes the store as large as `sectors`, in the generation `now`; `bytes` is the size of the pool's
 * memory. All of the store's content stays at its place. Returns NULL, or a sentence that says why
 * it cannot grow, with the pool as it was.
 */
const char *pool_grow(struct pool *pool, u64 sectors, u64 bytes);

/* --- pool_volume.c: records --- */

/* Returns the volume's record, for reading only, or NULL. */
const struct store_record *pool_find(const struct pool *pool, u64 id);
/*
 * Does the same as pool_find, but looks first at record *number, where the volume was found last.
 */
const struct store_record *pool_find_again(const struct pool *pool, u64 id, u32 *number);
const struct store_record *pool_find_name(const struct pool *pool, const char *name);
/* Returns the record with that number, or NULL if it is free. */
const struct store_record *pool_record(const struct pool *pool, u32 number);
/*
 * Returns the volume's record, to be changed in the generation `now`. Returns NULL if there is no
 * such volume or no free node.
 */
struct store_record *pool_change(struct pool *pool, u64 id);
/*
 * Adds a volume of item->sectors sectors with the content of the volume `from` (0: zeros), and sets
 * *id. Returns STORE_OK, or why the volume cannot be added.
 */
enum store_status pool_add(struct pool *pool, const struct store_item *item, u64 from, u32 flags,
			   u64 now_s, u64 *id);
/* Returns how many of the free blocks no superblock leads to, so that they can be taken now. */
u32 pool_blocks_now(const struct pool *pool);
/*
 * Returns whether enough blocks are free for any change of a volume, beside the POOL_BLOCKS_KEPT
 * that are set aside for dropping volumes.
 */
bool pool_has_blocks(const struct pool *pool);
/* Drops a volume; pool_sweep frees the nodes and chunks that only this volume has used. */
enum store_status pool_drop(struct pool *pool, u64 id);
/*
 * Returns STORE_OK if the volume `id` can get the content of `other`, or why it cannot. Copies the
 * node of the volume's record now, so that the rollback itself needs no free node. Adds to *more
 * the chunks that the rollback will reserve.
 */
enum store_status pool_may_roll_back(struct pool *pool, u64 id, u64 other, s64 *more);
/* Gives the volume `id` the content and size of the volume `other`. */
enum store_status pool_roll_back(struct pool *pool, u64 id, u64 other);
/* Says by which key a volume is encrypted from now on. */
enum store_status pool_rekey(struct pool *pool, u64 id, const struct store_key *key);
enum store_status pool_resize(struct pool *pool, u64 id, u64 sectors);
enum store_status pool_rename(struct pool *pool, u64 id, const char *name, u64 key_tag);

/* --- pool_map.c: the content of volumes --- */

/*
 * Finds the chunk at `index` of a volume: sets *chunk to its number on the disk, and *alone to
 * whether no other volume and no superblock leads to it, so that it may be overwritten. Returns
 * false if the chunk reads as zeros.
 */
bool pool_look_up(const struct pool *pool, const struct store_record *record, u64 index, u32 *chunk,
		  bool *alone);
/*
 * Makes `chunk`, which pool_take_chunk has returned, the volume's chunk at `index`; with ~0u, that
 * part of the volume reads as zeros. The volume's former chunk there has one use less. Returns
 * false if there is no free node.
 */
bool pool_put(struct pool *pool, u64 id, u64 index, u32 chunk);
/*
 * Takes a free chunk, whose uses become 1, and returns its number. Returns ~0u if no chunk can be
 * taken now.
 */
u32 pool_take_chunk(struct pool *pool);
/*
 * Reduces a chunk's uses by one: a volume no longer has it, or it was taken but not put into one.
 */
void pool_give_chunk(struct pool *pool, u32 chunk);
/*
 * Frees at most `steps` nodes of dropped volumes, and lowers the use counts of the items that they
 * name. Returns whether more are left to free.
 */
bool pool_sweep(struct pool *pool, u32 steps);
/* The numbers of a volume's chunks: those that it alone uses, and those that it shares. */
struct pool_count {
	u64 own;
	u64 shared;
};
/*
 * Adds to *count the volume's chunks in one leaf of its tree, which begins at the volume's chunk
 * *index; then advances *index. Returns true if it has looked at a leaf, false if it has skipped a
 * part that reads as zeros.
 */
bool pool_count_chunks(const struct pool *pool, const struct store_record *record, u64 *index,
		       struct pool_count *count);

/*
 * Returns the leaf that has the word for `index` in a tree of that many levels, or NULL if the tree
 * has no node there. Sets *first and *end to the index with which the leaf, or the part without
 * nodes, begins, and to that behind it. `root` is the tree's root node, 0: none.
 */
const struct store_node *pool_find_leaf(const struct pool *pool, u32 root, u32 level, u64 index,
					u64 *first, u64 *end);

/* --- pool_sum.c: sums of chunks --- */

/* Returns whether the store's chunks can have sums: it is not too large for their tree. */
bool pool_can_sum(const struct pool *pool);
/* Returns whether the chunk, which a volume has, has a sum; if so, sets *sum to it. */
bool pool_sum(const struct pool *pool, u32 chunk, u32 *sum);
/*
 * Returns whether the chunk, which one volume alone has, must lose its sum, by pool_unsum, before
 * it is written to.
 */
bool pool_is_summed(const struct pool *pool, u32 chunk);
/* Gives a chunk its sum. Returns false if there is no free node. */
bool pool_set_sum(struct pool *pool, u32 chunk, u32 sum);
/*
 * Removes the chunk's sum. If chunks just before it were written to as well, also removes the sums
 * of as many chunks behind it. These chunks may be written to once the generation after `now` is on
 * the disk. Returns false if there is no free node.
 */
bool pool_unsum(struct pool *pool, u32 chunk);
/* Removes a sum of the chunk's earlier content, if one is left. Returns false if that fails. */
bool pool_forget_sum(struct pool *pool, u32 chunk);
/* Are called when the device gets a client's request that writes to the chunk, and at its end. */
void pool_write_begins(struct pool *pool, u32 chunk);
void pool_write_ends(struct pool *pool, u32 chunk);

/* --- functions that only the pool's own files call --- */

/* Returns how many chunks one word of a node at that level covers; leaves are at level 1. */
static inline u64 pool_reach(u32 level)
{
	u64 reach = 1;

	while (--level > 0)
		reach *= STORE_FAN;
	return reach;
}
/*
 * Returns the word for `index` in the leaf of a tree of that many levels, to be changed in the
 * generation `now`, or NULL if there is no free node. *root is the tree's root node, 0: none yet.
 */
u64 *pool_own_word(struct pool *pool, u32 *root, u32 level, u64 index, enum store_node_kind leaf);

u32 pool_take_block(struct pool *pool);
/*
 * Returns `block` if only one word names that node and it belongs to the generation `now`, else the
 * number of a copy of it, which may be changed; for `block` 0, of a new empty node. Returns 0 if
 * there is no free node.
 */
u32 pool_own_node(struct pool *pool, u32 block, enum store_node_kind kind);
void pool_use_block(struct pool *pool, u32 block);
void pool_lose_block(struct pool *pool, u32 block);
