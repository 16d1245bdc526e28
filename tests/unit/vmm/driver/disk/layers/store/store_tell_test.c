/* SPDX-License-Identifier: MIT */
/* Tests of what the manager is told of a store, and of when that is found out. */
#include "tests/unit/store_fake.h"

static u64 own_below(const struct pool *pool, u32 block)
{
	const struct store_node *node = pool_node(pool, block);
	u64 count = 0;

	if (block == 0 || pool->block[block].uses != 1)
		return 0;
	for (u32 i = 0; i < STORE_FAN; i++) {
		if (node->word[i] != 0 && node->kind == STORE_NODE_LEAF)
			count += pool->chunk[node->word[i] - 1].uses == 1;
		else if (node->word[i] != 0)
			count += own_below(pool, (u32)node->word[i]);
	}
	return count;
}

static u64 all_below(const struct pool *pool, u32 block)
{
	const struct store_node *node = pool_node(pool, block);
	u64 count = 0;

	for (u32 i = 0; block != 0 && i < STORE_FAN; i++) {
		if (node->word[i] != 0)
			count += node->kind == STORE_NODE_LEAF
					 ? 1
					 : all_below(pool, (u32)node->word[i]);
	}
	return count;
}

static void check_told(void)
{
	const struct pool *pool = &stores[0].pool;

	for (u32 i = 0; i < STORE_VOLUME_MAX; i++) {
		const struct store_volume *volume = &page_of(0)->volume[i];
		const struct store_record *record = pool_record(pool, i);

		assert_int_equal(volume->id, record != NULL ? record->id : 0);
		if (record == NULL)
			continue;
		assert_string_equal(volume->name, record->name);
		assert_int_equal(volume->sectors, record->sectors);
		assert_int_equal(volume->flags, record->flags);
		assert_int_equal(volume->own_bytes, own_below(pool, record->root) * CHUNK * 512);
		assert_int_equal(volume->own_bytes + volume->shared_bytes,
				 all_below(pool, record->root) * CHUNK * 512);
	}
}

/* What the manager is told is what the store holds, whatever has changed. */
static void test_told(void **state)
{
	u64 wide = create(0, "wide", 700 * STORE_FAN * CHUNK, 0);
	struct store_item item = {.volume = wide, .name = "copy"};
	char name[8];

	(void)state;
	come(0, 0, wide);
	for (u32 i = 0; i < 9; i++)
		write_chunk(0, i * 77ull * STORE_FAN + i, 1);
	settle();
	check_told();
	assert_int_not_equal(page_of(0)->volume[0].own_bytes, 0);
	item.volume = create(0, "clone", 700 * STORE_FAN * CHUNK, wide);
	check_told();
	assert_int_equal(page_of(0)->volume[0].own_bytes, 0);
	assert_int_equal(page_of(0)->volume[1].shared_bytes, 9 * CHUNK * 512);
	write_chunk(0, 77ull * STORE_FAN + 1, 2);
	settle();
	check_told();
	for (u32 i = 0; i < 70; i++) {
		snprintf(name, sizeof(name), "v%u", i);
		(void)create(0, name, (1 + i % 5) * CHUNK, 0);
	}
	check_told();
	assert_int_equal(ask(0, STORE_RENAME, &item), STORE_OK);
	check_told();
	assert_int_equal(ask_drop(item.volume), STORE_OK);
	check_told();
	(void)create(0, "again", 9 * CHUNK, 0);
	check_told();
	begin_process();
	give(0, MEMORY);
	settle();
	check_told();
}

/* A store that is made where another one was has none of its volumes. */
static void test_told_of_new_store(void **state)
{
	struct store_item item = {.flags = STORE_FORMAT_OVER};
	u64 id[40];
	char name[8];

	(void)state;
	for (u32 i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "v%u", i);
		id[i] = create(0, name, CHUNK, 0);
	}
	for (u32 i = 0; i < 40; i++)
		assert_int_equal(ask_drop(id[i]), STORE_OK);
	page_of(0)->volume[39].id = 1; /* as if it were there */
	assert_int_equal(ask(0, STORE_FORMAT, &item), STORE_OK);
	check_told();
	store_fail(&stores[0], STORE_FAILED, "of a test");
	page_of(0)->volume[39].id = 1;
	settle();
	assert_int_equal(page_of(0)->volume[39].id, 0);
}

/* A commit costs what has changed: neither other volumes nor chunks are looked at. */
static void test_commit_is_cheap(void **state)
{
	struct store_item item = {.sectors = 2 * CHUNK};
	char name[8];

	(void)state;
	for (u32 i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "v%u", i);
		(void)create(0, name, CHUNK, 0);
	}
	item.volume = page_of(0)->volume[39].id;
	page_of(0)->volume[0].sectors = 1;
	assert_int_equal(ask(0, STORE_RESIZE, &item), STORE_OK);
	assert_int_equal(page_of(0)->volume[39].sectors, 2 * CHUNK);
	assert_int_equal(page_of(0)->volume[0].sectors, 1);
}

static void step(void)
{
	(void)store_serve();
	if (io.busy)
		io_end(BLOCK_OK);
	now_tsc += 100;
}

/* Volumes are counted after a command's answer, in small steps, a twentieth of the time at most. */
static void test_background(void **state)
{
	struct store_item item = {.sectors = CHUNK, .name = "two"};
	u64 wide = create(0, "wide", 100 * STORE_FAN * CHUNK, 0);
	struct store_count *count = &stores[0].count;
	u32 first = 0; /* steps at the first volume */
	u32 steps = 0;

	(void)state;
	come(0, 0, wide);
	for (u32 i = 0; i < 20; i++)
		write_chunk(0, i * (u64)STORE_FAN, 1);
	settle();
	assert_int_equal(store_deadline(), ~0ull);
	assert_true(store_may_wait());
	ask_begin(0, STORE_CREATE, &item, 1);
	while (page_of(0)->answer.number != command_number)
		step();
	assert_true(count->due || count->under_way);
	assert_false(store_may_wait());
	for (; !store_may_wait(); steps++) {
		first += count->under_way && count->number == 0;
		step();
	}
	assert_true(first >= 20 / COUNT_NODES);
	check_told();

	/* what changes now is counted later */
	leave(0);
	assert_int_not_equal(page_of(0)->volume[0].own_bytes, 0);
	for (u32 i = 0; i < 2; i++) {
		string_copy(item.name, sizeof(item.name), "three");
		item.volume = i == 0 ? wide : 0;
		ask_begin(0, i == 0 ? STORE_DROP : STORE_CREATE, &item, 1);
		while (page_of(0)->answer.number != command_number)
			step();
	}
	assert_string_equal(page_of(0)->volume[0].name, "three");
	assert_int_equal(page_of(0)->volume[0].own_bytes, 0);
	assert_true(count->due && now_tsc < count->not_before);
	assert_true(count->not_before - count->began >= 19 * 100ull * (steps - 1));
	assert_true(store_may_wait());
	assert_int_equal(store_deadline(), count->not_before);
	io.busy = true;
	assert_int_equal(store_deadline(), ~0ull);
	io.busy = false;
	now_tsc = count->not_before;
	assert_false(store_may_wait());
	settle();
	assert_int_equal(store_deadline(), ~0ull);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_told, begin, end),
		cmocka_unit_test_setup_teardown(test_told_of_new_store, begin, end),
		cmocka_unit_test_setup_teardown(test_commit_is_cheap, begin, end),
		cmocka_unit_test_setup_teardown(test_background, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
