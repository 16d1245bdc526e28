/* SPDX-License-Identifier: MIT */
/*
 * Lets one host at a time hold a store on a disk that several hosts reach. Called by store_load.c,
 * which watches whether another host still commits before it takes the store, by store_commit.c,
 * which looks at the superblocks before it writes, and by all code that is about to write data.
 *
 * A holder commits before each third of the lease has passed. Another host takes the store only if
 * it has seen the same superblock for longer than the lease. The holder's writes therefore need no
 * look at the disk until a lease after its last superblock was submitted (`until_tsc`); later ones
 * do. A host that takes the store, or still holds it after such a stall, writes a superblock within
 * a window after a look, waits for longer than this window and looks again: of all hosts that have
 * looked before, the last one to write has it (Fischer's algorithm).
 */
#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/driver/disk/layers/store/pool_load.h"
#include "vmm/driver/disk/layers/store/store.h"
#include "vmm/rt/clock.h"

/* Looks in a row after which the disk was too slow to write within the window. */
#define LEASE_LOOKS_MAX 64u

/* Returns the time of a lease of that number of seconds, or a part of it, in TSC cycles. */
static u64 store_lease_part(const struct open_store *store, u32 times, u32 parts)
{
	return clock_ns_to_tsc(store->lease.seconds * NS_PER_S / parts * times);
}

/* Returns for how long after a look at the superblocks one may be written (Fischer's delay). */
static u64 store_lease_window(const struct open_store *store)
{
	return store_lease_part(store, 1, 8);
}

bool store_is_leased(const struct open_store *store)
{
	return store->lease.seconds != 0;
}

bool store_lease_is_stale(const struct open_store *store)
{
	return store_is_leased(store) && clock_tsc() >= store->lease.until_tsc;
}

bool store_lease_bars(const struct open_store *store)
{
	return store_lease_is_stale(store) || store->lease.proving || store->lease.releases;
}

bool store_rests(const struct open_store *store)
{
	return store->job != JOB_NONE && clock_tsc() < store->lease.rest_tsc;
}

u64 store_lease_at(const struct open_store *store)
{
	if (!store_is_leased(store) || store->state != STORE_READY)
		return ~0ull;
	return store->lease.releases ? 0 : store->lease.beat_tsc;
}

static struct store_mark store_mark_of(const struct store_superblock *super)
{
	return (struct store_mark){
		.epoch = super->epoch, .generation = super->generation, .session = super->session};
}

static bool store_mark_equal(const struct store_mark *one, const struct store_mark *other)
{
	return one->epoch == other->epoch && one->generation == other->generation &&
	       one->session == other->session;
}

/* Keeps, for the manager, whose store it is according to a superblock. */
static void store_lease_see(struct open_store *store, const struct store_superblock *super)
{
	memcpy(store->owner.host, super->host, sizeof(store->owner.host));
	store->owner.epoch = super->epoch;
	store->owner.lease_s = super->lease_s;
}

/* --- loading --- */

static bool store_is_own(const struct open_store *store, const struct store_superblock *super)
{
	return memcmp(super->host, store->given.host, sizeof(super->host)) == 0;
}

/* Returns whether the manager has given this host's identity. */
static bool store_has_host(const struct store_given *given)
{
	static const u8 none[STORE_ID_BYTES];

	return memcmp(given->host, none, sizeof(none)) != 0;
}

enum store_lease_view store_lease_look(struct open_store *store,
				       const struct store_superblock *super)
{
	struct store_lease *lease = &store->lease;
	struct store_mark mark = store_mark_of(super);
	u64 now = clock_tsc();

	store_lease_see(store, super);
	lease->seconds = super->lease_s;
	if (super->lease_s != 0 && !store_has_host(&store->given))
		return LEASE_NO_HOST;
	if (super->lease_s > STORE_LEASE_MOST)
		return LEASE_TOO_LONG;
	if (super->lease_s == 0 || store_is_own(store, super)) {
		lease->seen = mark;
		lease->resumes = super->lease_s != 0 && super->session == store->given.session;
		lease->until_tsc = lease->resumes ? store->page->lease_until_tsc : 0;
		return LEASE_FREE;
	}
	if (super->session == 0 && (store->given.held == 0 || lease->asked)) {
		/*
		 * the owner has given the store back: any other host that takes it at this moment
		 * waits and looks, too
		 */
		lease->seen = mark;
		lease->settles = true;
		return LEASE_FREE;
	}
	if (!lease->watches) {
		lease->watches = true;
		lease->seen = mark;
		lease->since_tsc = now;
	}
	if (!store_mark_equal(&lease->seen, &mark))
		return LEASE_HELD;
	if (now - lease->since_tsc > store_lease_part(store, 5, 4)) {
		lease->settles = true;
		return LEASE_FREE;
	}
	lease->rest_tsc = now + store_lease_part(store, 1, 8);
	return LEASE_WATCH;
}

