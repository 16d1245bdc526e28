/* SPDX-License-Identifier: MIT */
/*
 * Tests of who holds a store once a driver, or a whole store, has begun anew.
 */
#include "tests/unit/store_hosts.h"

/* Lets host 0 count what volumes have until it has nothing more to count. */
static void end_counting(void)
{
	for (u32 i = 0; i < 1000 && store_count_at(&stores[0]) <= now_tsc; i++)
		run(0);
	assert_int_equal(store_count_at(&stores[0]), ~0ull);
}

/*
 * A host that has lost its store and takes it again knows nothing of before: what it was checking
 * may not be there any more, and what volumes have is counted anew.
 */
static void test_takes_again(void **state)
{
	(void)state;
	come_to_write();
	leave(0);
	end_counting();
	assert_int_equal(page_of(0)->volume[0].own_bytes, CHUNK * 512);
	order(0, STORE_CHECK, "");
	for (u32 i = 0; stores[0].check.block < STORE_FIRST_NODE; i++) {
		assert_true(i < 100);
		(void)step(0);
	}
	while (ios[0].busy)
		(void)step(0);
	now_tsc += LEASE_NS;
	boot(1, 2, STORE_LEASE_KEEP);
	pass(2 * LEASE_NS, 2);
	assert_int_equal(stores[1].state, STORE_READY);
	run(0);
	assert_int_equal(stores[0].state, STORE_LOST);
	assert_true(stores[0].check.under_way);
	order(0, STORE_TAKE, "");
	assert_int_equal(answer(0), STORE_OK);
	pass(2 * LEASE_NS, 1);
	assert_int_equal(stores[0].state, STORE_READY);
	assert_int_equal(page_of(0)->told.check, STORE_CHECK_NONE);
	end_counting();
	assert_int_equal(page_of(0)->volume[0].own_bytes, CHUNK * 512);
}

static bool both_hold(void)
{
	return stores[0].state == STORE_READY && !store_lease_bars(&stores[0]) &&
	       stores[1].state == STORE_READY && !store_lease_bars(&stores[1]);
}

/*
 * The driver of a holder that has stalled is started anew while another host is about to take the
 * store: then one of them has it, not both.
 */
static void test_restart_while_taken(void **state)
{
	for (u32 before = 0; before < 16; before++) {
		end(state);
		begin_held(state);
		boot(1, 2, STORE_LEASE_KEEP);
		run(1);
		now_tsc += LEASE_NS + LEASE_NS / 3;
		while (stores[1].job != JOB_COMMIT || stores[1].step.step != COMMIT_SUPER)
			assert_true(step(1));
		restart(0);
		for (u32 i = 0; i < before; i++)
			(void)step(0);
		(void)step(1); /* gives its superblock to the disk */
		run(0);
		for (u32 i = 0; i < 40; i++) {
			pass(NS_PER_S / 2, 3);
			assert_false(both_hold());
		}
		pass(2 * LEASE_NS, 3);
		assert_true(stores[0].state == STORE_READY || stores[1].state == STORE_READY);
	}
}

/* A driver that is started anew within its lease goes on at once. */
static void test_restart_in_time(void **state)
{
	u64 before = now_tsc += LEASE_NS / 4;

	(void)state;
	restart(0);
	run(0);
	assert_int_equal(stores[0].state, STORE_READY);
	assert_int_equal(now_tsc, before);
}

/* Who saw the disk empty before another host made its store there makes none over it. */
static void test_format_late(void **state)
{
	static u8 before[sizeof(disk[0])];

	(void)state;
	memset(disk[0], 0, sizeof(disk[0]));
	boot(1, 2, LEASE);
	run(1);
	assert_int_equal(stores[1].state, STORE_EMPTY);
	boot(0, 1, LEASE);
	run(0);
	order(0, STORE_FORMAT, "");
	stores[0].command.item[0].sectors = 0;
	assert_int_equal(answer(0), STORE_OK);
	order(0, STORE_CREATE, "one");
	assert_int_equal(answer(0), STORE_OK);
	memcpy(before, disk[0], sizeof(before));
	order(1, STORE_FORMAT, "");
	stores[1].command.item[0].sectors = 0;
	assert_int_not_equal(answer(1), STORE_OK);
	assert_memory_equal(before, disk[0], sizeof(before));
}

