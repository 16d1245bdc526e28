/* SPDX-License-Identifier: MIT */
/*
 * Tests of a host that gives its store back before it stops: what must have ended before, and how
 * soon another host has the store.
 */
#include "tests/unit/store_hosts.h"

/* Returns the superblock on the disk that counts. */
static const struct store_superblock *newest(void)
{
	struct store_superblock *pair = (void *)disk[0];
	const char *problem;
	u32 chosen = 0;

	assert_int_equal(pool_choose(pair, SECTORS, &chosen, &problem), STORE_LOADING);
	return &pair[chosen];
}

static void release(u32 which)
{
	order(which, STORE_RELEASE, "");
	assert_int_equal(answer(which), STORE_OK);
	assert_int_equal(stores[which].state, STORE_HELD);
	assert_int_equal(newest()->session, 0);
}

/* Another host has the store after the wait by which it would see a third one, not after a lease.
 */
static void test_next_host(void **state)
{
	u64 epoch = stores[0].pool.super.epoch;
	static u8 before[sizeof(disk[0])];

	(void)state;
	release(0);
	memcpy(before, disk[0], sizeof(before));
	pass(2 * LEASE_NS, 1); /* whoever has given the store back writes nothing */
	assert_memory_equal(before, disk[0], sizeof(before));
	boot(1, 2, STORE_LEASE_KEEP);
	run(1);
	assert_int_equal(stores[1].state, STORE_LOADING);
	pass(LEASE_NS / 4 + NS_PER_S, 2);
	assert_int_equal(stores[1].state, STORE_READY);
	assert_int_equal(stores[1].pool.super.epoch, epoch + 1);
	assert_int_equal(stores[1].pool.super.lease_s, LEASE);
	assert_non_null(pool_find_name(&stores[1].pool, "one"));
	/* the first one finds it held, though it has had it before */
	order(0, STORE_TAKE, "");
	assert_int_equal(answer(0), STORE_OK);
	pass(2 * LEASE_NS, 3);
	assert_int_equal(stores[0].state, STORE_HELD);
	assert_int_equal(stores[1].state, STORE_READY);
}

/* The host's next boot has the store at once, and so has a `store take` if the host goes on. */
static void test_same_host(void **state)
{
	u64 before = now_tsc;

	(void)state;
	release(0);
	order(0, STORE_TAKE, "");
	assert_int_equal(answer(0), STORE_OK);
	run(0);
	assert_int_equal(stores[0].state, STORE_READY);
	assert_int_not_equal(newest()->session, 0);
	release(0);
	boot(1, 1, STORE_LEASE_KEEP);
	run(1);
	assert_int_equal(stores[1].state, STORE_READY);
	assert_int_equal(now_tsc, before);
}

/* A host without an identity takes no store that was given back either. */
static void test_nobody(void **state)
{
	(void)state;
	release(0);
	boot(1, 0, STORE_LEASE_KEEP);
	pass(2 * LEASE_NS, 2);
	assert_int_equal(stores[1].state, STORE_HELD);
	assert_int_equal(newest()->session, 0);
}

/* While a client's write is at the device the store stays this host's, and no other write begins.
 */
static void test_under_way(void **state)
{
	(void)state;
	come_to_write();
	clients[0].waiting = 1;
	order(0, STORE_RELEASE, "");
	pass(2 * LEASE_NS, 1);
	assert_int_not_equal(page_of(0)->answer.number, command_number);
	assert_int_equal(stores[0].state, STORE_READY);
	assert_int_not_equal(newest()->session, 0);
	assert_false(store_layer.may_ask(&clients[0]));
	boot(1, 2, STORE_LEASE_KEEP);
	pass(LEASE_NS, 3); /* the holder lives, and says so */
	assert_int_equal(stores[1].state, STORE_HELD);
	clients[0].waiting = 0;
	while (page_of(0)->answer.number != command_number) {
		assert_false(store_layer.may_ask(&clients[0]));
		assert_true(step(0));
	}
	assert_int_equal(stores[0].state, STORE_HELD);
	assert_int_equal(newest()->session, 0);
	assert_false(store_layer.may_ask(&clients[0]));
}

/*
 * A host stops at any step of giving its store back: either that is on the disk, with all that was
 * answered before, or another host waits as for any holder that is gone.
 */
static void test_cut_anywhere(void **state)
{
	u32 soon = 0;

	for (u32 steps = 0; steps < 40; steps++) {
		end(state);
		begin_held(state);
		order(0, STORE_CREATE, "two");
		assert_int_equal(answer(0), STORE_OK);
		order(0, STORE_RELEASE, "");
		for (u32 i = 0; i < steps; i++)
			(void)step(0);
		boot(1, 2, STORE_LEASE_KEEP);
		pass(LEASE_NS / 4 + NS_PER_S, 2);
		soon += stores[1].state == STORE_READY;
		assert_int_equal(stores[1].state == STORE_READY,
				 steps > 0 && newest()->host[0] == 2);
		pass(2 * LEASE_NS, 2);
		assert_int_equal(stores[1].state, STORE_READY);
		assert_non_null(pool_find_name(&stores[1].pool, "two"));
	}
	assert_in_range(soon, 20, 38);
}

/* A driver that ends before its answer has its next process give the store back. */
static void test_driver_ends(void **state)
{
	(void)state;
	for (u32 steps = 0; steps < 20; steps++) {
		end(state);
		begin_held(state);
		order(0, STORE_RELEASE, "");
		for (u32 i = 0; i < steps; i++)
			(void)step(0);
		if (page_of(0)->answer.number == command_number)
			break;
		restart(0);
		store_command_take(&stores[0]);
		assert_int_equal(answer(0), STORE_OK);
		assert_int_equal(newest()->session, 0);
	}
}

/* A host whose VMs may still have volumes does not take by itself what others have had meanwhile.
 */
static void test_held_before(void **state)
{
	(void)state;
	release(0);
	boot(1, 2, STORE_LEASE_KEEP);
	pass(LEASE_NS, 2);
	release(1);
	channel.store[0].held = 1;
	restart(0);
	pass(2 * LEASE_NS, 1);
	assert_int_equal(stores[0].state, STORE_LOST);
	order(0, STORE_TAKE, "");
	assert_int_equal(answer(0), STORE_OK);
	pass(LEASE_NS / 4 + NS_PER_S, 1);
	assert_int_equal(stores[0].state, STORE_READY);
}

/* A store without a lease has nothing to give back, and goes on. */
static void test_no_lease(void **state)
{
	(void)state;
	boot(0, 1, 0);
	run(0);
	order(0, STORE_RELEASE, "");
	assert_int_equal(answer(0), STORE_OK);
	assert_int_equal(stores[0].state, STORE_READY);
	assert_int_not_equal(newest()->session, 0);
	order(0, STORE_CREATE, "two");
	assert_int_equal(answer(0), STORE_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_next_host, begin_held, end),
		cmocka_unit_test_setup_teardown(test_same_host, begin_held, end),
		cmocka_unit_test_setup_teardown(test_nobody, begin_held, end),
		cmocka_unit_test_setup_teardown(test_under_way, begin_held, end),
		cmocka_unit_test_setup_teardown(test_cut_anywhere, begin_held, end),
		cmocka_unit_test_setup_teardown(test_driver_ends, begin_held, end),
		cmocka_unit_test_setup_teardown(test_held_before, begin_held, end),
		cmocka_unit_test_setup_teardown(test_no_lease, begin_held, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
