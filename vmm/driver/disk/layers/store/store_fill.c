/* SPDX-License-Identifier: MIT */
/*
 * Prepares the store for a client's request: makes a chunk that only the volume uses, with the
 * volume's content; or writes zeros in a part of such a chunk; or removes the chunk. Called by
 * store.c while the device has no request of the volume, so that no request still reads a chunk
 * that is given up here.
 */
#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/driver/disk/layers/store/store.h"

#define NO_CHUNK ~0u

enum { FILL_READ, FILL_WRITE, FILL_WRITTEN, FILL_ZERO, FILL_ZEROED, FILL_PUT };

static struct store_client *store_filled(const struct open_store *store)
{
	return &store_clients[store->step.client];
}

static u64 store_index_of(const struct open_store *store)
{
	return store_filled(store)->sector / store->pool.super.chunk_sectors;
}

static void store_fill_end(struct open_store *store, bool good)
{
	struct store_client *client = store_filled(store);

	store->job = JOB_NONE;
	/* not earlier: a client that tries again in vain has waited all the time */
	store->page->wait[store->step.client] = STORE_WAIT_NOT;
	client->failed = !good;
	client->after = store->pool.dirty ? store->pool.now : store->pool.committed;
}

/*
 * Publishes to the manager why the client still waits, and ends the job so that other stores and
 * clients get their turn.
 */
static void store_fill_wait(struct open_store *store, enum store_wait why)
{
	store->job = JOB_NONE;
	store->page->wait[store->step.client] = why;
	store_filled(store)->starved_at = store->pool.committed + 1;
	store->told = false;
}

static void store_fill_put(struct open_store *store)
{
	if (pool_put(&store->pool, store_filled(store)->volume, store_index_of(store),
		     store->step.to)) {
		store->pool.copied_chunks += store->step.from != NO_CHUNK;
		store_sum_wake(store);
		store_fill_end(store, true);
		return;
	}
	if (store->step.to != NO_CHUNK)
		pool_give_chunk(&store->pool, store->step.to);
	store_fill_wait(store, STORE_WAIT_METADATA);
}

/*
 * Returns whether the client's request is a discard that is left out, as is permitted, because no
 * block is free to record it.
 */
static bool store_is_spared(const struct open_store *store, const struct store_client *client)
{
	return client->operation == BLOCK_DISCARD && !pool_has_blocks(&store->pool);
}

/*
 * Removes the sum of a chunk that only the volume uses. The client continues once neither
 * superblock leads to the sum, and then repeats its request to the store.
 */
static void store_fill_unsum(struct open_store *store, u32 chunk)
{
	struct store_client *client = store_filled(store);

	if (!pool_unsum(&store->pool, chunk)) {
		store_fill_wait(store, STORE_WAIT_METADATA);
		return;
	}
	store_sum_wake(store);
	store_fill_end(store, true);
	client->want = WANT_CHUNK;
	client->after = store->pool.now + 1;
	store->commit_until = client->after;
}

/* Prepares a chunk that only the volume uses, and that stays where it is. */
static void store_fill_in_place(struct open_store *store, u32 chunk)
{
	if (pool_is_summed(&store->pool, chunk)) {
		store_fill_unsum(store, chunk);
		return;
	}
	if (store_filled(store)->want == WANT_CHUNK) {
		store_fill_end(store, true);
		return;
	}
	/* a sum that is being computed must not count any more */
	store->pool.writes[chunk] |= POOL_WRITTEN;
	store_sum_wake(store);
	store->step.to = chunk;
	store->step.kept = true;
	store->step.step = FILL_ZERO;
}

void store_fill_begin(struct open_store *store, u32 index)
{
	struct store_client *client = &store_clients[index];
	const struct store_record *record = pool_find(&store->pool, client->volume);
	u32 chunk = NO_CHUNK;
	bool alone = false;
	bool mapped;

	store->job = JOB_FILL;
	store->step = (struct store_step){
		.client = index, .volume = client->volume, .from = NO_CHUNK, .to = NO_CHUNK};
	if (record == NULL) {
		store_fill_end(store, false);
		return;
	}
	mapped = pool_look_up(&store->pool, record, store_index_of(store), &chunk, &alone);
	if (client->want == WANT_UNMAP && (!mapped || store_is_spared(store, client))) {
		store_fill_end(store, true);
		return;
	}
	if (client->want != WANT_UNMAP && mapped && alone) {
		store_fill_in_place(store, chunk);
		return;
	}
	if (!pool_has_blocks(&store->pool)) {
		store_fill_wait(store, STORE_WAIT_METADATA);
		return;
	}
	if (client->want == WANT_UNMAP) {
		store->step.step = FILL_PUT;
		return;
	}
	store->step.to = pool_take_chunk(&store->pool);
	if (store->step.to == NO_CHUNK) {
		store_fill_wait(store, STORE_WAIT_FULL);
		return;
	}
	store->step.from = mapped ? chunk : NO_CHUNK;
	store->step.step = mapped ? FILL_READ : FILL_WRITE;
}

