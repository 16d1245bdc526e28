/* SPDX-License-Identifier: MIT */
/*
 * Tests of which of two hosts holds a store, whatever stalls and is late.
 */
#include "tests/unit/store_hosts.h"

#include "tests/random.h"

static u64 seed = RANDOM_SEED;

static u32 random_below(u32 bound)
{
	return (u32)(random_step(&seed) >> 20) % bound;
}

/* Returns the superblock on the disk that counts. */
static struct store_superblock *newest(void)
{
	struct store_superblock *pair = (void *)disk[0];
	const char *problem;
	u32 chosen = 0;

	assert_int_equal(pool_choose(pair, SECTORS, &chosen, &problem), STORE_LOADING);
	return &pair[chosen];
}

/* Makes a superblock's sum right after a change. */
static void correct(struct store_superblock *super)
{
	super->check = store_block_check(super, &super->check);
}

/* A store that needs what this program does not know is neither used nor written. */
static void test_needs(void **state)
{
	struct store_superblock *super = newest();
	static u8 before[sizeof(disk[0])];

	(void)state;
	super->needs |= 1u << 31;
	correct(super);
	memcpy(before, disk[0], sizeof(before));
	boot(1, 1, STORE_LEASE_KEEP);
	pass(2 * LEASE_NS, 2);
	assert_int_equal(stores[1].state, STORE_NEWER);
	assert_int_equal(page_of(1)->told.needs, super->needs);
	order(1, STORE_CREATE, "two");
	assert_int_equal(answer(1), STORE_NOT_READY);
	assert_memory_equal(before, disk[0], sizeof(before));
	super->version = STORE_VERSION; /* of programs that would not have written the bit */
	correct(super);
	boot(1, 1, STORE_LEASE_KEEP);
	run(1);
	assert_int_equal(stores[1].state, STORE_BROKEN);
	super->version = STORE_VERSION_NEEDS + 1;
	correct(super);
	boot(1, 1, STORE_LEASE_KEEP);
	run(1);
	assert_int_equal(stores[1].state, STORE_NEWER);
}

/* A host that lives keeps its store; when it has gone, another host takes it, but not earlier. */
static void test_takes(void **state)
{
	u64 epoch = stores[0].pool.super.epoch;

	(void)state;
	boot(1, 2, STORE_LEASE_KEEP);
	pass(2 * LEASE_NS, 3);
	assert_int_equal(stores[1].state, STORE_HELD);
	assert_int_equal(page_of(1)->told.owner.host[0], 1);
	assert_int_equal(stores[0].state, STORE_READY);
	order(1, STORE_FORMAT, "");
	stores[1].command.item[0].flags = STORE_FORMAT_OVER;
	assert_int_equal(answer(1), STORE_BAD);
	order(1, STORE_TAKE, "");
	assert_int_equal(answer(1), STORE_OK);
	pass(LEASE_NS, 2);
	assert_int_equal(stores[1].state, STORE_LOADING);
	pass(LEASE_NS, 2);
	assert_int_equal(stores[1].state, STORE_READY);
	assert_int_equal(stores[1].pool.super.epoch, epoch + 1);
	assert_int_equal(page_of(1)->told.owner.host[0], 2);
	assert_non_null(pool_find_name(&stores[1].pool, "one"));
	assert_int_equal(stores[1].pool.super.lease_s, LEASE);
}

/* The same host has its store at once, in its next boot and in its driver's next process. */
static void test_same_host(void **state)
{
	u64 before = now_tsc;
	u64 epoch = stores[0].pool.super.epoch;

	(void)state;
	boot(1, 1, STORE_LEASE_KEEP);
	run(1);
	assert_int_equal(stores[1].state, STORE_READY);
	assert_int_equal(now_tsc, before);
	assert_int_equal(stores[1].pool.super.epoch, epoch + 1);
	restart(1);
	run(1);
	assert_int_equal(stores[1].state, STORE_READY);
	assert_int_equal(stores[1].pool.super.epoch, epoch + 1);
	/* what ran before, and has the same identity, notices it */
	pass(LEASE_NS, 1);
	assert_int_equal(stores[0].state, STORE_LOST);
}

