/* SPDX-License-Identifier: MIT */
/*
 * Tests of the sums of chunks: when a chunk gets one, what the first write to it costs then, and
 * that no sum is ever there of what a chunk does not hold, on the medium either.
 */
#include "tests/unit/store_fake.h"

#define QUIET 60u /* seconds */

static struct pool *const pool = &stores[0].pool;

/* Begins with a store whose chunks get sums, and a volume of 700 chunks, client 0's. */
static u64 begin_summed(void)
{
	u64 one;

	sum_after_s = QUIET;
	begin_process();
	give(0, MEMORY);
	settle();
	assert_int_equal(stores[0].state, STORE_READY);
	one = create(0, "one", 700 * CHUNK, 0);
	come(0, 0, one);
	return one;
}

static int end_summed(void **state)
{
	sum_after_s = 0;
	now_tsc = 0;
	return end(state);
}

/* Lets so much time go by that chunks that nobody writes to get sums. */
static void wait_quiet(void)
{
	for (u32 i = 0; i < 2; i++) {
		now_tsc += QUIET * NS_PER_S;
		settle();
	}
}

static u8 *chunk_on(u8 *of, u32 chunk)
{
	return of + store_sector_of(&stores[0], chunk) * 512;
}

static u32 chunk_of(u64 volume, u64 index)
{
	bool alone;
	u32 chunk = NO_CHUNK;

	assert_true(pool_look_up(pool, pool_find(pool, volume), index, &chunk, &alone));
	return chunk;
}

static bool has_sum(u64 volume, u64 index)
{
	u32 sum;

	return pool_sum(pool, chunk_of(volume, index), &sum);
}

/* Returns how many chunks have sums; each is the sum of what the disk has, whatever it loses. */
static u32 check_sums(void)
{
	u32 count = 0;
	u32 sum;

	for (u32 i = 0; i < pool->super.chunks; i++) {
		if (!pool_has_data(pool, i) || !pool_sum(pool, i, &sum))
			continue;
		assert_int_equal(sum, crc32c(0, chunk_on(disk[0], i), CHUNK * 512));
		assert_int_equal(sum, crc32c(0, chunk_on(medium, i), CHUNK * 512));
		count++;
	}
	return count;
}

static const struct store_told *scrub(void)
{
	struct store_item item = {.volume = 0};

	assert_int_equal(ask(0, STORE_SCRUB, &item), STORE_OK);
	assert_int_equal(page_of(0)->told.scrub, STORE_CHECK_ENDED);
	return &page_of(0)->told;
}

/* A chunk gets its sum once nobody has written to it for a while; many sums take one commit. */
static void test_quiet(void **state)
{
	u64 generation;
	u64 one = begin_summed();

	(void)state;
	for (u8 i = 0; i < 100; i++)
		write_chunk(0, i, i + 1);
	settle();
	assert_int_equal(check_sums(), 0);
	assert_int_equal(pool->super.needs, 0);
	assert_true(store_may_wait() && store_deadline() != ~0ull);
	now_tsc += QUIET * NS_PER_S;
	settle();
	assert_int_equal(check_sums(), 0);
	now_tsc += QUIET * NS_PER_S / 2;
	write_chunk(0, 7, 77);
	settle();
	generation = pool->committed;
	now_tsc += QUIET * NS_PER_S / 2;
	settle();
	assert_int_equal(check_sums(), 99);
	assert_false(has_sum(one, 7));
	assert_int_equal(pool->committed, generation + 1);
	assert_int_equal(page_of(0)->told.needs, STORE_NEEDS_SUMS);
	wait_quiet();
	assert_int_equal(check_sums(), 100);
	now_tsc += QUIET * NS_PER_S;
	settle();
	/* all have sums: nothing is looked at until somebody writes */
	assert_int_equal(store_deadline(), ~0ull);
}

