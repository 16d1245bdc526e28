/* SPDX-License-Identifier: MIT */
/* Tests of what volumes have of a store: chunks of their own, and room that they were promised. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/string.h"
#include "vmm/driver/disk/layers/store/pool_load.h"
#include "vmm/driver/disk/layers/store/pool_map.c"
#include "vmm/rt/crc32c.h"

#define SECTORS 16384u /* 8 MiB */

static struct pool pool;
static u8 *memory;

/* Takes over that the changes are on the disk. */
static void commit(void)
{
	pool_committed(&pool, pool_freeze(&pool));
}

static int set_up(void **state)
{
	struct store_superblock super = {
		.magic = STORE_MAGIC, .version = STORE_VERSION, .next_id = 1};

	(void)state;
	assert_true(pool_lay_out(SECTORS, STORE_CHUNK_LEAST, &super));
	free(memory);
	memory = malloc(pool_bytes(super.blocks, super.chunks));
	assert_non_null(memory);
	pool_open(&pool, &super, memory);
	return 0;
}

/* Writes to a chunk of the volume as the layer does. Returns whether it needed a new chunk. */
static bool write_needs_chunk(u64 id, u64 index)
{
	bool alone = false;
	u32 chunk = NO_CHUNK;
	bool mapped = pool_look_up(&pool, pool_find(&pool, id), index, &chunk, &alone);

	if (mapped && alone)
		return false;
	chunk = pool_take_chunk(&pool);
	assert_int_not_equal(chunk, NO_CHUNK);
	assert_true(pool_put(&pool, id, index, chunk));
	return true;
}

static u32 chunks_needed(u64 id, u32 count)
{
	u32 needed = 0;

	for (u32 i = 0; i < count; i++) {
		bool needs = write_needs_chunk(id, i);

		needed += needs;
		if (needs)
			commit();
	}
	return needed;
}

/* A chunk that a volume was given stays its own while others beside it come and go. */
static void test_neighbours(void **state)
{
	struct store_item item = {.sectors = 20 * 128, .name = "volume"};
	u64 snapshot;
	u64 id;

	(void)state;
	commit();
	commit();
	assert_int_equal(pool_add(&pool, &item, 0, 0, 0, &id), STORE_OK);
	assert_int_equal(chunks_needed(id, 20), 20);
	assert_int_equal(chunks_needed(id, 20), 0);
	assert_true(pool_put(&pool, id, 7, NO_CHUNK));
	commit();
	assert_int_equal(chunks_needed(id, 20), 1);

	/* each is copied once after a snapshot, and once more at most when that is dropped */
	string_copy(item.name, sizeof(item.name), "snapshot");
	item.volume = id;
	assert_int_equal(pool_add(&pool, &item, id, STORE_VOLUME_SNAPSHOT, 0, &snapshot), STORE_OK);
	commit();
	assert_int_equal(chunks_needed(id, 20), 20);
	assert_int_equal(chunks_needed(id, 20), 0);
	assert_int_equal(pool_drop(&pool, snapshot), STORE_OK);
	while (pool_sweep(&pool, 3))
		continue;
	commit();
	assert_int_equal(chunks_needed(id, 20), 0);
}

/* A snapshot keeps chunks, so it needs room of its own: what another was promised stays there. */
static void test_promise(void **state)
{
	struct store_item item = {.name = "one"};
	u64 id, other, snapshot;

	(void)state;
	item.sectors = pool.super.chunks / 3 * 128ull;
	assert_int_equal(pool_add(&pool, &item, 0, 0, 0, &id), STORE_OK);
	string_copy(item.name, sizeof(item.name), "other");
	assert_int_equal(pool_add(&pool, &item, 0, 0, 0, &other), STORE_OK);
	(void)chunks_needed(id, pool.super.chunks / 3);
	string_copy(item.name, sizeof(item.name), "first");
	item.volume = id;
	assert_int_equal(pool_add(&pool, &item, id, STORE_VOLUME_SNAPSHOT, 0, &snapshot), STORE_OK);
	commit();
	(void)chunks_needed(id, pool.super.chunks / 3);
	string_copy(item.name, sizeof(item.name), "second");
	assert_int_equal(pool_add(&pool, &item, id, STORE_VOLUME_SNAPSHOT, 0, &snapshot),
			 STORE_NO_SPACE);
	/* to go back takes no more than the volume has */
	assert_int_equal(pool_roll_back(&pool, id, snapshot), STORE_OK);
	commit();
	commit();
	assert_int_equal(chunks_needed(other, pool.super.chunks / 3), pool.super.chunks / 3);
}

