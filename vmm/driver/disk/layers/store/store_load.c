/* SPDX-License-Identifier: MIT */
/*
 * Loads a store: reads both superblocks and then each node that one of them leads to. Called by
 * store.c; what is read is judged by pool_load.c.
 */
#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/driver/disk/layers/store/pool_load.h"
#include "vmm/driver/disk/layers/store/store.h"

enum { LOAD_START, LOAD_SUPERS, LOAD_NEXT, LOAD_NODE };

void store_load_begin(struct open_store *store)
{
	store->state = STORE_LOADING;
	store->job = JOB_LOAD;
	store->step = (struct store_step){.step = LOAD_START};
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

static bool store_load_supers(struct open_store *store)
{
	struct store_superblock *pair = (void *)store_io_data();
	const char *problem = "";
	u32 chosen = 0;
	enum store_state state = pool_choose(pair, store->given.sectors, &chosen, &problem);

	if (state != STORE_LOADING) {
		store_load_end(store, state, problem);
		return true;
	}
	if (STORE_PAGE_BYTES + pool_bytes(pair[chosen].blocks, pair[chosen].chunks) >
	    store->given.bytes) {
		store_load_end(store, STORE_SHORT, "");
		return true;
	}
	pool_open(&store->pool, &pair[chosen], store_pool_memory(store));
	problem = pool_load_begin(&store->pool);
	if (problem != NULL)
		store_load_end(store, STORE_BROKEN, problem);
	store->step.step = LOAD_NEXT;
	return true;
}

static bool store_load_next(struct open_store *store)
{
	u32 block = pool_load_next(&store->pool);
	const char *problem;

	if (block == 0) {
		problem = pool_load_end(&store->pool);
		store->opening = 1; /* both superblocks know then what this one knows */
		store_load_end(store, problem == NULL ? STORE_READY : STORE_BROKEN,
			       problem != NULL ? problem : "");
		return true;
	}
	store->step.at = block;
	store->step.step = LOAD_NODE;
	return store_io(store, BLOCK_READ, (u64)block * STORE_BLOCK_SECTORS, STORE_BLOCK_SECTORS);
}

bool store_load_step(struct open_store *store)
{
	const char *problem;

	if (store->step.step == LOAD_START) {
		if (!store_io(store, BLOCK_READ, 0, 2 * STORE_BLOCK_SECTORS))
			return false;
		store->step.step = LOAD_SUPERS;
		return true;
	}
	if (store->step.step == LOAD_NEXT)
		return store_load_next(store);
	if (store_io_status() != BLOCK_OK) {
		store_load_end(store, STORE_BROKEN, "its disk cannot be read");
		return true;
	}
	if (store->step.step == LOAD_SUPERS)
		return store_load_supers(store);
	memcpy(pool_node(&store->pool, store->step.at), store_io_data(), STORE_BLOCK_BYTES);
	problem = pool_load_take(&store->pool, store->step.at);
	if (problem != NULL)
		store_load_end(store, STORE_BROKEN, problem);
	store->step.step = LOAD_NEXT;
	return true;
}