/* The first write to a chunk with a sum waits for two commits, and the next ones for nothing. */
static void test_first_write(void **state)
{
	enum block_status status;
	u64 one = begin_summed();
	u64 generation;
	u32 requests;
	u32 chunk;

	(void)state;
	write_chunk(0, 5, 1);
	wait_quiet();
	assert_true(has_sum(one, 5));
	chunk = chunk_of(one, 5);
	requests = io.count;
	assert_int_equal(read_chunk(0, 5), 1);
	assert_int_equal(io.count, requests);
	generation = pool->committed;
	assert_int_equal(ask_disk(0, BLOCK_WRITE, 5, &status), LAYER_WAITS);
	while (pool->committed < generation + 2) {
		assert_int_equal(ask_disk(0, BLOCK_WRITE, 5, &status), LAYER_WAITS);
		(void)store_serve();
		if (io.busy)
			io_end(BLOCK_OK);
	}
	/* a node of sums, two superblocks, and two flushes for each of these */
	assert_int_equal(io.count - requests, 7);
	assert_int_equal(ask_disk(0, BLOCK_WRITE, 5, &status), LAYER_PASSES);
	assert_int_equal(chunk_of(one, 5), chunk);
	write_chunk(0, 5, 2);
	settle();
	requests = io.count;
	for (u8 i = 3; i < 50; i++)
		write_chunk(0, 5, i);
	settle();
	assert_int_equal(io.count, requests);
	assert_int_equal(pool->copied_chunks, 0);
	assert_int_equal(check_sums(), 0);
}

/* Rewriting a long piece takes few commits, as the sums of what comes next go in advance. */
static void test_in_a_row(void **state)
{
	u64 one = begin_summed();
	u64 generation;

	(void)state;
	for (u32 i = 0; i < 180; i++)
		write_chunk(0, i, 1);
	wait_quiet();
	assert_int_equal(check_sums(), 180);
	generation = pool->committed;
	for (u32 i = 0; i < 180; i++)
		write_chunk(0, i, 2);
	assert_in_range(pool->committed - generation, 14, 20);
	assert_int_equal(pool->copied_chunks, 0);
	settle();
	assert_int_equal(check_sums(), 0);
	/* but one that is alone leaves the others theirs */
	wait_quiet();
	write_chunk(0, 90, 3);
	assert_int_equal(check_sums(), 179);
	assert_false(has_sum(one, 90));
	assert_int_equal(read_chunk(0, 90), 3);
}

/* What is written, or cleared, while a chunk is read, or after that, leaves it without a sum. */
static void test_races(void **state)
{
	struct driver_request request = {.operation = BLOCK_WRITE};
	struct block_request zeroes = {
		.operation = BLOCK_WRITE_ZEROES, .sector = 2 * CHUNK, .sectors = 8};
	enum block_status status;
	u64 one = begin_summed();
	u32 round;

	(void)state;
	for (u8 i = 0; i < 4; i++)
		write_chunk(0, i, 10 + i);
	settle();
	/* the device has this write all the time */
	assert_int_equal(ask_disk(0, BLOCK_WRITE, 0, &status), LAYER_PASSES);
	*led_to(0, 0, &request) = 99;
	now_tsc += QUIET * NS_PER_S;
	settle();
	now_tsc += QUIET * NS_PER_S;
	/* this one comes while the others' sums are ready but in no tree yet */
	for (round = 0; stores[0].sums.count < 3; round++) {
		assert_true(round < 100);
		(void)store_serve();
		if (io.busy)
			io_end(BLOCK_OK);
	}
	write_chunk(0, 1, 55);
	assert_int_equal(store_layer.write(&clients[0], &zeroes, &status), LAYER_WAITS);
	settle();
	assert_int_equal(store_layer.write(&clients[0], &zeroes, &status), LAYER_ENDS);
	assert_int_equal(check_sums(), 1);
	assert_true(has_sum(one, 3));
	assert_false(has_sum(one, 0));
	(void)store_layer.done(&clients[0], &request, BLOCK_OK);
	wait_quiet();
	wait_quiet();
	assert_int_equal(check_sums(), 4);
	/* zeros in a part of a chunk take its sum away first */
	zeroes.sector += 16;
	while (store_layer.write(&clients[0], &zeroes, &status) == LAYER_WAITS)
		settle();
	assert_int_equal(status, BLOCK_OK);
	assert_int_equal(check_sums(), 3);
	assert_false(has_sum(one, 2));
}