/* A host with too little memory for another host's store makes none over it. */
static void test_format_short(void **state)
{
	static u8 before[sizeof(disk[0])];

	(void)state;
	memcpy(before, disk[0], sizeof(before));
	boot(1, 2, STORE_LEASE_KEEP);
	channel.store[1].bytes = STORE_PAGE_BYTES + 4096;
	store_take(&stores[1], &channel.store[1], DISK_FLUSH);
	pass(LEASE_NS / 2, 3);
	memcpy(before, disk[0], sizeof(before));
	stores[1].given.bytes = MEMORY; /* larger chunks would need as little */
	order(1, STORE_FORMAT, "");
	stores[1].command.item[0].sectors = 0;
	stores[1].command.item[0].flags = STORE_FORMAT_OVER;
	pass(2 * LEASE_NS, 2);
	assert_int_not_equal(page_of(1)->answer.status, STORE_OK);
	assert_memory_equal(before, disk[0], sizeof(before));
}

/* A holder makes its empty store anew also when it has had more than one epoch. */
static void test_format_own(void **state)
{
	(void)state;
	boot(0, 1, STORE_LEASE_KEEP);
	run(0);
	boot(0, 1, LEASE);
	run(0);
	assert_true(stores[0].pool.super.epoch > 2);
	order(0, STORE_DROP, "");
	stores[0].command.item[0].volume = pool_find_name(&stores[0].pool, "one")->id;
	assert_int_equal(answer(0), STORE_OK);
	order(0, STORE_FORMAT, "");
	stores[0].command.item[0].sectors = 0;
	stores[0].command.item[0].flags = STORE_FORMAT_OVER;
	assert_int_equal(answer(0), STORE_OK);
	assert_int_equal(stores[0].state, STORE_READY);
	pass(LEASE_NS, 1);
	assert_int_equal(stores[0].state, STORE_READY);
	restart(0);
	run(0);
	assert_int_equal(stores[0].state, STORE_READY);
}

/* A store that takes long to load leaves the driver's other store the time to keep its lease. */
static void test_long_load(void **state)
{
	struct store_item item = {.flags = STORE_OVERCOMMIT};
	char name[] = "a";

	(void)state;
	stores_given = 2;
	memset(disk[1], 0, sizeof(disk[1]));
	give(1, MEMORY);
	settle();
	assert_int_equal(ask(1, STORE_FORMAT, &item), STORE_OK);
	for (; name[0] < 'y'; name[0]++) {
		come(0, 1, create(1, name, 8 * CHUNK, 0));
		write_chunk(0, 0, 1);
		leave(0);
	}
	settle();
	store_take(&stores[1], &channel.store[1], DISK_FLUSH);
	for (u32 i = 0; i < 10000 && stores[1].state != STORE_READY; i++) {
		(void)store_serve();
		if (!io.busy)
			continue;
		io_end(BLOCK_OK);
		now_tsc += NS_PER_S;
		assert_false(store_lease_is_stale(&stores[0]));
	}
	assert_int_equal(stores[1].state, STORE_READY);
	assert_int_equal(stores[0].state, STORE_READY);
	assert_true(now_tsc > 1000 * NS_PER_S + LEASE_NS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_takes_again, begin_held, end),
		cmocka_unit_test_setup_teardown(test_restart_while_taken, begin_held, end),
		cmocka_unit_test_setup_teardown(test_restart_in_time, begin_held, end),
		cmocka_unit_test_setup_teardown(test_long_load, begin_held, end),
		cmocka_unit_test_setup_teardown(test_format_late, begin_held, end),
		cmocka_unit_test_setup_teardown(test_format_short, begin_held, end),
		cmocka_unit_test_setup_teardown(test_format_own, begin_held, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
