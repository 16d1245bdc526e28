/* SPDX-License-Identifier: MIT */
/*
 * Compares the chunks that have sums with these, at the manager's command, one chunk at a time
 * between other jobs, and finds the volumes that have those that differ. Called by store.c. Changes
 * nothing on the disk.
 */
#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/driver/disk/layers/store/store.h"
#include "vmm/rt/clock.h"

enum { SCRUB_FIND, SCRUB_READ, SCRUB_NAME };

#define SCRUB_SKIPS 1024u /* the most chunks, or volumes' records, that one step passes */
/* After a chunk, a scrub rests for this number of times as long as reading took. */
#define SCRUB_REST 1u
/* The manager is told of the progress of a scrub each time it has read this number of chunks. */
#define SCRUB_TOLD 256u

void store_scrub_begin(struct open_store *store)
{
	if (store->scrub.under_way)
		return;
	store->scrub = (struct store_scrub){.under_way = true, .number = store->scrub.number};
	store->told = false;
}

u64 store_scrub_at(const struct open_store *store)
{
	return store->state == STORE_READY && store->scrub.under_way ? store->scrub.not_before
								     : ~0ull;
}

void store_scrub_begin_job(struct open_store *store)
{
	store->job = JOB_SCRUB;
	store->step = (struct store_step){.step = store->scrub.naming ? SCRUB_NAME : SCRUB_FIND,
					  .began = clock_tsc()};
}

static void store_scrub_end_step(struct open_store *store)
{
	store->scrub.not_before = store_rest_until(store->step.began, SCRUB_REST);
	store->job = JOB_NONE;
}

static void store_scrub_end(struct open_store *store)
{
	store->scrub.under_way = false;
	store->scrub.ended = true;
	store->scrub.number++;
	store->told = false;
	store->job = JOB_NONE;
}

static void store_scrub_find(struct open_store *store)
{
	struct store_scrub *scrub = &store->scrub;
	u32 end = store->pool.super.chunks;
	u32 sum;

	for (u32 i = 0; i < SCRUB_SKIPS && scrub->chunk < end; i++, scrub->chunk++) {
		if (!pool_has_data(&store->pool, scrub->chunk))
			continue;
		if (pool_sum(&store->pool, scrub->chunk, &sum)) {
			store_sum_read_begin(store, scrub->chunk++);
			store->step.step = SCRUB_READ;
			return;
		}
		scrub->without++;
	}
	scrub->naming = scrub->chunk == end && scrub->faults != 0;
	if (scrub->chunk == end && !scrub->naming)
		store_scrub_end(store);
	else
		store_scrub_end_step(store);
}

/*
 * Compares the chunk that was read with its sum. While this job is under way, the chunk can neither
 * lose its sum nor be written to.
 */
static void store_scrub_look(struct open_store *store, bool readable)
{
	struct store_scrub *scrub = &store->scrub;
	u32 sum;
	bool right = pool_sum(&store->pool, store->step.from, &sum) && readable &&
		     sum == store->step.sum;

	if (++scrub->sums % SCRUB_TOLD == 0)
		store->told = false;
	if (!right && scrub->faults < STORE_ROT_MAX)
		scrub->rotten[scrub->faults] = store->step.from;
	scrub->faults += !right;
	store_scrub_end_step(store);
}

static bool store_scrub_is_rotten(const struct store_scrub *scrub, u32 chunk)
{
	for (u32 i = 0; i < MIN(scrub->faults, STORE_ROT_MAX); i++) {
		if (scrub->rotten[i] == chunk)
			return true;
	}
	return false;
}

/* Searches one leaf of the volume, which begins with the volume's chunk `first`. */
static void store_scrub_search(struct open_store *store, const struct store_record *record,
			       const struct store_node *leaf, u64 first)
{
	struct store_scrub *scrub = &store->scrub;

	for (u32 i = 0; i < STORE_FAN && scrub->rot_count < STORE_ROT_MAX; i++) {
		if (leaf->word[i] == 0 || !store_scrub_is_rotten(scrub, (u32)leaf->word[i] - 1))
			continue;
		scrub->rot[scrub->rot_count++] = (struct store_rot){
			.volume = record->id,
			.sector = (first + i) * store->pool.super.chunk_sectors,
		};
	}
}

/* Searches volumes for rotten chunks, up to the next leaf. */
static void store_scrub_name(struct open_store *store)
{
	const struct pool *pool = &store->pool;
	struct store_scrub *scrub = &store->scrub;
	u64 first;

	for (u32 i = 0; i < SCRUB_SKIPS && scrub->record < STORE_VOLUME_MAX; i++) {
		const struct store_record *record = pool_record(pool, scrub->record);
		u64 chunks = record != NULL ? pool_chunks_of(pool, record->sectors) : 0;
		const struct store_node *leaf;

		if (scrub->index >= chunks) {
			scrub->record++;
			scrub->index = 0;
			continue;
		}
		leaf = pool_find_leaf(pool, record->root, pool_levels(chunks), scrub->index, &first,
				      &scrub->index);
		if (leaf == NULL)
			continue;
		store_scrub_search(store, record, leaf, first);
		break;
	}
	if (scrub->record == STORE_VOLUME_MAX || scrub->rot_count == STORE_ROT_MAX)
		store_scrub_end(store);
	else
		store_scrub_end_step(store);
}

bool store_scrub_step(struct open_store *store)
{
	bool ended;
	bool readable;

	if (store->step.step != SCRUB_READ) {
		if (store->step.step == SCRUB_FIND)
			store_scrub_find(store);
		else
			store_scrub_name(store);
		return true;
	}
	if (!store_sum_read(store, &ended, &readable))
		return false;
	if (ended)
		store_scrub_look(store, readable);
	return true;
}

void store_scrub_tell(const struct open_store *store, struct store_told *told)
{
	const struct store_scrub *scrub = &store->scrub;

	told->scrub = store_told_check(scrub->under_way, scrub->ended);
	told->scrub_sums = scrub->sums;
	told->scrub_without = scrub->without;
	told->scrub_faults = scrub->faults;
	told->scrub_number = scrub->number;
	told->rot_count = scrub->rot_count;
	memcpy(told->rot, scrub->rot, sizeof(told->rot));
}
