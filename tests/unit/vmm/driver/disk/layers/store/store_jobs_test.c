/* SPDX-License-Identifier: MIT */
/*
 * Tests of a store's loading and of the manager's commands, with a driver that ends at any moment
 * and a store that is full.
 */
#include "tests/unit/store_fake.h"

/* A device without room for a request of the store does not make the store damaged. */
static void test_load_without_room(void **state)
{
	(void)state;
	(void)create(0, "one", 8 * CHUNK, 0);
	begin_process();
	give(0, MEMORY);
	for (u32 i = 0; i < 200 && stores[0].job == JOB_LOAD; i++) {
		io.full = i % 3 != 0;
		(void)store_serve();
		if (io.busy)
			io_end(BLOCK_OK);
	}
	assert_int_equal(stores[0].state, STORE_READY);
}

/* A process that has loaded a store builds on nothing that only the disk's cache has. */
static void test_ends_before_flush(void **state)
{
	u64 one = create(0, "one", 8 * CHUNK, 0);
	u64 other = create(0, "other", 8 * CHUNK, 0);
	struct store_item item = {.volume = one};
	enum block_status status;

	(void)state;
	come(0, 0, one);
	write_chunk(0, 0, 0x11);
	leave(0);
	ask_begin(0, STORE_DROP, &item, 1);
	do { /* until the superblock is written, which the disk has in its cache only */
		(void)store_serve();
		if (stores[0].step.step != COMMIT_LAST_FLUSH + 1)
			io_end(BLOCK_OK);
	} while (stores[0].step.step != COMMIT_LAST_FLUSH + 1);
	assert_memory_not_equal(medium, disk[0], 2 * STORE_BLOCK_BYTES);
	begin_process();
	give(0, MEMORY);
	come(0, 0, other);
	for (;;) {
		(void)ask_disk(0, BLOCK_WRITE, 0, &status);
		(void)store_serve();
		assert_true(io.busy);
		if (io.operation == BLOCK_WRITE)
			break;
		io_end(BLOCK_OK);
	}
	assert_int_equal(stores[0].state, STORE_READY);
	assert_memory_equal(medium, disk[0], 2 * STORE_BLOCK_BYTES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_load_without_room, begin, end),
		cmocka_unit_test_setup_teardown(test_ends_before_flush, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
