/* SPDX-License-Identifier: MIT */
/*
 * Loads a store: reads both superblocks and then each node to which the chosen one leads. Called by
 * store.c; pool_load.c checks the blocks.
 */
#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/driver/disk/layers/store/pool_load.h"
#include "vmm/driver/disk/layers/store/store.h"

enum { LOAD_START, LOAD_SUPERS, LOAD_NEXT, LOAD_READ, LOAD_NODE, LOAD_READ_COPY, LOAD_COPY };

void store_load_begin(struct open_store *store)
{
	store_forget(store);
	store->state = STORE_LOADING;
	store->job = JOB_LOAD;
	store->step = (struct store_step){.step = LOAD_START};
	store->told = false;
}

static u8 *store_pool_memory(const struct open_store *store)
{
	return (u8 *)store->page + STORE_PAGE_BYTES;
}

static void store_load_end(struct open_store *store, enum store_state state, const char *problem)
{
	store->job = JOB_NONE;
	store->state = state;
	store->reason = problem;
	store->told = false;
}

/*
 * Lets the job look again later whether the host that has the store commits, or ends the job if
 * this host had the store before.
 */
static void store_load_watch(struct open_store *store)
{
	if (store->given.held != 0 && !store->lease.asked) {
		/* VMs that still have volumes do not know another host's writes to them */
		store_load_end(store, STORE_LOST, "another host has taken it");
		return;
	}
	store->step.step = LOAD_START;
	store->reason = "this host watches whether the one that holds it commits";
	store->told = false;
}

/*
 * Returns whether the store may be loaded. If another host has it, ends the job or lets it look
 * again later.
 */
static bool store_load_may_have(struct open_store *store, const struct store_superblock *super)
{
	switch (store_lease_look(store, super)) {
	case LEASE_FREE:
		return true;
	case LEASE_WATCH:
		store_load_watch(store);
		return false;
	case LEASE_HELD:
		store_load_end(store, STORE_HELD, "that host has committed since it is watched");
		return false;
	case LEASE_NO_HOST:
		store_load_end(store, STORE_HELD, "this host has no identity to hold it by");
		return false;
	default:
		store_load_end(store, STORE_HELD, "its lease is longer than a lease can be");
		return false;
	}
}

static bool store_load_supers(struct open_store *store)
{
	struct store_superblock *pair = (void *)store_io_data();
	const char *problem = "";
	u32 chosen = 0;
	enum store_state state = pool_choose(pair, store->given.sectors, &chosen, &problem);

	if (state == STORE_LOADING || state == STORE_NEWER) {
		store->version = pair[chosen].version;
		store->needs = pair[chosen].needs;
	}
	if (state != STORE_LOADING) {
		store_load_end(store, state, problem);
		return true;
	}
	if (!store_load_may_have(store, &pair[chosen]))
		return true;
	if (STORE_PAGE_BYTES + pool_bytes(pair[chosen].blocks, pair[chosen].chunks) >
	    store->given.bytes) {
		store_load_end(store, STORE_SHORT, "");
		return true;
	}
	if (pair[chosen].copied != pair[chosen].generation)
		pair[chosen].copies = 0;
	pool_open(&store->pool, &pair[chosen], store_pool_memory(store));
	problem = pool_load_begin(&store->pool);
	if (problem != NULL)
		store_load_end(store, STORE_BROKEN, problem);
	store->step.step = LOAD_NEXT;
	return true;
}

static bool store_load_next(struct open_store *store)
{
	const char *problem;

	store->step.at = pool_load_next(&store->pool);
	store->step.step = LOAD_READ;
	if (store->step.at != 0)
		return true;
	problem = pool_load_end(&store->pool);
	/*
	 * One commit makes both superblocks equally new and flushes the disk, which the last
	 * process may not have done before it ended.
	 */
	store->opening = 1;
	store_lease_claim(store);
	if (problem == NULL && store->step.zeroed != 0)
		/* the check writes damaged nodes anew, from their copies */
		store_check_begin(store);
	if (problem == NULL && store_is_leased(store)) {
		/* the store is this host's once both superblocks say so */
		store->opening = 2;
		store->job = JOB_NONE;
		return true;
	}
	store_load_end(store, problem == NULL ? STORE_READY : STORE_BROKEN,
		       problem != NULL ? problem : "");
	return true;
}

