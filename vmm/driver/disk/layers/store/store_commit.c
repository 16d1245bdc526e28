/* SPDX-License-Identifier: MIT */
/*
 * Writes a generation, all changes of a store since the last commit, to the disk: its nodes to
 * blocks that no superblock leads to, then, once the disk has flushed these, the new superblock
 * over the older of the two. Called by store.c. If anything goes wrong before the superblock is
 * written, the previous generation stays in force.
 */
#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/driver/disk/layers/store/pool_load.h"
#include "vmm/driver/disk/layers/store/store.h"
#include "vmm/rt/clock.h"

enum {
	COMMIT_LOOK,
	COMMIT_CONFIRM,
	COMMIT_NODES,
	COMMIT_COPIES,
	COMMIT_FLUSH,
	COMMIT_SUPER,
	COMMIT_LAST_FLUSH,
	COMMIT_DONE,
};

/* Begins to commit the pool's present generation: from now on changes belong to the next one. */
void store_commit_begin(struct open_store *store)
{
	struct pool *pool = &store->pool;

	store->job = JOB_COMMIT;
	store->step = (struct store_step){
		.step = store_is_leased(store) || store->lease.makes ? COMMIT_LOOK : COMMIT_NODES,
		.then = COMMIT_NODES,
		.fresh = pool_freeze(pool),
	};
	pool->super.version = pool->super.needs != 0 ? STORE_VERSION_NEEDS : STORE_VERSION;
	store->version = pool->super.version;
	store->needs = pool->super.needs;
	if (pool->super.copies != 0)
		pool->super.copied = pool->super.generation;
	store->step.super = pool->super;
	if (store->lease.releases)
		store->step.super.session = 0;
	store_io_forget();
}

static void store_commit_end(struct open_store *store)
{
	pool_committed(&store->pool, store->step.fresh);
	store_lease_renew(store);
	if (store->state == STORE_LOADING && store->opening == 0)
		store->state = STORE_READY;
	store->job = JOB_NONE;
	store->told = false;
	/* a commit that only renews the lease changes no volume */
	store->count.due = store->count.due || store->step.fresh != 0;
	store->check.rested = true;
	store->rested = true;
}

/* Writes a block. Returns false if the device has no room now. */
static bool store_write_block(const struct open_store *store, u64 sector, const void *from)
{
	memcpy(store_io_data(), from, STORE_BLOCK_BYTES);
	return store_io(store, BLOCK_WRITE, sector, STORE_BLOCK_SECTORS);
}

/*
 * Writes the next node, or the next node's copy; after the last node continues with the commit's
 * next step.
 */
static bool store_commit_node(struct open_store *store)
{
	bool copy = store->step.step == COMMIT_COPIES;
	struct store_node *node;
	u32 block;

	if (store->step.at == store->step.fresh || (copy && store->pool.super.copies == 0)) {
		store->step.at = 0;
		store->step.step++;
		return true;
	}
	block = store->pool.fresh[store->step.at];
	node = pool_node(&store->pool, block);
	node->check = store_block_check(node, &node->check);
	if (!store_write_block(store,
			       copy ? pool_copy_sector(&store->pool, block)
				    : pool_block_sector(&store->pool, block),
			       node))
		return false;
	store->step.at++;
	return true;
}

static bool store_commit_flush(struct open_store *store)
{
	if (store_has_feature(store, DISK_FLUSH) && !store_io(store, BLOCK_FLUSH, 0, 0))
		return false;
	store->step.step++;
	return true;
}

static bool store_commit_super(struct open_store *store)
{
	struct store_superblock *super = &store->step.super;

	super->check = store_block_check(super, &super->check);
	if (!store_write_block(store, super->generation % 2 * STORE_BLOCK_SECTORS, super))
		return false;
	store_lease_written(store, super);
	store->step.step++;
	return true;
}

/*
 * Begins to read both superblocks, to see whether the store is still this host's. Returns false if
 * the device has no room now.
 */
static bool store_commit_look(struct open_store *store)
{
	if (store_lease_is_slow(store)) {
		store_fail(store, STORE_FAILED, "its disk is too slow for its lease");
		return true;
	}
	store->lease.looked_tsc = clock_tsc();
	if (!store_io(store, BLOCK_READ, 0, 2 * STORE_BLOCK_SECTORS))
		return false;
	store->step.step = COMMIT_CONFIRM;
	return true;
}

static bool store_commit_confirm(struct open_store *store)
{
	if (store_lease_confirm(store))
		store->step.step = store->step.then;
	return true;
}

/* Ends the commit, or looks once more, after a wait, whether its superblock is still there. */
static bool store_commit_done(struct open_store *store)
{
	if (store_lease_settle(store)) {
		store->step.step = COMMIT_LOOK;
		store->step.then = COMMIT_DONE;
		return true;
	}
	store_commit_end(store);
	return true;
}

/* Returns whether the next step writes although another host may have taken the store by now. */
static bool store_commit_is_late(const struct open_store *store)
{
	return (store->step.step == COMMIT_NODES || store->step.step == COMMIT_COPIES ||
		store->step.step == COMMIT_SUPER) &&
	       store_lease_is_stale(store);
}

bool store_commit_step(struct open_store *store)
{
	/* before a look after a wait, the last request was another store's */
	if (store->step.step != COMMIT_LOOK && store_io_status() != BLOCK_OK) {
		store_fail(store, STORE_FAILED, "its metadata could not be written");
		return true;
	}
	if (store_commit_is_late(store)) {
		store->step.then = store->step.step;
		store->step.step = COMMIT_LOOK;
	}
	switch (store->step.step) {
	case COMMIT_LOOK:
		return store_commit_look(store);
	case COMMIT_CONFIRM:
		return store_commit_confirm(store);
	case COMMIT_NODES:
	case COMMIT_COPIES:
		return store_commit_node(store);
	case COMMIT_FLUSH:
	case COMMIT_LAST_FLUSH:
		return store_commit_flush(store);
	case COMMIT_SUPER:
		return store_commit_super(store);
	default:
		return store_commit_done(store);
	}
}