/* A chunk has one sum however many volumes share it, and keeps it when one of them writes. */
static void test_shared(void **state)
{
	u64 one = begin_summed();
	u64 clone;
	u32 old;

	(void)state;
	for (u8 i = 0; i < 3; i++)
		write_chunk(0, i, 1);
	clone = create(0, "clone", 700 * CHUNK, one);
	wait_quiet();
	assert_int_equal(check_sums(), 3);
	assert_true(has_sum(clone, 1));
	old = chunk_of(one, 1);
	write_chunk(0, 1, 2);
	assert_true(has_sum(clone, 1) && !has_sum(one, 1));
	assert_int_equal(chunk_of(clone, 1), old);
	/* a write in a row takes no sum away in advance from what is shared, and not written to */
	(void)create(0, "other", CHUNK, 0); /* so that both superblocks know who has what */
	pool->writes[old - 1] = POOL_WRITTEN;
	come(1, 0, clone);
	write_chunk(1, 1, 3);
	assert_true(!has_sum(clone, 1) && has_sum(one, 2));
	assert_int_equal(chunk_of(clone, 1), old);
	pool->writes[old - 1] = 0;
	leave(1);
	/* the chunk that the clone leaves behind is taken again, and has no sum then */
	assert_int_equal(ask_drop(clone), STORE_OK);
	settle();
	for (u32 i = 10; pool->chunk[old].uses == 0; i++) {
		assert_true(i < 600);
		write_chunk(0, i, (u8)i);
		settle();
	}
	(void)check_sums();
	wait_quiet();
	(void)check_sums();
}

/* Where metadata has no room for anything new, what is there can still be written to. */
static void test_no_room(void **state)
{
	enum block_status status;
	u64 one = begin_summed();
	u64 wide = create(0, "wide", 700 * STORE_FAN * CHUNK, 0);

	(void)state;
	write_chunk(0, 0, 1);
	come(1, 0, wide);
	wait_quiet();
	for (u64 i = 0; page_of(0)->wait[1] != STORE_WAIT_METADATA; i++) {
		assert_true(i < 100);
		for (u32 tries = 0; tries < 9; tries++) {
			if (ask_disk(1, BLOCK_WRITE, i * STORE_FAN, &status) == LAYER_PASSES)
				break;
			settle();
		}
	}
	assert_false(pool_has_blocks(pool));
	for (u8 i = 2; i < 9; i++) {
		assert_true(has_sum(one, 0));
		write_chunk(0, 0, i);
		assert_false(has_sum(one, 0));
		pool->writes[chunk_of(one, 0)] = 0;
		/* as if there had been room for the sum again */
		*pool_own_sum(pool, chunk_of(one, 0)) = 1;
		settle();
	}
	assert_int_equal(pool->copied_chunks, 0);
}

/* A scrub finds each byte that the disk has changed, says where it is, and changes nothing. */
static void test_scrub(void **state)
{
	static u8 before[SECTORS * 512u];
	const struct store_told *told;
	u64 one = begin_summed();
	u64 clone;

	(void)state;
	told = scrub();
	assert_int_equal(told->scrub_sums + told->scrub_without + told->scrub_faults, 0);
	for (u8 i = 0; i < 9; i++)
		write_chunk(0, 600 + i, i);
	wait_quiet();
	clone = create(0, "clone", 700 * CHUNK, one);
	write_chunk(0, 600, 1);
	write_chunk(0, 3, 1);
	settle();
	told = scrub();
	assert_int_equal(told->scrub_sums, 9);
	assert_int_equal(told->scrub_without, 2);
	assert_int_equal(told->scrub_faults, 0);
	chunk_on(disk[0], chunk_of(one, 604))[777] ^= 1;
	chunk_on(disk[0], chunk_of(clone, 600))[65535] ^= 128;
	chunk_on(disk[0], chunk_of(one, 3))[0] ^= 1; /* has no sum, so nobody can know */
	memcpy(before, disk[0], sizeof(before));
	told = scrub();
	assert_int_equal(told->scrub_sums, 9);
	assert_int_equal(told->scrub_faults, 2);
	assert_int_equal(told->rot_count, 3);
	assert_int_equal(told->rot[0].volume, one);
	assert_int_equal(told->rot[0].sector, 604 * CHUNK);
	assert_int_equal(told->rot[1].volume, clone);
	assert_int_equal(told->rot[1].sector, 600 * CHUNK);
	assert_int_equal(told->rot[2].sector, 604 * CHUNK);
	assert_memory_equal(before, disk[0], sizeof(before));
	chunk_on(disk[0], chunk_of(one, 604))[777] ^= 1;
	chunk_on(disk[0], chunk_of(clone, 600))[65535] ^= 128;
	told = scrub();
	assert_int_equal(told->scrub_faults + told->rot_count, 0);
	assert_int_equal(told->scrub_number, 4);
}

