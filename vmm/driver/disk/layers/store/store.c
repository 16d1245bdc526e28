/* SPDX-License-Identifier: MIT */
/*
 * Runs the stores of a driver: takes stores and commands from the manager, and does one job of each
 * store at a time. Called by the loop (main.c). Owns the stores; clients' requests come through
 * store_layer.c.
 */
#include "vmm/driver/disk/layers/store/store.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/driver/disk/layers/store/pool_load.h"
#include "vmm/driver/process.h"
#include "vmm/rt/clock.h"

static struct open_store stores[STORE_MAX];
static u32 stores_given; /* the stores from this number on were never given */
static u32 turn;	 /* the index of the store that store_serve serves first */

struct open_store *store_open_at(u32 index)
{
	return &stores[index % STORE_MAX];
}

void store_fail(struct open_store *store, enum store_state state, const char *reason)
{
	store->job = JOB_NONE;
	store->state = state;
	store->reason = reason;
	store->told = false;
}

bool store_has_feature(const struct open_store *store, u32 feature)
{
	return (store->features & feature) != 0;
}

u64 store_sector_of(const struct open_store *store, u32 chunk)
{
	return store->pool.layout.first_sector + (u64)chunk * store->pool.super.chunk_sectors;
}

u32 store_piece_of(const struct open_store *store)
{
	return MIN(STORE_IO_SECTORS, store->pool.super.chunk_sectors - store->step.at);
}

u64 store_rest_until(u64 began, u32 times)
{
	u64 now = clock_tsc();

	return now + (now - began) * times;
}

void store_forget(struct open_store *store)
{
	store->reason = "";
	store->told_from = 0;
	store->commit_until = 0;
	store->lease = (struct store_lease){.asked = store->lease.retake};
	store->count = (struct store_count){.due = true, .not_before = store->count.not_before};
	store->check = (struct store_check){.under_way = false};
	store->sums = (struct store_sums){.count = 0};
	store->scrub = (struct store_scrub){.number = store->scrub.number};
}

static void store_take(struct open_store *store, const struct store_given *given, u32 features)
{
	*store = (struct open_store){.given = *given, .features = features};
	store->page = (struct store_page *)(uintptr_t)given->at;
	store->last = __atomic_load_n(&store->page->answer.number, __ATOMIC_ACQUIRE);
	store_load_begin(store);
}

void store_take_commands(struct driver_channel *channel)
{
	for (u32 i = 0; i < STORE_MAX; i++) {
		u32 number = __atomic_load_n(&channel->store[i].number, __ATOMIC_ACQUIRE);
		struct store_given given = channel->store[i];

		given.number = number;
		if (number != 0 && stores[i].given.number == 0 && given.unit < DISK_UNIT_MAX) {
			store_take(&stores[i], &given, channel->disk.unit[given.unit].features);
			stores_given = MAX(stores_given, i + 1);
		}
		if (stores[i].given.number != 0)
			store_command_take(&stores[i]);
	}
}

/*
 * Returns whether the device has requests of clients of the volume, including those of a client
 * that is still leaving while its successor has come.
 */
static bool store_volume_is_busy(const struct open_store *store, u64 volume)
{
	for (u64 set = store_client_set; set != 0; set &= set - 1) {
		u32 i = bit_lowest(set);

		if (clients[i].given.number != 0 && clients[i].waiting != 0 &&
		    store_clients[i].volume == volume &&
		    store_open_at(store_clients[i].store) == store)
			return true;
	}
	return false;
}

/*
 * Returns the index of the first client for whose waiting request (client->held) something has to
 * be made ready, or DISK_CLIENT_MAX.
 */
static u32 store_next_wish(const struct open_store *store)
{
	for (u64 set = store_client_set; set != 0; set &= set - 1) {
		u32 i = bit_lowest(set);
		const struct store_client *client = &store_clients[i];

		if (clients[i].given.number != 0 && client->want != WANT_NOTHING &&
		    client->after == 0 && client->starved_at != store->pool.committed + 1 &&
		    store_open_at(client->store) == store &&
		    !store_volume_is_busy(store, client->volume))
			return i;
	}
	return DISK_CLIENT_MAX;
}

/*
 * Returns whether a command or a client waits for a chunk or a node that a commit of the store
 * would free.
 */
static bool store_starves(const struct open_store *store)
{
	if (store_command_starves(store))
		return true;
	for (u64 set = store_client_set; set != 0; set &= set - 1) {
		u32 i = bit_lowest(set);

		if (store_clients[i].want != WANT_NOTHING && store_clients[i].starved_at != 0 &&
		    store_clients[i].after == 0 && store_open_at(store_clients[i].store) == store)
			return store->settling < 2;
	}
	return false;
}

/* Returns whether commits come before all other jobs, since superblocks have to be rewritten. */
static bool store_opens(const struct open_store *store)
{
	return (store->state == STORE_READY || store->state == STORE_LOADING) &&
	       store->opening != 0;
}

/* Returns whether there is something to commit, or something waits for a commit. */
static bool store_has_to_commit(const struct open_store *store)
{
	return store->pool.dirty || store->commit_until > store->pool.committed ||
	       store_starves(store);
}

