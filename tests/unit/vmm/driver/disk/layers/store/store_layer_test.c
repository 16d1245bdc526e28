/* SPDX-License-Identifier: MIT */
/*
 * Tests of what a store makes ready for clients that leave, start again, follow each other or keep
 * the store busy.
 */
#include "tests/unit/store_fake.h"

static const u8 *content(u32 chunk)
{
	return disk[0] + store_sector_of(&stores[0], chunk) * 512u;
}

static bool finds(u64 volume, u64 index, u32 *chunk)
{
	bool alone;

	return pool_look_up(&stores[0].pool, pool_find(&stores[0].pool, volume), index, chunk,
			    &alone);
}

/* A new chunk reads as zeros, whatever the disk held, and a shared one is copied. */
static void test_chunks(void **state)
{
	u64 volume = create(0, "volume", 8 * CHUNK, 0);
	enum block_status status;
	u32 chunk, copy;
	u64 clone;

	(void)state;
	memset(disk[0] + store_sector_of(&stores[0], 0) * 512u, 0x5a, 64 * CHUNK * 512u);
	come(0, 0, volume);
	while (ask_disk(0, BLOCK_WRITE, 2, &status) == LAYER_WAITS)
		settle();
	assert_true(finds(volume, 2, &chunk));
	for (u32 i = 0; i < CHUNK * 512; i++)
		assert_int_equal(content(chunk)[i], 0);
	write_chunk(0, 2, 0x11);
	clone = create(0, "clone", 8 * CHUNK, volume);
	while (ask_disk(0, BLOCK_WRITE, 2, &status) == LAYER_WAITS)
		settle();
	assert_true(finds(volume, 2, &copy));
	assert_int_not_equal(chunk, copy);
	assert_memory_equal(content(chunk), content(copy), CHUNK * 512);
	assert_true(finds(clone, 2, &copy));
	assert_int_equal(copy, chunk);
}

/*
 * A chunk that the volume does not have is read into the pool only. That is said of the one
 * request: the client may go on using its window, by which chunks that are there are read.
 */
static void test_read_of_nothing(void **state)
{
	u64 volume = create(0, "volume", 8 * CHUNK, 0);
	struct block_request request = {.operation = BLOCK_READ, .sectors = 8, .window = 1};
	enum block_status status = BLOCK_OK;

	(void)state;
	come(0, 0, volume);
	write_chunk(0, 1, 0x11);
	assert_int_equal(store_layer.read(&clients[0], &request, &status), LAYER_ENDS);
	assert_int_equal(status, BLOCK_COPY_ONCE);
	request.sector = CHUNK;
	assert_int_equal(store_layer.read(&clients[0], &request, &status), LAYER_PASSES);
}

/* Goes on by one step, and ends the request that it began. */
static void step(void)
{
	(void)store_step(&stores[0]);
	if (io.busy)
		io_end(BLOCK_OK);
}

/*
 * A client leaves while a chunk is made ready for it, and one of another volume gets its index: the
 * newcomer does not get the chunk, nor does anything else of either volume change.
 */
static void test_leaves(void **state)
{
	u64 volume = create(0, "volume", 8 * CHUNK, 0);
	u64 other = create(0, "other", 8 * CHUNK, 0);
	enum block_status status;
	u32 chunk, now;

	(void)state;
	come(0, 0, volume);
	write_chunk(0, 0, 0x11);
	assert_true(finds(volume, 0, &chunk));
	(void)create(0, "clone", 8 * CHUNK, volume);
	for (u32 steps = 1; steps < 6; steps++) {
		u32 free_chunks = stores[0].pool.free_chunks;

		assert_int_equal(ask_disk(0, BLOCK_WRITE, 0, &status), LAYER_WAITS);
		for (u32 i = 0; i < steps && (i == 0 || stores[0].job == JOB_FILL); i++)
			step();
		if (stores[0].job != JOB_FILL)
			return;
		leave(0);
		come(0, 0, other);
		settle();
		assert_false(finds(other, 0, &now));
		assert_int_equal(store_clients[0].want, WANT_NOTHING);
		assert_true(finds(volume, 0, &now));
		assert_int_equal(now, chunk);
		assert_int_equal(stores[0].pool.free_chunks, free_chunks);
		leave(0);
		come(0, 0, volume);
	}
	fail();
}

/* A client leaves while zeros are written for it: none is written after its successor's data. */
static void test_leaves_zeros(void **state)
{
	u64 volume = create(0, "volume", 8 * CHUNK, 0);
	struct block_request request = {
		.operation = BLOCK_WRITE_ZEROES, .sector = CHUNK + 8, .sectors = 8};
	enum block_status status;
	u32 requests;
	u32 chunk;

	(void)state;
	come(0, 0, volume);
	write_chunk(0, 1, 0x11);
	assert_true(finds(volume, 1, &chunk));
	assert_int_equal(store_layer.write(&clients[0], &request, &status), LAYER_WAITS);
	(void)store_step(&stores[0]);
	assert_true(stores[0].job == JOB_FILL);
	requests = io.count;
	leave(0);
	settle();
	assert_int_equal(io.count, requests);
	for (u32 i = 0; i < CHUNK * 512; i++)
		assert_int_equal(content(chunk)[i], 0x11);

	come(0, 0, volume);
	assert_int_equal(store_layer.write(&clients[0], &request, &status), LAYER_WAITS);
	(void)store_serve();
	assert_true(io.busy && stores[0].job == JOB_FILL);
	leave(0);
	come(1, 0, volume);
	assert_false(store_layer.may_ask(&clients[1]));
	assert_true(store_layer.waits(&clients[1]));
	settle();
	assert_true(store_layer.may_ask(&clients[1]));
}

