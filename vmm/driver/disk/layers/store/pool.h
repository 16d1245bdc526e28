/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/status.h"
#include "vmm/driver/disk/layers/store/format.h"

/*
 * A store's metadata in memory: nodes, how often each node and chunk is used, and the volumes.
 * Knows neither the disk nor clients; what changes is written by commit.c.
 *
 * A change belongs to the generation `now`. A node of an earlier generation is never changed but
 * copied, so that what the disk has stays whole. What is freed in a generation is used again only
 * when neither of the last two superblocks leads to it.
 */
#define POOL_BLOCKS_KEPT 16u /* free ones that are kept for dropping volumes */
_Static_assert(POOL_BLOCKS_KEPT >= STORE_ITEM_MAX, "one for each volume of a command");
/* Generations whose blocks may be found by a superblock, and one more. */
#define POOL_UNSETTLED 4u

struct pool_item {
	u32 uses; /* words that name it, or volumes; 0: it is free */
	u32 lost; /* low bits of the generation in which it lost a use; 0: it never has */
};

struct pool {
	struct store_superblock super;
	u64 now;		 /* the generation that changes belong to */
	u64 committed;		 /* the last generation that is on the disk */
	bool dirty;		 /* something belongs to `now` */
	u8 *nodes;		 /* the blocks, by number */
	struct pool_item *block; /* by number */
	struct pool_item *chunk; /* by number */
	u32 *fresh;		 /* nodes that were made since the last freeze, and before it */
	u32 fresh_count;
	u32 free_blocks;	       /* with no use, among them some that cannot be used yet */
	u32 unsettled[POOL_UNSETTLED]; /* of these, freed in a generation, by its lowest bits */
	u32 free_chunks;
	u32 next_block; /* where the search for a free one begins */
	u32 next_chunk;
	u32 record_count;    /* volumes */
	u64 reserved_chunks; /* that the volumes' sizes may come to, in all */
	u32 dropping;	     /* a list of nodes without use whose words still count */
	u64 copied_chunks;
};

/* Returns the memory that pool_open needs for these numbers, in bytes. */
u64 pool_bytes(u32 blocks, u32 chunks);
/* Sets up an empty pool in `memory`; `super` says how many blocks and chunks there are. */
void pool_open(struct pool *pool, const struct store_superblock *super, u8 *memory);

static inline struct store_node *pool_node(const struct pool *pool, u32 block)
{
	return (struct store_node *)(void *)(pool->nodes + (u64)block * STORE_BLOCK_BYTES);
}

/* Returns how many levels the tree of a volume with so many chunks has. */
u32 pool_levels(u64 chunks);
static inline u64 pool_chunks_of(const struct pool *pool, u64 sectors)
{
	return (sectors + pool->super.chunk_sectors - 1) / pool->super.chunk_sectors;
}

/*
 * Ends the generation: what changes from now on belongs to the next one. Returns how many of
 * `fresh` have to be written with it.
 */
u32 pool_freeze(struct pool *pool);
/* Takes over that the frozen generation is on the disk. */
void pool_committed(struct pool *pool, u32 fresh);

/* --- pool_volume.c: records --- */

/* Returns the volume's record, to be read, or NULL. */
const struct store_record *pool_find(const struct pool *pool, u64 id);
/* Does the same. *number says where the volume was found last, and is looked at first. */
const struct store_record *pool_find_again(const struct pool *pool, u64 id, u32 *number);
const struct store_record *pool_find_name(const struct pool *pool, const char *name);
/* Returns the record with that number, or NULL if it is free. */
const struct store_record *pool_record(const struct pool *pool, u32 number);
/* Returns the volume's record, to be changed in this generation; NULL: there is no free node. */
struct store_record *pool_change(struct pool *pool, u64 id);
/*
 * Adds a volume of `sectors` that holds what `from` does (0: zeros), and returns its id. STORE_OK,
 * or why not.
 */
enum store_status pool_add(struct pool *pool, const struct store_item *item, u64 from, u32 flags,
			   u64 now_s, u64 *id);
/* Returns how many free blocks can be taken now. */
u32 pool_blocks_now(const struct pool *pool);
/* Returns whether they are enough for any change of a volume, besides dropping others. */
bool pool_has_blocks(const struct pool *pool);
/* Drops a volume; what it alone held is freed by pool_sweep. */
enum store_status pool_drop(struct pool *pool, u64 id);
/*
 * Returns whether a volume can go back to the other one, and makes sure of the node that this
 * needs; adds to *more the chunks that are to be reserved besides those that are.
 */
enum store_status pool_may_roll_back(struct pool *pool, u64 id, u64 other, s64 *more);
/* Lets a volume hold what the other one does. */
enum store_status pool_roll_back(struct pool *pool, u64 id, u64 other);
enum store_status pool_resize(struct pool *pool, u64 id, u64 sectors);
enum store_status pool_rename(struct pool *pool, u64 id, const char *name, u64 key_tag);

/* --- pool_map.c: what a volume holds --- */

/*
 * Says where a chunk of a volume is: *chunk is its number, and *alone whether nothing else uses it,
 * so that it may be written to. Returns false if the chunk reads as zeros.
 */
bool pool_look_up(const struct pool *pool, const struct store_record *record, u64 index, u32 *chunk,
		  bool *alone);
/*
 * Lets the volume's chunk be `chunk`, which pool_take_chunk has returned; ~0u: it reads as zeros
 * from now on. What was there loses a use. Returns false if there is no free node.
 */
bool pool_put(struct pool *pool, u64 id, u64 index, u32 chunk);
/* Returns a free chunk, with a use; ~0u: there is none that can be used now. */
u32 pool_take_chunk(struct pool *pool);
/* Gives back a chunk that was not put anywhere. */
void pool_give_chunk(struct pool *pool, u32 chunk);
/* Frees what dropped volumes held, `steps` nodes at most. Returns whether more is to be done. */
bool pool_sweep(struct pool *pool, u32 steps);
/*
 * Adds to *own the chunks that only this volume has, from chunk *index of it on, where a leaf
 * begins; *index is then where to go on. Looks at one leaf, and returns true, or passes by a part
 * that reads as zeros or that others share.
 */
bool pool_count_own(const struct pool *pool, const struct store_record *record, u64 *index,
		    u64 *own);

/* --- inside --- */

u32 pool_take_block(struct pool *pool);
/* Returns a node that belongs to `now`, a copy of `block` (0: an empty one); 0: there is none. */
u32 pool_own_node(struct pool *pool, u32 block, enum store_node_kind kind);
void pool_use_block(struct pool *pool, u32 block);
void pool_lose_block(struct pool *pool, u32 block);