bool store_fills_for(const struct open_store *store, u32 client)
{
	return store->job == JOB_FILL && store->step.client == client && !store->step.left;
}

void store_fill_leave(struct open_store *store, u32 client)
{
	if (store_fills_for(store, client))
		store->step.left = true;
}

bool store_fill_holds(const struct open_store *store, u64 volume)
{
	return store->job == JOB_FILL && store->step.left && store->step.volume == volume;
}

/* Gives back the chunk that was taken for the client, and ends the job. */
static void store_fill_give_up(struct open_store *store)
{
	if (store->step.to != NO_CHUNK && !store->step.kept) {
		pool_give_chunk(&store->pool, store->step.to);
		/* forces a commit, after which a client that waits for a chunk tries again */
		store->pool.dirty = true;
	}
	store->job = JOB_NONE;
}

static bool store_fill_write(struct open_store *store)
{
	u32 sectors = store_piece_of(store);

	if (store->step.from == NO_CHUNK)
		memset(store_io_data(), 0, (size_t)sectors * BLOCK_SECTOR_BYTES);
	if (!store_io(store, BLOCK_WRITE, store_sector_of(store, store->step.to) + store->step.at,
		      sectors))
		return false;
	store->step.step = FILL_WRITTEN;
	return true;
}

static void store_fill_written(struct open_store *store)
{
	store->step.at += store_piece_of(store);
	if (store->step.at < store->pool.super.chunk_sectors)
		store->step.step = store->step.from != NO_CHUNK ? FILL_READ : FILL_WRITE;
	else if (store_filled(store)->want == WANT_ZEROES && store->step.from != NO_CHUNK)
		store->step.step = FILL_ZERO;
	else
		store->step.step = FILL_PUT;
}

/* Writes zeros to the part that the client's request names, STORE_IO_SECTORS at a time. */
static bool store_fill_zero(struct open_store *store)
{
	const struct store_client *client = store_filled(store);
	u64 first = client->sector % store->pool.super.chunk_sectors;
	u32 sectors = MIN(STORE_IO_SECTORS, client->sectors - store->step.zeroed);

	memset(store_io_data(), 0, (size_t)sectors * BLOCK_SECTOR_BYTES);
	if (!store_io(store, BLOCK_WRITE,
		      store_sector_of(store, store->step.to) + first + store->step.zeroed, sectors))
		return false;
	store->step.zeroed += sectors;
	store->step.step = FILL_ZEROED;
	return true;
}

static void store_fill_zeroed(struct open_store *store)
{
	if (store->step.zeroed < store_filled(store)->sectors)
		store->step.step = FILL_ZERO;
	else if (store->step.kept)
		store_fill_end(store, true);
	else
		store->step.step = FILL_PUT;
}

bool store_fill_step(struct open_store *store)
{
	bool wrote = store->step.step == FILL_WRITTEN || store->step.step == FILL_ZEROED ||
		     (store->step.step == FILL_WRITE && store->step.from != NO_CHUNK);

	if (store->step.left || store_lease_is_stale(store)) {
		/*
		 * with a stale lease the client's request stays, and is done after the next commit
		 */
		store_fill_give_up(store);
		return true;
	}
	if (wrote && store_io_status() != BLOCK_OK) {
		store_fill_give_up(store);
		store_fill_end(store, false);
		return true;
	}
	switch (store->step.step) {
	case FILL_READ:
		if (!store_io(store, BLOCK_READ,
			      store_sector_of(store, store->step.from) + store->step.at,
			      store_piece_of(store)))
			return false;
		store->step.step = FILL_WRITE;
		return true;
	case FILL_WRITE:
		return store_fill_write(store);
	case FILL_WRITTEN:
		store_fill_written(store);
		return true;
	case FILL_ZERO:
		return store_fill_zero(store);
	case FILL_ZEROED:
		store_fill_zeroed(store);
		return true;
	default:
		store_fill_put(store);
		return true;
	}
}