/* A volume is found where it was last, and also if it is elsewhere or gone. */
static void test_found_again(void **state)
{
	struct store_item item = {.sectors = 128};
	u64 id[100];
	u32 number = ~0u;

	(void)state;
	pool.super.flags = STORE_OVERCOMMIT;
	for (u32 i = 0; i < 100; i++) {
		snprintf(item.name, sizeof(item.name), "volume %u", i);
		assert_int_equal(pool_add(&pool, &item, 0, 0, 0, &id[i]), STORE_OK);
	}
	for (u32 i = 100; i-- > 0;) {
		for (u32 again = 0; again < 2; again++) {
			assert_int_equal(pool_find_again(&pool, id[i], &number)->id, id[i]);
			assert_int_equal(number, i);
		}
	}
	assert_int_equal(pool_drop(&pool, id[40]), STORE_OK);
	number = 40;
	assert_null(pool_find_again(&pool, id[40], &number));
	number = 41;
	assert_null(pool_find_again(&pool, 0, &number));
	assert_null(pool_find_again(&pool, 0, &number));
}

/* Sizes are reserved unless the store promises more than it has. */
static void test_space(void **state)
{
	struct store_item item = {.sectors = SECTORS, .name = "all"};
	u64 id;

	(void)state;
	assert_int_equal(pool_add(&pool, &item, 0, 0, 0, &id), STORE_NO_SPACE);
	item.sectors = pool.super.chunks * 128ull;
	assert_int_equal(pool_add(&pool, &item, 0, 0, 0, &id), STORE_OK);
	string_copy(item.name, sizeof(item.name), "more");
	item.sectors = 128;
	assert_int_equal(pool_add(&pool, &item, 0, 0, 0, &id), STORE_NO_SPACE);
	pool.super.flags = STORE_OVERCOMMIT;
	assert_int_equal(pool_add(&pool, &item, 0, 0, 0, &id), STORE_OK);
	assert_int_equal(pool_add(&pool, &item, 0, 0, 0, &id), STORE_EXISTS);
	assert_int_equal(pool_rename(&pool, id, "all", 0), STORE_EXISTS);
	assert_int_equal(pool_rename(&pool, id, "other", 0), STORE_OK);
	assert_int_equal(pool_resize(&pool, id, 64), STORE_BAD);
	assert_int_equal(pool_resize(&pool, id, 3ull << 32), STORE_OK);
	assert_int_equal(pool_resize(&pool, id, 1ull << 40), STORE_BAD);
	assert_int_equal(pool_drop(&pool, id), STORE_OK);
	assert_int_equal(pool_drop(&pool, id), STORE_MISSING);
}

/* What a dropped clone is still found to hold through the last superblock is not written to. */
static void test_dropped_clone(void **state)
{
	struct store_item item = {.sectors = 4 * 128, .name = "one"};
	u64 one;
	u64 clone;
	u32 chunk;
	bool alone;

	(void)state;
	assert_int_equal(pool_add(&pool, &item, 0, 0, 0, &one), STORE_OK);
	assert_true(pool_put(&pool, one, 0, pool_take_chunk(&pool)));
	string_copy(item.name, sizeof(item.name), "clone");
	assert_int_equal(pool_add(&pool, &item, one, 0, 0, &clone), STORE_OK);
	commit();
	commit();
	assert_int_equal(pool_drop(&pool, clone), STORE_OK);
	assert_true(pool_put(&pool, one, 1, pool_take_chunk(&pool)));
	assert_true(pool_look_up(&pool, pool_find(&pool, one), 0, &chunk, &alone));
	assert_false(alone);
	commit();
	commit();
	assert_true(pool_look_up(&pool, pool_find(&pool, one), 0, &chunk, &alone));
	assert_true(alone);
}

static int free_memory(void **state)
{
	(void)state;
	free(memory);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_neighbours, set_up),
		cmocka_unit_test_setup(test_promise, set_up),
		cmocka_unit_test_setup(test_found_again, set_up),
		cmocka_unit_test_setup(test_space, set_up),
		cmocka_unit_test_setup(test_dropped_clone, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, free_memory);
}