/*
 * Begins to read from the store's disk; the job then continues with the step `then`. Returns false
 * if the device has no room now.
 */
static bool store_load_read(struct open_store *store, u64 sector, u32 sectors, u32 then)
{
	if (!store_io(store, BLOCK_READ, sector, sectors))
		return false;
	store->step.step = then;
	return true;
}

/*
 * Reads the copy of the node that was read, also if the node itself is good: the disk may have kept
 * an earlier node in the place to which it reported to have written this one.
 */
static void store_load_look_for_copy(struct open_store *store, bool usable)
{
	store->step.kept = usable;
	store->step.step = LOAD_READ_COPY;
	store_io_forget();
}

/*
 * Puts the copy that was read in the place of the node, if the node cannot be used or is of an
 * earlier generation. Returns why there is no node, or NULL.
 */
static const char *store_load_choose(struct open_store *store)
{
	static struct store_node first;
	const struct store_node *copy = (const void *)store_io_data();
	struct store_node *node = pool_node(&store->pool, store->step.at);
	const char *problem = "its disk cannot be read";

	if (store->step.kept &&
	    (store_io_status() != BLOCK_OK || copy->generation <= node->generation))
		return NULL;
	memcpy(&first, node, sizeof(first));
	if (store_io_status() == BLOCK_OK) {
		memcpy(node, copy, sizeof(*node));
		problem = pool_load_look(&store->pool, store->step.at);
	}
	if (problem != NULL && store->step.kept) {
		memcpy(node, &first, sizeof(first));
		return NULL;
	}
	store->step.zeroed++; /* nodes that were taken from their copies */
	return problem;
}

/* Checks the node, or the copy, that was read; after the last of them uses the right one. */
static bool store_load_node(struct open_store *store)
{
	struct pool *pool = &store->pool;
	u32 block = store->step.at;
	const char *problem = "its disk cannot be read";

	if (store->step.step == LOAD_COPY) {
		problem = store_load_choose(store);
	} else {
		if (store_io_status() == BLOCK_OK) {
			memcpy(pool_node(pool, block), store_io_data(), STORE_BLOCK_BYTES);
			problem = pool_load_look(pool, block);
		}
		if (pool->super.copies != 0) {
			store_load_look_for_copy(store, problem == NULL);
			return true;
		}
	}
	if (problem == NULL)
		problem = pool_load_take(pool, block);
	if (problem != NULL)
		store_load_end(store, STORE_BROKEN, problem);
	store->step.step = LOAD_NEXT;
	return true;
}

bool store_load_pauses(const struct open_store *store)
{
	return store->job == JOB_LOAD && store->step.step == LOAD_NEXT;
}

bool store_load_step(struct open_store *store)
{
	if (store->step.step == LOAD_START)
		return store_load_read(store, 0, 2 * STORE_BLOCK_SECTORS, LOAD_SUPERS);
	if (store->step.step == LOAD_NEXT)
		return store_load_next(store);
	if (store->step.step == LOAD_READ)
		return store_load_read(store, pool_block_sector(&store->pool, store->step.at),
				       STORE_BLOCK_SECTORS, LOAD_NODE);
	if (store->step.step == LOAD_READ_COPY)
		return store_load_read(store, pool_copy_sector(&store->pool, store->step.at),
				       STORE_BLOCK_SECTORS, LOAD_COPY);
	if (store->step.step != LOAD_SUPERS)
		return store_load_node(store);
	if (store_io_status() == BLOCK_OK)
		return store_load_supers(store);
	store_load_end(store, STORE_BROKEN, "its disk cannot be read");
	return true;
}