/* Without a lease all is as before leases were known, but that the last owner is named. */
static void test_no_lease(void **state)
{
	u64 before = now_tsc;

	(void)state;
	boot(0, 1, 0);
	run(0);
	assert_int_equal(stores[0].state, STORE_READY);
	assert_int_equal(newest()->version, STORE_VERSION);
	assert_int_equal(newest()->needs, 0);
	boot(1, 2, STORE_LEASE_KEEP);
	run(1);
	assert_int_equal(stores[1].state, STORE_READY);
	assert_int_equal(now_tsc, before);
	assert_int_equal(newest()->host[0], 2);
	boot(1, 0, STORE_LEASE_KEEP);
	run(1);
	assert_int_equal(stores[1].state, STORE_READY);
	assert_int_equal(newest()->host[0], 0);
	boot(0, 1, LEASE);
	run(0);
	assert_int_equal(newest()->needs, STORE_NEEDS_LEASE);
	boot(1, 0, STORE_LEASE_KEEP);
	run(1);
	assert_int_equal(stores[1].state, STORE_HELD);
}

/* What a volume's client asks for once another host has the store waits, and nothing is written. */
static void test_stalled_client(void **state)
{
	static u8 before[sizeof(disk[0])];
	(void)state;
	come_to_write();
	/* until a lease has passed the holder asks nobody */
	now_tsc += LEASE_NS / 3;
	assert_true(store_layer.may_ask(&clients[0]));
	boot(1, 2, STORE_LEASE_KEEP);
	pass(2 * LEASE_NS, 2);
	assert_int_equal(stores[1].state, STORE_READY);
	memcpy(before, disk[0], sizeof(before));
	assert_false(store_layer.may_ask(&clients[0]));
	assert_true(store_layer.waits(&clients[0]));
	run(0);
	assert_int_equal(stores[0].state, STORE_LOST);
	assert_int_equal(page_of(0)->told.owner.host[0], 2);
	assert_false(store_layer.may_ask(&clients[0]));
	assert_memory_equal(before, disk[0], sizeof(before));
	/* the driver's next process knows that a volume's client is from before */
	order(0, STORE_TAKE, "");
	assert_int_equal(answer(0), STORE_IN_USE);
	channel.store[0].held = 1;
	store_take(&stores[0], &channel.store[0], DISK_FLUSH);
	pass(2 * LEASE_NS, 1);
	assert_int_equal(stores[0].state, STORE_LOST);
	leave(0);
	order(0, STORE_TAKE, "");
	assert_int_equal(answer(0), STORE_OK);
	pass(2 * LEASE_NS, 3);
	assert_int_equal(stores[0].state, STORE_HELD);
	assert_int_equal(stores[1].state, STORE_READY);
}

/*
 * A holder stalls before any request to its disk, while it commits a change; another host takes the
 * store meanwhile. Then the holder writes nothing any more, and its change is not answered as done.
 */
static void test_stall_anywhere(void **state)
{
	static u8 before[sizeof(disk[0])];
	u32 lost = 0;

	for (u32 stall = 0; stall < 40; stall++) {
		end(state);
		begin_held(state);
		order(0, STORE_CREATE, "late");
		for (u32 i = 0; i < stall || ios[0].busy; i++)
			(void)step(0);
		boot(1, 2, STORE_LEASE_KEEP);
		pass(2 * LEASE_NS, 2);
		assert_int_equal(stores[1].state, STORE_READY);
		memcpy(before, disk[0], sizeof(before));
		run(0);
		assert_memory_equal(before, disk[0], sizeof(before));
		assert_int_equal(stores[0].state, STORE_LOST);
		if (page_of(0)->answer.number == command_number &&
		    page_of(0)->answer.status == STORE_OK)
			assert_non_null(pool_find_name(&stores[1].pool, "late"));
		else
			lost++;
	}
	assert_in_range(lost, 3, 39);
}