/* A client that starts anew is not told that its write is done because an earlier wish is. */
static void test_client_starts_anew(void **state)
{
	u64 one = create(0, "one", 8 * CHUNK, 0);
	enum block_status status;

	(void)state;
	come(0, 0, one);
	write_chunk(0, 3, 0x11);
	assert_int_equal(ask_disk(0, BLOCK_WRITE_ZEROES, 3, &status), LAYER_WAITS);
	settle();
	write_chunk(0, 3, 0x33);
	assert_int_equal(read_chunk(0, 3), 0x33);
}

/* A wish that cannot be fulfilled does not outlive the request that had it. */
static void test_old_wish(void **state)
{
	u64 one = create(0, "one", SECTORS, 0);
	u64 chunk = 0;
	enum block_status status;

	(void)state;
	come(0, 0, one);
	for (; stores[0].pool.free_chunks != 0; chunk++)
		write_chunk(0, chunk, 1);
	assert_int_equal(ask_disk(0, BLOCK_WRITE, chunk, &status), LAYER_WAITS);
	settle();
	assert_int_equal(ask_disk(0, BLOCK_WRITE, chunk, &status), LAYER_WAITS);
	for (u32 i = 0; i < 4 && ask_disk(0, BLOCK_WRITE, 0, &status) == LAYER_WAITS; i++)
		settle();
	assert_int_equal(ask_disk(0, BLOCK_WRITE, 0, &status), LAYER_PASSES);
}

/* A client that starts anew cannot read a chunk while it is given up. */
static void test_read_of_given_up(void **state)
{
	u64 one = create(0, "one", 8 * CHUNK, 0);
	enum block_status status;

	(void)state;
	come(0, 0, one);
	write_chunk(0, 3, 0x11);
	(void)create(0, "clone", 8 * CHUNK, one);
	assert_int_equal(ask_disk(0, BLOCK_WRITE, 3, &status), LAYER_WAITS);
	(void)store_serve();
	assert_true(io.busy && stores[0].job == JOB_FILL);
	assert_int_equal(ask_disk(0, BLOCK_READ, 3, &status), LAYER_WAITS);
	settle();
	assert_int_equal(read_chunk(0, 3), 0x11);
}

/* A client's first write is not answered before the disk has what its predecessor has changed. */
static void test_client_follows(void **state)
{
	u64 one = create(0, "one", 8 * CHUNK, 0);
	enum block_status status;

	(void)state;
	come(0, 0, one);
	assert_int_equal(ask_disk(0, BLOCK_WRITE, 3, &status), LAYER_WAITS);
	while (stores[0].job != JOB_COMMIT) {
		(void)store_serve();
		if (io.busy)
			io_end(BLOCK_OK);
	}
	leave(0);
	come(0, 0, one);
	assert_int_equal(ask_disk(0, BLOCK_WRITE, 3, &status), LAYER_WAITS);
	settle();
	assert_int_equal(ask_disk(0, BLOCK_WRITE, 3, &status), LAYER_PASSES);
}

/* No chunk is given up while a request of the volume's last client may still reach it. */
static void test_last_client_is_busy(void **state)
{
	u64 one = create(0, "one", 8 * CHUNK, 0);
	enum block_status status;

	(void)state;
	come(0, 0, one);
	write_chunk(0, 3, 0x11);
	clients[0].waiting = 1;
	clients[0].leaving = true;
	come(1, 0, one);
	assert_int_equal(ask_disk(1, BLOCK_DISCARD, 3, &status), LAYER_WAITS);
	settle();
	assert_int_equal(ask_disk(1, BLOCK_DISCARD, 3, &status), LAYER_WAITS);
	clients[0].waiting = 0;
	leave(0);
	settle();
	assert_int_equal(ask_disk(1, BLOCK_DISCARD, 3, &status), LAYER_ENDS);
}

/* Each store has its turn. */
static void test_two_stores(void **state)
{
	u64 beside = create(1, "one", 8 * CHUNK, 0);
	enum block_status status;
	enum layer_answer answer = LAYER_WAITS;
	u64 at[2] = {0};
	bool asked[2] = {false};

	(void)state;
	come(0, 0, create(0, "v0", 64 * CHUNK, 0));
	come(1, 0, create(0, "v1", 64 * CHUNK, 0));
	come(2, 1, beside);
	for (u32 i = 0; i < 400 && answer == LAYER_WAITS; i++) {
		for (u32 c = 0; c < 2; c++) {
			/* each asks while what the other has changed is written */
			bool now = stores[0].job == JOB_COMMIT
					   ? store_clients[1 - c].after != 0
					   : stores[0].job == JOB_NONE && c == 0;

			if (asked[c] || now)
				asked[c] = ask_disk(c, BLOCK_WRITE, at[c], &status) == LAYER_WAITS;
			at[c] += !asked[c] && now;
		}
		if (i > 40)
			answer = ask_disk(2, BLOCK_WRITE, 0, &status);
		(void)store_serve();
		if (io.busy)
			io_end(BLOCK_OK);
	}
	assert_int_equal(answer, LAYER_PASSES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_chunks, begin, end),
		cmocka_unit_test_setup_teardown(test_read_of_nothing, begin, end),
		cmocka_unit_test_setup_teardown(test_leaves, begin, end),
		cmocka_unit_test_setup_teardown(test_leaves_zeros, begin, end),
		cmocka_unit_test_setup_teardown(test_client_starts_anew, begin, end),
		cmocka_unit_test_setup_teardown(test_old_wish, begin, end),
		cmocka_unit_test_setup_teardown(test_read_of_given_up, begin, end),
		cmocka_unit_test_setup_teardown(test_client_follows, begin, end),
		cmocka_unit_test_setup_teardown(test_last_client_is_busy, begin, end),
		cmocka_unit_test_setup_teardown(test_two_stores, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
