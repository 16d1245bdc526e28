/* SPDX-License-Identifier: MIT */
/*
 * Gives sums to chunks that were not written to for a while, in rounds through all chunks and for a
 * small share of the time. Called by store.c, and by store_layer.c for each write of a client.
 * Reads chunks from the disk; pool_sum.c keeps the sums.
 *
 * A sum counts only if the device had no write to the chunk while the chunk was read, nor until the
 * sum is in the tree: the layer keeps pool.writes for this. The commit that writes the sum flushes
 * the disk first, so the data that were read are on the medium before the sum is.
 */
#include "lib/bits.h"
#include "vmm/driver/disk/layers/store/store.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/crc32c.h"

enum { SUM_FIND, SUM_READ };

#define SUM_SKIPS 1024u /* the most chunks that one step looks at */
/* After a step, giving sums rests for this number of times the step's length. */
#define SUM_REST 19u
_Static_assert(DRIVER_DEPTH < POOL_WRITTEN, "pool.writes counts a chunk's writes below that bit");

/* Returns whether chunks of the store get sums. */
static bool store_sums_chunks(const struct open_store *store)
{
	return store->given.sum_after_s != 0 && store->state == STORE_READY &&
	       pool_can_sum(&store->pool);
}

void store_sum_wake(struct open_store *store)
{
	store->sums.idle = false;
}

u64 store_sum_at(const struct open_store *store)
{
	return !store->sums.idle && store_sums_chunks(store) ? store->sums.not_before : ~0ull;
}

/* --- reading a chunk, also for a scrub --- */

void store_sum_read_begin(struct open_store *store, u32 chunk)
{
	store->step.from = chunk;
	store->step.at = 0;
	store->step.sum = 0;
	store->step.kept = false; /* no piece is being read yet */
}

bool store_sum_read(struct open_store *store, bool *ended, bool *readable)
{
	u64 sector = store_sector_of(store, store->step.from) + store->step.at;
	u32 piece = store_piece_of(store);

	*ended = false;
	*readable = true;
	if (!store->step.kept) {
		store->step.kept = store_io(store, BLOCK_READ, sector, piece);
		return store->step.kept;
	}
	store->step.kept = false;
	*readable = store_io_status() == BLOCK_OK;
	store->step.sum =
		crc32c(store->step.sum, store_io_data(), (size_t)piece * BLOCK_SECTOR_BYTES);
	store->step.at += piece;
	*ended = !*readable || store->step.at == store->pool.super.chunk_sectors;
	return true;
}

/* --- rounds --- */

/*
 * Puts the sums that were computed into the tree. Those of chunks that were written to, or given
 * up, since they were read do not count.
 */
static void store_sum_apply(struct open_store *store)
{
	struct store_sums *sums = &store->sums;
	struct pool *pool = &store->pool;

	for (u32 i = 0; i < sums->count; i++) {
		u32 chunk = sums->ready[i].chunk;

		if (pool->chunk[chunk].uses != 0 && pool->writes[chunk] == 0 &&
		    !pool_set_sum(pool, chunk, sums->ready[i].sum))
			break; /* no node is free; the next round computes the rest anew */
	}
	sums->count = 0;
}

static void store_sum_end_step(struct open_store *store)
{
	store->sums.not_before = store_rest_until(store->step.began, SUM_REST);
	store->job = JOB_NONE;
}

/* Ends a round. The next one begins when chunks have been left alone for long enough. */
static void store_sum_end_round(struct open_store *store)
{
	struct store_sums *sums = &store->sums;
	u64 quiet = clock_ns_to_tsc(store->given.sum_after_s * NS_PER_S);

	store_sum_apply(store);
	store_sum_end_step(store);
	sums->idle = !sums->again;
	sums->not_before = MAX(sums->not_before, sums->began + quiet);
	sums->chunk = 0;
}

void store_sum_begin_job(struct open_store *store)
{
	struct store_sums *sums = &store->sums;

	store->job = JOB_SUM;
	store->step = (struct store_step){.step = SUM_FIND, .began = clock_tsc()};
	if (sums->chunk != 0)
		return;
	sums->began = store->step.began;
	sums->again = false;
}

/*
 * Returns whether the chunk gets a sum now: it is in use, has none, and was not written to since
 * the last round.
 */
static bool store_sum_wants(struct open_store *store, u32 chunk)
{
	struct pool *pool = &store->pool;

	if (!pool_has_data(pool, chunk) || pool_is_summed(pool, chunk))
		return false;
	store->sums.again = true;
	if (pool->writes[chunk] == 0)
		return true;
	pool->writes[chunk] &= (u8)~POOL_WRITTEN;
	return false;
}

static void store_sum_find(struct open_store *store)
{
	struct store_sums *sums = &store->sums;
	u32 end = store->pool.super.chunks;

	for (u32 i = 0; i < SUM_SKIPS && sums->chunk < end; i++, sums->chunk++) {
		if (store_sum_wants(store, sums->chunk)) {
			store_sum_read_begin(store, sums->chunk++);
			store->step.step = SUM_READ;
			return;
		}
	}
	if (sums->chunk == end)
		store_sum_end_round(store);
	else
		store_sum_end_step(store);
}

static void store_sum_took(struct open_store *store, bool readable)
{
	struct store_sums *sums = &store->sums;

	if (readable && store->pool.writes[store->step.from] == 0) {
		sums->ready[sums->count].chunk = store->step.from;
		sums->ready[sums->count++].sum = store->step.sum;
	}
	if (sums->count == STORE_SUM_BATCH)
		store_sum_apply(store);
	store_sum_end_step(store);
}

bool store_sum_step(struct open_store *store)
{
	bool ended;
	bool readable;

	if (store->step.step == SUM_FIND) {
		store_sum_find(store);
		return true;
	}
	if (!store_sum_read(store, &ended, &readable))
		return false;
	if (ended)
		store_sum_took(store, readable);
	return true;
}