void store_lease_claim(struct open_store *store)
{
	struct store_superblock *super = &store->pool.super;
	const struct store_given *given = &store->given;

	if (!store_is_own(store, super) || super->session != given->session)
		super->epoch++;
	memcpy(super->host, given->host, sizeof(super->host));
	super->session = given->session;
	if (given->lease_s != STORE_LEASE_KEEP)
		super->lease_s = given->lease_s;
	super->needs &= ~(u32)STORE_NEEDS_LEASE;
	super->needs |= super->lease_s != 0 ? (u32)STORE_NEEDS_LEASE : 0;
	store->lease.seconds = MAX(store->lease.seconds, super->lease_s);
}

/* --- committing --- */

static void store_lease_lose(struct open_store *store, const char *reason)
{
	store_fail(store, store->state == STORE_READY ? STORE_LOST : STORE_HELD, reason);
}

/* Lets the commit write until the window after its last look has passed. */
static void store_lease_extend(struct open_store *store)
{
	struct store_lease *lease = &store->lease;

	/*
	 * a holder that has stalled, also one whose process has begun since, takes the store anew,
	 * as another host may be taking it
	 */
	if (lease->looked_tsc >= lease->until_tsc &&
	    (store->state == STORE_READY || lease->resumes) && !lease->proving)
		lease->settles = lease->proving = true;
	lease->until_tsc = MAX(lease->until_tsc, lease->looked_tsc + store_lease_window(store));
}

/*
 * Decides whether a store may be made on the disk's present content, which differs from the content
 * when the store was loaded if another host has been there since. The new store's epoch is the
 * highest.
 */
static bool store_lease_make(struct open_store *store, struct store_superblock *pair)
{
	struct store_lease *lease = &store->lease;
	const char *problem = "";
	u32 chosen = 2; /* neither superblock is whole */
	enum store_state there = pool_choose(pair, store->given.sectors, &chosen, &problem);
	bool good = lease->over || there == STORE_EMPTY;

	if (chosen < 2) {
		const struct store_superblock *newest = &pair[chosen];
		struct store_mark mark = store_mark_of(newest);

		good = good &&
		       (there == STORE_NEWER || newest->lease_s == 0 ||
			store_is_own(store, newest) || store_mark_equal(&mark, &lease->before));
		store->pool.super.epoch = MAX(store->pool.super.epoch, newest->epoch + 1);
		store->step.super.epoch = store->pool.super.epoch;
	}
	lease->until_tsc = lease->looked_tsc + store_lease_window(store);
	if (good)
		return true;
	store_fail(store, STORE_HELD, "another host has made it meanwhile");
	lease->retake = true; /* loads the other store once the command is answered */
	return false;
}

bool store_lease_confirm(struct open_store *store)
{
	struct store_superblock *pair = (void *)store_io_data();
	const struct store_superblock *newest;
	const char *problem = "";
	struct store_mark mark;
	u32 chosen = 0;

	if (store->lease.makes)
		return store_lease_make(store, pair);
	if (pool_choose(pair, store->given.sectors, &chosen, &problem) != STORE_LOADING) {
		store_lease_lose(store, "its superblocks are not there any more");
		return false;
	}
	newest = &pair[chosen];
	mark = store_mark_of(newest);
	if (memcmp(newest->id, store->pool.super.id, sizeof(newest->id)) == 0 &&
	    mark.session == store->lease.seen.session && mark.epoch == store->lease.seen.epoch &&
	    mark.generation <= store->lease.seen.generation) {
		/* if the last superblock is not there any more, two commits write both anew */
		if (mark.generation != store->lease.seen.generation)
			store->opening = 2;
		store_lease_extend(store);
		return true;
	}
	store_lease_see(store, newest);
	store_lease_lose(store, "another host has taken it");
	return false;
}

bool store_lease_is_slow(struct open_store *store)
{
	return ++store->lease.looks > LEASE_LOOKS_MAX;
}

void store_lease_written(struct open_store *store, const struct store_superblock *super)
{
	store->lease.submitted_tsc = clock_tsc();
	store->lease.seen = store_mark_of(super);
	store->lease.makes = false;
}

bool store_lease_settle(struct open_store *store)
{
	struct store_lease *lease = &store->lease;

	if (!store_is_leased(store) || !lease->settles)
		return false;
	lease->settles = false;
	lease->rest_tsc = clock_tsc() + store_lease_part(store, 1, 4);
	return true;
}

void store_lease_renew(struct open_store *store)
{
	struct store_lease *lease = &store->lease;

	lease->seconds = store->step.super.lease_s;
	lease->proving = false;
	lease->resumes = false;
	lease->looks = 0;
	lease->until_tsc = lease->submitted_tsc + store_lease_part(store, 1, 1);
	store->page->lease_until_tsc = lease->until_tsc;
	lease->beat_tsc = lease->submitted_tsc + store_lease_part(store, 1, 3);
	store_lease_see(store, &store->step.super);
	if (!lease->releases)
		return;
	store->page->lease_until_tsc = 0;
	store_fail(store, STORE_HELD, "this host has given it back; `store take` takes it again");
}

void store_lease_release(struct open_store *store)
{
	store->lease.releases = store_is_leased(store);
}
