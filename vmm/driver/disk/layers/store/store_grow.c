/* SPDX-License-Identifier: MIT */
/*
 * Lets a store use the space by which its disk or partition has grown, at the manager's command.
 * Called by store.c and store_command.c. Before anything changes, the end of the disk is read: this
 * fails if the disk is smaller than its driver was told. Then the pool grows in one step, and the
 * superblock of the next commit contains the new size; an earlier superblock leads to the store as
 * it was.
 */
#include "lib/bits.h"
#include "vmm/driver/disk/layers/store/pool_load.h"
#include "vmm/driver/disk/layers/store/store.h"

enum { GROW_READ, GROW_LOOK };

void store_grow_begin(struct open_store *store)
{
	store->job = JOB_GROW;
	store->step = (struct store_step){.step = GROW_READ};
	store->commanded_after = ~0ull; /* the command is not answered before the job ends */
}

/*
 * Returns the size in sectors to which the store grows: the size in the command, as the manager may
 * have given the store more of its disk by now.
 */
static u64 store_grow_end(const struct open_store *store)
{
	return MIN(store->given.sectors, store->command.item[0].sectors);
}

static void store_grow(struct open_store *store)
{
	struct pool *pool = &store->pool;
	const char *problem =
		pool_grow(pool, store_grow_end(store), store->given.bytes - STORE_PAGE_BYTES);

	if (problem != NULL) {
		store_command_settle(store, STORE_NOT_READY, problem);
		return;
	}
	pool->super.command = store->command.number;
	/* a check under way begins anew: the places that it counts have other numbers now */
	store->check.block = 0;
	store->told = false;
	store_command_settle(store, STORE_OK, "");
}

bool store_grow_step(struct open_store *store)
{
	u64 end = store_grow_end(store);

	if (store->step.step == GROW_READ && end > store->pool.super.sectors) {
		store->step.step = GROW_LOOK;
		if (store_io(store, BLOCK_READ, end - STORE_BLOCK_SECTORS, STORE_BLOCK_SECTORS))
			return true;
		store->step.step = GROW_READ;
		return false;
	}
	store->job = JOB_NONE;
	if (store->step.step == GROW_LOOK && store_io_status() != BLOCK_OK)
		store_command_settle(
			store, STORE_DISK_ERROR,
			"the end of its disk cannot be read; the store stays as it is");
	else
		store_grow(store);
	return true;
}