/* A chunk that cannot be read is damaged; a scrub goes on beside what clients want. */
static void test_scrub_beside(void **state)
{
	struct store_item item = {.volume = 0};
	u64 one = begin_summed();
	u64 index = 100;

	(void)state;
	for (u8 i = 0; i < 9; i++)
		write_chunk(0, i, i);
	wait_quiet();
	ask_begin(0, STORE_SCRUB, &item, 1);
	for (u32 i = 0; i < 4000 && stores[0].scrub.number == 0; i++) {
		enum block_status status;

		/* there is always something else to do */
		while (index < 300 && ask_disk(0, BLOCK_WRITE, index, &status) == LAYER_PASSES)
			index++;
		(void)store_serve();
		if (io.busy)
			io_end(stores[0].job == JOB_SCRUB && stores[0].step.from == chunk_of(one, 4)
				       ? BLOCK_ERROR
				       : BLOCK_OK);
	}
	assert_in_range(index, 101, 299);
	settle();
	assert_int_equal(page_of(0)->told.scrub_number, 1);
	assert_int_equal(page_of(0)->told.scrub_sums, 9);
	assert_int_equal(page_of(0)->told.scrub_faults, 1);
	assert_int_equal(page_of(0)->told.rot[0].sector, 4 * CHUNK);
}

/* Sums outlive the driver; where none are asked for, none are made, and those that are count. */
static void test_restart(void **state)
{
	enum block_status status;
	u64 one = begin_summed();

	(void)state;
	for (u8 i = 0; i < 20; i++)
		write_chunk(0, i, i);
	wait_quiet();
	sum_after_s = 0;
	begin_process();
	give(0, MEMORY);
	settle();
	assert_int_equal(check_sums(), 20);
	come(0, 0, one);
	assert_int_equal(ask_disk(0, BLOCK_WRITE, 9, &status), LAYER_WAITS);
	write_chunk(0, 9, 99);
	write_chunk(0, 50, 99);
	settle();
	wait_quiet();
	assert_int_equal(check_sums(), 19);
	assert_int_equal(scrub()->scrub_without, 2);
	assert_int_equal(page_of(0)->told.scrub_faults, 0);
	assert_int_equal(store_deadline(), ~0ull);
}

/* A program that knows of no sums refuses the store; damage to the tree of sums is found. */
static void test_format(void **state)
{
	struct store_superblock pair[2];
	const char *problem = NULL;
	u32 chosen = 0;
	u64 at;

	(void)state;
	(void)begin_summed();
	write_chunk(0, 0, 1);
	wait_quiet();
	(void)pool_set_sum(pool, chunk_of(1, 0), 1); /* so that both superblocks need sums */
	settle();
	memcpy(pair, disk[0], sizeof(pair));
	assert_int_equal(pair[0].version, STORE_VERSION_NEEDS);
	assert_int_equal(pair[0].needs, STORE_NEEDS_SUMS);
	for (u32 i = 0; i < 2; i++) {
		pair[i].needs = 0;
		pair[i].check = store_block_check(&pair[i], &pair[i].check);
	}
	assert_int_equal(pool_choose(pair, SECTORS, &chosen, &problem), STORE_BROKEN);
	assert_string_equal(problem, "its superblock names sums of data that cannot be");
	at = (u64)pool->super.sums * STORE_BLOCK_BYTES + 70;
	disk[0][at] ^= 1;
	begin_process();
	give(0, MEMORY);
	settle();
	assert_int_equal(stores[0].state, STORE_BROKEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_quiet, begin, end_summed),
		cmocka_unit_test_setup_teardown(test_first_write, begin, end_summed),
		cmocka_unit_test_setup_teardown(test_in_a_row, begin, end_summed),
		cmocka_unit_test_setup_teardown(test_races, begin, end_summed),
		cmocka_unit_test_setup_teardown(test_shared, begin, end_summed),
		cmocka_unit_test_setup_teardown(test_no_room, begin, end_summed),
		cmocka_unit_test_setup_teardown(test_scrub, begin, end_summed),
		cmocka_unit_test_setup_teardown(test_scrub_beside, begin, end_summed),
		cmocka_unit_test_setup_teardown(test_restart, begin, end_summed),
		cmocka_unit_test_setup_teardown(test_format, begin, end_summed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