/*
 * A superblock that was with the disk when its host stalled, and is written at any later time,
 * takes the store from nobody: that of the higher epoch counts.
 */
static void test_late_superblock(void **state)
{
	for (u32 beats = 0; beats < 6; beats++) {
		end(state);
		begin_held(state);
		now_tsc += LEASE_NS / 3;
		do
			assert_true(step(0));
		while (!ios[0].busy || ios[0].operation != BLOCK_WRITE || ios[0].sector >= 16);
		boot(1, 2, STORE_LEASE_KEEP);
		pass(2 * LEASE_NS + beats * LEASE_NS / 3, 2);
		assert_int_equal(stores[1].state, STORE_READY);
		run(0); /* the write is done now */
		assert_int_equal(stores[0].state, STORE_LOST);
		pass(LEASE_NS, 2);
		assert_int_equal(stores[1].state, STORE_READY);
		assert_int_equal(newest()->host[0], 2);
	}
}

/* A holder that has stalled, and whose store nobody has taken, goes on. */
static void test_stall_alone(void **state)
{
	u64 epoch = stores[0].pool.super.epoch;

	(void)state;
	now_tsc += 5 * LEASE_NS;
	order(0, STORE_CREATE, "two");
	pass(LEASE_NS, 1);
	assert_int_equal(answer(0), STORE_OK);
	assert_int_equal(stores[0].state, STORE_READY);
	assert_int_equal(newest()->epoch, epoch);
}

/* A store whose job waits for a time has nothing else to do until then, whatever is due. */
static void test_rests(void **state)
{
	(void)state;
	now_tsc += 5 * LEASE_NS;
	run(0);
	assert_true(store_rests(&stores[0]));
	assert_int_equal(stores[0].state, STORE_READY);
	store_scrub_begin(&stores[0]);
	stores_given = 1;
	assert_true(store_may_wait());
	assert_int_equal(store_deadline(), stores[0].lease.rest_tsc);
	stores_given = 0;
	pass(LEASE_NS, 1);
	assert_int_equal(stores[0].scrub.number, 1);
}

/*
 * Two hosts take the store of one that is gone, or one that is gone comes back: in any order, with
 * any stall between a request and the next, drivers that are started anew, and writes that take at
 * most a window. Never do both have it.
 */
static void test_races(void **state)
{
	u32 won[3] = {0};

	for (u32 round = 0; round < 250; round++) {
		struct store_superblock *super;
		u64 busy_since[2] = {0};

		end(state);
		begin_held(state);
		seed = RANDOM_SEED ^ round * 0x9e3779b97f4a7c15ull;
		super = newest();
		super->host[0] = round % 3 == 0 ? 3 : 1; /* 3: a host that is gone */
		if (round % 2 == 0)
			super->session = 0; /* it has given the store back */
		correct(super);
		boot(0, 1, STORE_LEASE_KEEP);
		boot(1, 2, STORE_LEASE_KEEP);
		if (round % 3 == 1)
			pass(LEASE_NS + LEASE_NS / 4, 2); /* the other one is about to take it */
		for (u32 i = 0; i < 600; i++) {
			u32 which = random_below(2);

			for (u32 h = 0; h < 2; h++) { /* no write takes longer than a window */
				host = h;
				if (!io.busy)
					busy_since[h] = now_tsc;
				else if (now_tsc - busy_since[h] > WINDOW_NS / 2)
					(void)step(h);
			}
			(void)step(which);
			if (random_below(100) == 0)
				restart(which);
			if (random_below(30) == 0) { /* both stall, but no write does */
				for (u32 h = 0; h < 2; h++) {
					host = h;
					if (io.busy)
						(void)step(h);
				}
				now_tsc += (1 + random_below(3)) * LEASE_NS / 2;
			} else if (random_below(3) == 0) {
				now_tsc += WINDOW_NS / 4;
			}
			assert_false(stores[0].state == STORE_READY &&
				     !store_lease_is_stale(&stores[0]) &&
				     stores[1].state == STORE_READY &&
				     !store_lease_is_stale(&stores[1]));
		}
		pass(3 * LEASE_NS, 3);
		for (u32 h = 0; h < 2; h++) {
			if (stores[h].state == STORE_READY)
				won[h]++;
		}
		won[2] += stores[0].state != STORE_READY && stores[1].state != STORE_READY;
		assert_true(stores[0].state != STORE_READY || stores[1].state != STORE_READY);
		/* what the disk holds is whole */
		order(0, STORE_TAKE, "");
		boot(1, newest()->host[0], STORE_LEASE_KEEP);
		run(1);
		assert_int_equal(stores[1].state, STORE_READY);
	}
	assert_in_range(won[0], 20, 230);
	assert_in_range(won[1], 20, 230);
}