/* Begins to read a chunk for its sum if that is due. Returns false if it is not. */
static bool store_begin_sum(struct open_store *store)
{
	u64 now = clock_tsc();

	store->rested = false;
	if (store_scrub_at(store) <= now)
		store_scrub_begin_job(store);
	else if (store_sum_at(store) <= now)
		store_sum_begin_job(store);
	else
		return false;
	return true;
}

/* Begins the store's next job. Returns false if there is nothing to do. */
static bool store_begin_job(struct open_store *store)
{
	u32 client = store->state == STORE_READY ? store_next_wish(store) : DISK_CLIENT_MAX;

	if (store_opens(store)) {
		store->opening--;
		store_commit_begin(store);
		return true;
	}
	if (store_lease_at(store) <= clock_tsc()) {
		store_commit_begin(store);
		return true;
	}
	if (store->state == STORE_READY && store->check.under_way && store->check.rested) {
		store_check_begin_job(store);
		return true;
	}
	if (store->state == STORE_READY && store->rested && store_begin_sum(store))
		return true;
	if (store_command_step(store))
		return true;
	if (store->lease.retake && !store->commanded) {
		store_load_begin(store);
		return true;
	}
	if (client < DISK_CLIENT_MAX) {
		store_fill_begin(store, client);
		return true;
	}
	if (store->state != STORE_READY)
		return false;
	if (pool_sweep(&store->pool, 4)) {
		store->told = false;
		return true;
	}
	if (store_has_to_commit(store)) {
		store->settling = store->pool.dirty ? 0 : store->settling + 1;
		store_commit_begin(store);
		return true;
	}
	if (store->check.under_way) {
		store_check_begin_job(store);
		return true;
	}
	if (store_begin_sum(store))
		return true;
	store_count_step(store);
	return false; /* as if nothing was done, so that clients' requests go first */
}

static bool store_step(struct open_store *store)
{
	switch (store->job) {
	case JOB_LOAD:
		return store_load_step(store);
	case JOB_FILL:
		return store_fill_step(store);
	case JOB_COMMIT:
		return store_commit_step(store);
	case JOB_CHECK:
		return store_check_step(store);
	case JOB_SUM:
		return store_sum_step(store);
	case JOB_SCRUB:
		return store_scrub_step(store);
	case JOB_GROW:
		return store_grow_step(store);
	default:
		return store_begin_job(store);
	}
}

/*
 * Returns whether other stores may have their turn although the store's job has not ended: it
 * rests, or is a load, which may take so long that another store would lose its lease meanwhile.
 */
static bool store_yields(const struct open_store *store)
{
	return store_rests(store) || store_load_pauses(store);
}

/*
 * Does steps of the store's jobs until one of its requests is at the disk, a job has ended or
 * yields, or nothing is left to do. Returns true if it did anything.
 */
static bool store_serve_one(struct open_store *store)
{
	bool any = false;

	for (u32 i = 0; i < 16 && !store_io_is_busy(); i++) {
		bool working = store->job != JOB_NONE;

		if (store_rests(store) || !store_step(store))
			break;
		any = true;
		if (working && (store->job == JOB_NONE || store_yields(store)))
			break; /* now it is the next store's turn */
	}
	if (!store->told && (store->job == JOB_NONE || store_rests(store)))
		store_tell(store);
	return any;
}

/* Returns the TSC at which the store has something to do even if no request ends; ~0: never. */
static u64 store_due_at(const struct open_store *store)
{
	u64 at;

	if (store->job != JOB_NONE)
		return store->lease.rest_tsc; /* all other work waits for the job's end */
	at = MIN(store_count_at(store), store_lease_at(store));
	return MIN(at, MIN(store_scrub_at(store), store_sum_at(store)));
}

/*
 * Returns whether the store has something to do now; a request that has just ended may be the
 * reason.
 */
static bool store_has_work(const struct open_store *store)
{
	if (store->job != JOB_NONE)
		return !store_rests(store);
	if (store->commanded &&
	    (store->commanded_after != 0 ? store->state != STORE_READY ||
						   store->commanded_after <= store->pool.committed
					 : !store_is_busy(store)))
		return true;
	if (store_due_at(store) <= clock_tsc() || store->lease.retake || store_opens(store))
		return true;
	return store->state == STORE_READY &&
	       (store_has_to_commit(store) || store->pool.dropping != 0 || store->check.under_way ||
		store_next_wish(store) < DISK_CLIENT_MAX);
}

bool store_may_wait(void)
{
	for (u32 i = 0; i < stores_given && !store_io_is_busy(); i++) {
		if (stores[i].given.number != 0 && store_has_work(&stores[i]))
			return false;
	}
	return true;
}

u64 store_deadline(void)
{
	u64 deadline = ~0ull;

	/* the end of a request that is under way comes first */
	for (u32 i = 0; i < stores_given && !store_io_is_busy(); i++) {
		if (stores[i].given.number != 0)
			deadline = MIN(deadline, store_due_at(&stores[i]));
	}
	return deadline;
}

bool store_serve(void)
{
	bool any = false;
	u32 first = turn;

	for (u32 i = 0; i < stores_given && !store_io_is_busy(); i++) {
		struct open_store *store = &stores[(first + i) % stores_given];

		/* a store keeps its turn until its job ends, since the stores share one buffer */
		if (store->given.number == 0)
			continue;
		any |= store_serve_one(store);
		if (store->job != JOB_NONE && !store_yields(store))
			return any;
		turn = (first + i + 1) % stores_given;
	}
	return any;
}
