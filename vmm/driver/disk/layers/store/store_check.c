/* SPDX-License-Identifier: MIT */
/*
 * Compares the metadata on a store's disk with that in memory, a block at a time between other
 * jobs, and rewrites blocks that the disk has spoiled. Called by store.c. The metadata in memory
 * was checked when it was loaded, and each of its blocks has a checksum.
 */
#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/driver/disk/layers/store/pool_load.h"
#include "vmm/driver/disk/layers/store/store.h"

enum { CHECK_FIND, CHECK_READ, CHECK_LOOK, CHECK_WRITE, CHECK_WRITTEN };

/* The most unused blocks that one step of a check skips. */
#define CHECK_SKIPS 4096u
/* The manager is told of the progress of a check each time it has checked this number of blocks. */
#define CHECK_TOLD 256u

void store_check_begin(struct open_store *store)
{
	if (!store->check.under_way)
		store->check = (struct store_check){.under_way = true};
}

void store_check_begin_job(struct open_store *store)
{
	store->job = JOB_CHECK;
	store->check.rested = false;
	store->step = (struct store_step){.step = CHECK_FIND};
}

/*
 * Returns the number of the block that is checked now: check.block counts all blocks, then their
 * copies in the same order.
 */
static u32 store_check_block(const struct open_store *store)
{
	return store->check.block % store->pool.super.blocks;
}

static bool store_check_is_copy(const struct open_store *store)
{
	return store->check.block >= store->pool.super.blocks;
}

static u64 store_check_sector(const struct open_store *store)
{
	u32 block = store_check_block(store);

	return store_check_is_copy(store) ? pool_copy_sector(&store->pool, block)
					  : pool_block_sector(&store->pool, block);
}

/*
 * Returns whether the block has to be checked: a superblock, or a node in use of a generation that
 * is on the disk.
 */
static bool store_check_wants(const struct open_store *store)
{
	const struct pool *pool = &store->pool;
	u32 block = store_check_block(store);
	const struct pool_item *item = &pool->block[block];

	if (block < STORE_FIRST_NODE)
		return !store_check_is_copy(store);
	return item->uses != 0 && item->uses != POOL_DROPPED &&
	       pool_node(pool, block)->generation <= pool->committed;
}

static void store_check_end(struct open_store *store)
{
	store->check.under_way = false;
	store->check.ended = true;
	/* the next commit, which this forces, makes the disk flush the rewritten blocks */
	store->pool.dirty = store->pool.dirty || store->check.mended != 0;
	store->told = false;
	store->job = JOB_NONE;
}

static void store_check_find(struct open_store *store)
{
	struct store_check *check = &store->check;
	u64 end = (store->pool.super.copies != 0 ? 2ull : 1ull) * store->pool.super.blocks;

	for (u32 i = 0; i < CHECK_SKIPS; i++, check->block++) {
		if (check->block == end) {
			store_check_end(store);
			return;
		}
		if (store_check_wants(store)) {
			store->step.step = CHECK_READ;
			return;
		}
	}
	store->job = JOB_NONE;
}

static void store_check_next(struct open_store *store)
{
	store->check.block++;
	if (++store->check.looked % CHECK_TOLD == 0)
		store->told = false;
	store->job = JOB_NONE;
}

/* Returns whether the superblock that was read is the last one that was written to its block. */
static bool store_check_super(const struct open_store *store)
{
	struct store_superblock *super = (void *)store_io_data();
	u64 age = store->pool.committed - super->generation;

	return super->magic == STORE_MAGIC && super->generation % 2 == store->check.block &&
	       age <= 1 && store_block_check(super, &super->check) == super->check;
}

static void store_check_look(struct open_store *store)
{
	struct store_check *check = &store->check;
	bool super = check->block < STORE_FIRST_NODE;
	struct store_node *node = pool_node(&store->pool, store_check_block(store));
	const u8 *node_bytes = (const u8 *)node;
	bool right = store_io_status() == BLOCK_OK;

	if (right && super)
		right = store_check_super(store);
	else if (right)
		right = memcmp(node_bytes, store_io_data(), STORE_BLOCK_BYTES) == 0;
	if (right) {
		store_check_next(store);
		return;
	}
	if (check->faults++ == 0)
		check->first = store_check_block(store);
	store->told = false;
	if (super) {
		store->opening = 2; /* two commits rewrite both superblocks */
		check->mended++;
		store_check_next(store);
	} else if (store_block_check(node, &node->check) == node->check) {
		store->step.step = CHECK_WRITE;
	} else {
		/* the node in memory is damaged, too, so it is not written */
		store_check_next(store);
	}
}

static bool store_check_write(struct open_store *store)
{
	if (store_lease_is_stale(store)) {
		store->job = JOB_NONE;
		return true;
	}
	memcpy(store_io_data(), pool_node(&store->pool, store_check_block(store)),
	       STORE_BLOCK_BYTES);
	if (!store_io(store, BLOCK_WRITE, store_check_sector(store), STORE_BLOCK_SECTORS))
		return false;
	store->step.step = CHECK_WRITTEN;
	return true;
}

bool store_check_step(struct open_store *store)
{
	switch (store->step.step) {
	case CHECK_FIND:
		store_check_find(store);
		return true;
	case CHECK_READ:
		if (!store_io(store, BLOCK_READ, store_check_sector(store), STORE_BLOCK_SECTORS))
			return false;
		store->step.step = CHECK_LOOK;
		return true;
	case CHECK_LOOK:
		store_check_look(store);
		return true;
	case CHECK_WRITE:
		return store_check_write(store);
	default:
		store->check.mended += store_io_status() == BLOCK_OK;
		store_check_next(store);
		return true;
	}
}