static void steps(u32 which, u32 count)
{
	while (count-- > 0)
		(void)step(which);
}

/*
 * One of two takers stops before it writes its first superblock; the other one goes on for any
 * number of steps, then the first one, then both. Time passes only in the end.
 */
static void test_schedules(void **state)
{
	static u8 metadata[64 * STORE_BLOCK_BYTES];
	u32 won[2] = {0};

	(void)state;
	newest()->host[0] = 3;
	correct(newest());
	memcpy(metadata, disk[0], sizeof(metadata));
	for (u32 i = 0; i < 3 * 40 * 20; i++) {
		memcpy(disk[0], metadata, sizeof(metadata));
		for (u32 h = 0; h < 2; h++) {
			boot(h, h + 1, STORE_LEASE_KEEP);
			run(h);
		}
		now_tsc += LEASE_NS + LEASE_NS / 3;
		while (stores[1].job != JOB_COMMIT || stores[1].step.step != COMMIT_SUPER)
			assert_true(step(1));
		steps(1, i % 3);
		steps(0, i / 3 % 40);
		steps(1, i / 120);
		for (u32 k = 0; k < 60; k++) {
			(void)step(k % 2);
			assert_false(stores[0].state == STORE_READY &&
				     stores[1].state == STORE_READY);
		}
		pass(LEASE_NS, 3);
		assert_true(stores[0].state != STORE_READY || stores[1].state != STORE_READY);
		for (u32 h = 0; h < 2; h++)
			won[h] += stores[h].state == STORE_READY;
	}
	assert_true(won[0] > 100 && won[1] > 100);
}

/* A host whose disk is so slow that it never writes within the window says so. */
static void test_slow(void **state)
{
	(void)state;
	now_tsc += 2 * LEASE_NS;
	for (u32 i = 0; i < 1000 && stores[0].state == STORE_READY; i++) {
		(void)step(0);
		now_tsc += LEASE_NS;
	}
	assert_int_equal(stores[0].state, STORE_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_needs, begin_held, end),
		cmocka_unit_test_setup_teardown(test_takes, begin_held, end),
		cmocka_unit_test_setup_teardown(test_same_host, begin_held, end),
		cmocka_unit_test_setup_teardown(test_no_lease, begin_held, end),
		cmocka_unit_test_setup_teardown(test_stalled_client, begin_held, end),
		cmocka_unit_test_setup_teardown(test_stall_anywhere, begin_held, end),
		cmocka_unit_test_setup_teardown(test_late_superblock, begin_held, end),
		cmocka_unit_test_setup_teardown(test_stall_alone, begin_held, end),
		cmocka_unit_test_setup_teardown(test_rests, begin_held, end),
		cmocka_unit_test_setup_teardown(test_races, begin_held, end),
		cmocka_unit_test_setup_teardown(test_schedules, begin_held, end),
		cmocka_unit_test_setup_teardown(test_slow, begin_held, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
