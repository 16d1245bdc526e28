/* SPDX-License-Identifier: MIT */
/*
 * What the device brings for a view may be newer than the snapshot: none of it is in the pool, at
 * which the client may look at any time, before all of it is as it was.
 */
#include "tests/unit/vmm/driver/disk/core/driver_view_fixture.h"

/* Checks that all of the view's pool holds what it was filled with. */
static void expect_untouched(void)
{
	for (u64 i = 0; i < BLOCK_POOL_BYTES; i++)
		assert_int_equal(pool_of(VIEW)[i], 0xee);
}

static void put_view_read(u64 id, u64 sector, u32 sectors, u64 offset)
{
	put(VIEW, (struct block_request){.id = id,
					 .operation = BLOCK_READ,
					 .sector = sector,
					 .sectors = sectors,
					 .offset = offset});
}

/* A read of pieces of which one is newer, up to where the device has brought it all. */
static void bring_newer(void)
{
	change(BLOCK_WRITE, 3, 3);
	memset(pool_of(VIEW), 0xee, BLOCK_POOL_BYTES);
	put_view_read(1, 0, 17, 0);
	serve();
	assert_int_equal(given_count, 1);
	device_moves(BLOCK_OK);
	expect_untouched();
}

/* A client that watches the pool sees nothing before all of it is as it was. */
static void shows_nothing_newer(void **state)
{
	(void)state;
	keep_from_now(1);
	attach_view(1);
	bring_newer();
	finish_first(BLOCK_OK);
	expect_as_before(VIEW, 0, 17);
	for (u64 i = 17 * BLOCK_SECTOR_BYTES; i < BLOCK_POOL_BYTES; i++)
		/* nor does the pool get what the page has beyond the request */
		assert_int_equal(pool_of(VIEW)[i], 0xee);
	client_publish();
	expect_answer(VIEW, 1, BLOCK_OK);
}

static void shows_nothing_that_failed(void **state)
{
	(void)state;
	keep_from_now(1);
	attach_view(1);
	for (u32 late = 0; late < 2; late++) {
		u8 *bounce = view_bounce(&clients[VIEW], 0);

		bring_newer();
		/* the second time what is kept has ended in between */
		if (late != 0)
			keep_from_now(0);
		finish_first(late != 0 ? BLOCK_OK : BLOCK_ERROR);
		expect_untouched();
		client_publish();
		expect_answer(VIEW, 1, BLOCK_ERROR);
		for (u32 i = 0; i < 17 * BLOCK_SECTOR_BYTES; i++)
			assert_int_equal(bounce[i], 0);
	}
}

/* The device has addresses of its own for the bounce pages. */
static void device_finds_it(void **state)
{
	(void)state;
	keep_from_now(1);
	shared.client[VIEW].number = 0;
	client_take_commands();
	shared.client[VIEW].disk.view = (struct disk_view_given){.of = 0, .number = 1};
	attach(VIEW, true);
	clients[VIEW].given.disk.pool_pages = (u64)(uintptr_t)pages;
	put_view_read(1, 0, 8, 5 * PAGE_SIZE);
	serve();
	assert_ptr_equal(given[0]->data, view_bounce(&clients[VIEW], 5 * PAGE_SIZE));
	assert_ptr_equal(given[0]->address, pages + 5);
	/* what a dead process has left there is not shown to anybody */
	memset(view_bounce(&clients[VIEW], 0), 0x77, BLOCK_BOUNCE_BYTES);
	view_open(&clients[VIEW], clients[VIEW].layers + 1);
	for (u64 i = 0; i < BLOCK_BOUNCE_BYTES; i++)
		assert_int_equal(*view_bounce(&clients[VIEW], i), 0);
	run();
	expect_answer(VIEW, 1, BLOCK_OK);
}

/*
 * A piece of the pool that is named again before the first answer: what the device brings for the
 * one would be taken for the other's, which has other pieces laid over it. It waits, and nobody
 * else does.
 */
static void one_at_a_time(void **state)
{
	(void)state;
	keep_from_now(1);
	attach_view(1);
	change(BLOCK_WRITE, 0, 4);
	change(BLOCK_WRITE, 800, 4);
	put_view_read(1, 0, 128, 0);
	put_view_read(2, 800, 16, 15 * PAGE_SIZE);
	put_view_read(3, 0, 8, 20 * PAGE_SIZE);
	serve();
	assert_int_equal(given_count, 1);
	put_read(0, 4);
	serve();
	assert_int_equal(given_count, 2);
	assert_true(view_waits(&clients[VIEW]));
	assert_true(scheduler_may_wait());
	device_does(BLOCK_OK);
	assert_false(scheduler_may_wait());
	client_publish();
	expect_answer(VIEW, 1, BLOCK_OK);
	expect_as_before(VIEW, 0, 128);
	run();
	expect_answer(0, 4, BLOCK_OK);
	/* the third, of which all is kept, did not have to wait for the device */
	expect_answer(VIEW, 3, BLOCK_OK);
	expect_answer(VIEW, 2, BLOCK_OK);
	assert_memory_equal(pool_of(VIEW) + 15 * PAGE_SIZE,
			    before + (FIRST_SECTOR + 800) * BLOCK_SECTOR_BYTES,
			    16 * BLOCK_SECTOR_BYTES);
	/* a device that has no room has nothing that would have to be waited for */
	device_room = 0;
	put_view_read(5, 0, 128, 0);
	(void)scheduler_serve();
	assert_false(view_waits(&clients[VIEW]));
	device_room = DRIVER_DEPTH;
	run();
	expect_answer(VIEW, 5, BLOCK_OK);
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_disk, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(shows_nothing_newer),
		TEST(shows_nothing_that_failed),
		TEST(device_finds_it),
		TEST(one_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
