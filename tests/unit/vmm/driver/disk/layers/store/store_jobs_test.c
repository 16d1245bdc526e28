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
		assert_true(store_serve());
		if (!io.busy)
			continue; /* a load lets the other store have its turn */
		if (io.operation == BLOCK_WRITE)
			break;
		io_end(BLOCK_OK);
	}
	assert_int_equal(stores[0].state, STORE_READY);
	assert_memory_equal(medium, disk[0], 2 * STORE_BLOCK_BYTES);
}

/* What a store holds is only formatted over if the command says so, and never while it is used. */
static void test_format(void **state)
{
	struct store_item item = {.flags = 0, .sectors = 512};
	u64 one = create(0, "one", 8 * CHUNK, 0);

	(void)state;
	store_fail(&stores[0], STORE_SHORT, "");
	assert_int_equal(ask(0, STORE_FORMAT, &item), STORE_BAD);
	store_fail(&stores[0], STORE_FAILED, "");
	assert_int_equal(ask(0, STORE_FORMAT, &item), STORE_BAD);
	come(0, 0, one);
	item.flags = STORE_FORMAT_OVER;
	assert_int_equal(ask(0, STORE_FORMAT, &item), STORE_IN_USE);
	leave(0);
	assert_int_equal(ask(0, STORE_FORMAT, &item), STORE_OK);
}

/* A command that cannot be done changes nothing. */
static void test_all_or_none(void **state)
{
	struct store_item items[2] = {0};
	u64 one = create(0, "one", 8 * CHUNK, 0);
	u64 old = create(0, "old", 8 * CHUNK, one);
	u64 two = create(0, "two", 8 * CHUNK, 0);

	(void)state;
	come(0, 0, one);
	write_chunk(0, 0, 0x11);
	items[0] = (struct store_item){.volume = one, .other = old};
	items[1] = (struct store_item){.volume = two, .other = 999};
	ask_begin(0, STORE_ROLLBACK, items, 2);
	settle();
	assert_int_equal(page_of(0)->answer.status, STORE_MISSING);
	assert_int_equal(read_chunk(0, 0), 0x11);
	items[1] = items[0];
	items[1].other = one;
	ask_begin(0, STORE_ROLLBACK, items, 2);
	settle();
	assert_int_equal(page_of(0)->answer.status, STORE_BAD);
	assert_int_equal(read_chunk(0, 0), 0x11);
	leave(0);
	for (u32 i = 0; i < 3; i++) {
		items[0] = (struct store_item){.volume = old};
		items[1] = (struct store_item){.volume = i == 0 ? 999 : i == 1 ? old : one};
		come(0, 0, one);
		ask_begin(0, STORE_DROP, items, 2);
		settle();
		assert_int_not_equal(page_of(0)->answer.status, STORE_OK);
		assert_non_null(pool_find(&stores[0].pool, old));
		leave(0);
	}
	items[0].sectors = items[1].sectors = 16 * CHUNK;
	ask_begin(0, STORE_RESIZE, items, 2);
	settle();
	assert_int_equal(page_of(0)->answer.status, STORE_BAD);
	assert_int_equal(pool_find(&stores[0].pool, old)->sectors, 8 * CHUNK);
}

/* A process knows what the one before it has done, though the manager was not told. */
static void test_done_but_not_told(void **state)
{
	struct store_item item = {.sectors = 8 * CHUNK, .name = "one"};

	(void)state;
	ask_begin(0, STORE_CREATE, &item, 1);
	while (stores[0].pool.committed != stores[0].commanded_after) {
		(void)store_serve();
		if (io.busy)
			io_end(BLOCK_OK);
		if (stores[0].job == JOB_COMMIT && stores[0].step.step == COMMIT_DONE)
			break;
	}
	begin_process();
	give(0, MEMORY);
	settle();
	assert_int_equal(page_of(0)->answer.number, command_number);
	assert_int_equal(page_of(0)->answer.status, STORE_OK);
	assert_int_equal(page_of(0)->answer.volume[0], pool_find_name(&stores[0].pool, "one")->id);
	assert_int_equal(stores[0].pool.record_count, 1);
}

/* So it does with a new store: what a VM made in it meanwhile stays. */
static void test_formatted_but_not_told(void **state)
{
	struct store_item item = {.flags = STORE_FORMAT_OVER};

	(void)state;
	ask_begin(0, STORE_FORMAT, &item, 1);
	while (!stores[0].commanded || stores[0].commanded_after == 0 ||
	       stores[0].pool.committed < stores[0].commanded_after) {
		(void)store_serve();
		if (io.busy)
			io_end(BLOCK_OK);
	}
	page_of(0)->command.item[0].flags = 0;
	begin_process();
	give(0, MEMORY);
	settle();
	assert_int_equal(page_of(0)->answer.number, command_number);
	assert_int_equal(page_of(0)->answer.status, STORE_OK);
}

/* A store without a free block can still drop volumes, and does not write for ever. */
static void test_metadata_full(void **state)
{
	u64 last = 0;
	u64 chunk = 0;
	enum block_status status;
	char name[8];

	(void)state;
	for (u32 i = 0; i < STORE_RECORDS; i++) {
		snprintf(name, sizeof(name), "v%u", i);
		last = create(0, name, 3ull << 24, 0);
	}
	come(0, 0, last);
	for (; chunk < 500; chunk++) {
		enum layer_answer answer = LAYER_WAITS;

		for (u32 i = 0; i < 4 && answer == LAYER_WAITS; i++) {
			answer = ask_disk(0, BLOCK_WRITE, chunk * STORE_FAN, &status);
			settle();
		}
		if (answer == LAYER_WAITS)
			break;
	}
	assert_in_range(chunk, 1, 499);
	assert_int_equal(page_of(0)->wait[0], STORE_WAIT_METADATA);
	leave(0);
	assert_int_equal(page_of(0)->wait[0], STORE_WAIT_NOT);
	for (u32 i = 0; i < 4; i++) {
		struct store_item item = {.sectors = 8 * CHUNK};

		snprintf(item.name, sizeof(item.name), "w%u", i);
		(void)ask(0, STORE_CREATE, &item);
	}
	assert_int_equal(ask_drop(last), STORE_OK);
	settle();
	(void)create(0, "again", 8 * CHUNK, 0);
}

/* A rollback's source is not written to while it is shared. */
static void test_rollback_of_used(void **state)
{
	u64 one = create(0, "one", 8 * CHUNK, 0);
	u64 used = create(0, "used", 8 * CHUNK, 0);
	struct store_item item = {.volume = one, .other = used};

	(void)state;
	come(0, 0, used);
	write_chunk(0, 0, 0x11);
	clients[0].waiting = 1;
	ask_begin(0, STORE_ROLLBACK, &item, 1);
	(void)store_serve();
	assert_false(store_layer.may_ask(&clients[0]));
	clients[0].waiting = 0;
	settle();
	assert_int_equal(page_of(0)->answer.status, STORE_OK);
}

/* A volume goes back to its own snapshot however full the store is. */
static void test_rollback_needs_no_room(void **state)
{
	struct store_item item = {.name = "all"};
	u64 id;
	u64 old;

	(void)state;
	stores[0].pool.super.flags = 0;
	item.sectors = (stores[0].pool.super.chunks * 2ull / 5) * CHUNK;
	id = create(0, "all", item.sectors, 0);
	string_copy(item.name, sizeof(item.name), "old");
	item.volume = id;
	assert_int_equal(ask(0, STORE_SNAPSHOT, &item), STORE_OK);
	old = page_of(0)->answer.volume[0];
	item = (struct store_item){.volume = id, .other = old};
	assert_int_equal(ask(0, STORE_ROLLBACK, &item), STORE_OK);
	item.sectors = pool_find(&stores[0].pool, id)->sectors + 2 * CHUNK;
	assert_int_equal(ask(0, STORE_RESIZE, &item), STORE_OK);
	assert_int_equal(ask(0, STORE_ROLLBACK, &item), STORE_OK);
}

/* Gives a volume the content and key of another one, and ends the driver after so many steps. */
static bool rekeyed_before_end(u32 steps)
{
	u64 one = create(0, "one", 8 * CHUNK, 0);
	u64 other = create(0, "other", 8 * CHUNK, 0);
	struct store_item item = {.volume = one, .other = other, .key = {5, 6, "vault"}};
	const struct store_record *record;

	come(0, 0, other);
	write_chunk(0, 0, 0x22);
	leave(0);
	ask_begin(0, STORE_ROLLBACK, &item, 1);
	while (steps-- > 0) {
		(void)store_serve();
		if (io.busy)
			io_end(BLOCK_OK);
	}
	page_of(0)->command.number = 0;
	begin_process();
	give(0, MEMORY);
	settle();
	record = pool_find(&stores[0].pool, one);
	assert_int_equal(record->key_id == 5, record->root != 0);
	assert_int_equal(record->key_id == 5, strcmp(record->key, "vault") == 0);
	assert_int_equal(record->key_id == 5, record->key_tag == 6);
	/* going back without a key keeps the one that is there */
	item.key = (struct store_key){.id = 0};
	steps = record->key_id == 5;
	assert_int_equal(ask(0, STORE_ROLLBACK, &item), STORE_OK);
	assert_int_equal(pool_find(&stores[0].pool, one)->key_id == 5, steps);
	return steps;
}

/* A volume gets another one's content and key in one commit: it has both or neither. */
static void test_rekey(void **state)
{
	u32 with_key = 0;

	for (u32 i = 0; i < 24; i++) {
		with_key += rekeyed_before_end(i);
		(void)end(state);
		(void)begin(state);
	}
	assert_in_range(with_key, 1, 23);
}

/* A volume that cannot grow is as it was, whatever is left for the nodes that it needs. */
static void test_cannot_grow(void **state)
{
	u64 id = create(0, "one", 8 * CHUNK, 0);
	struct pool *pool = &stores[0].pool;
	u32 kept[5];
	u32 before, chunk;
	bool alone;

	(void)state;
	come(0, 0, id);
	write_chunk(0, 1, 0x11);
	assert_true(pool_look_up(pool, pool_find(pool, id), 1, &before, &alone));
	assert_non_null(pool_change(pool, id));
	for (u32 i = 0; i < 5; i++)
		kept[i] = pool_take_block(pool);
	while (pool_take_block(pool) != 0)
		continue;
	for (u32 i = 0; i < 5; i++) {
		(void)pool_resize(pool, id, 1ull << 30);
		assert_true(pool_look_up(pool, pool_find(pool, id), 1, &chunk, &alone));
		assert_int_equal(chunk, before);
		pool->block[kept[i]].uses = 0;
		pool->free_blocks++;
	}
}

/* Volumes can be dropped however full the store is, many at once and at once after many others. */
static void test_drop_when_full(void **state)
{
	struct store_item items[STORE_ITEM_MAX] = {0};
	struct pool *pool = &stores[0].pool;
	u64 id[2 * STORE_ITEM_MAX][STORE_RECORDS] = {0};
	enum block_status status;
	u64 last;

	(void)state;
	for (u32 i = 0; i < 2 * STORE_ITEM_MAX * STORE_RECORDS; i++) {
		snprintf(items[0].name, sizeof(items[0].name), "v%u", i);
		items[0].sectors = CHUNK;
		assert_int_equal(pool_add(pool, items, 0, 0, 0, &id[0][0] + i), STORE_OK);
	}
	assert_int_equal(pool_add(pool, &(struct store_item){.sectors = 3ull << 24, .name = "last"},
				  0, 0, 0, &last),
			 STORE_OK);
	settle();
	come(0, 0, last);
	for (u64 chunk = 0; store_clients[0].starved_at == 0; chunk++) {
		while (store_clients[0].starved_at == 0 &&
		       ask_disk(0, BLOCK_WRITE, chunk * STORE_FAN, &status) == LAYER_WAITS)
			settle();
	}
	assert_in_range(pool->free_blocks, POOL_BLOCKS_KEPT, POOL_BLOCKS_KEPT + 8);
	for (u32 i = 0; i < 4; i++) {
		(void)ask_disk(0, BLOCK_WRITE, 40 * STORE_FAN, &status);
		settle();
	}
	/* a discard can be left undone where it cannot be noted, so its client goes on */
	leave(0);
	come(0, 0, last);
	for (u32 i = 0; i < 4 && ask_disk(0, BLOCK_DISCARD, 0, &status) == LAYER_WAITS; i++)
		settle();
	assert_int_equal(ask_disk(0, BLOCK_DISCARD, 0, &status), LAYER_WAITS);
	settle();
	assert_int_equal(ask_disk(0, BLOCK_DISCARD, 0, &status), LAYER_ENDS);
	assert_int_equal(status, BLOCK_OK);
	for (u32 i = 0; i < 2; i++) {
		for (u32 k = 0; k < STORE_ITEM_MAX; k++)
			items[k] = (struct store_item){.volume = id[i * STORE_ITEM_MAX + k][0]};
		ask_begin(0, STORE_DROP, items, STORE_ITEM_MAX);
		settle();
		assert_int_equal(page_of(0)->answer.number, command_number);
		assert_int_equal(page_of(0)->answer.status, STORE_OK);
	}
}

/* A command is done although a client takes each block that comes free. */
static void test_command_beside_client(void **state)
{
	struct pool *pool = &stores[0].pool;
	u64 id = create(0, "one", 3ull << 24, 0);
	struct store_item item = {.sectors = CHUNK, .name = "two"};
	enum block_status status;
	u64 chunk = 0;

	(void)state;
	come(0, 0, id);
	write_chunk(0, 0, 1);
	settle();
	while (pool->free_blocks > POOL_BLOCKS_KEPT + STORE_LEVELS_MAX + 1)
		assert_int_not_equal(pool_take_block(pool), 0);
	for (u32 i = 0; i < 400; i++) {
		if (i == 100)
			ask_begin(0, STORE_CREATE, &item, 1);
		while (ask_disk(0, BLOCK_WRITE, chunk, &status) == LAYER_PASSES)
			chunk = (chunk + 1) % 400;
		(void)store_serve();
		if (io.busy)
			io_end(BLOCK_OK);
	}
	assert_in_range(chunk, 5, 399);
	assert_int_equal(page_of(0)->answer.number, command_number);
	assert_int_equal(page_of(0)->answer.status, STORE_OK);
}

/* What was freed is used again after any number of commits. */
static void test_many_commits(void **state)
{
	u64 id = create(0, "one", 200 * CHUNK, 0);
	struct store_item item = {.volume = id};
	struct pool *pool = &stores[0].pool;
	u32 taken = 0;

	(void)state;
	come(0, 0, id);
	for (u32 i = 0; i < 100; i++)
		write_chunk(0, i, 1);
	leave(0);
	assert_int_equal(ask(0, STORE_DROP, &item), STORE_OK);
	for (u32 i = 0; i < 300; i++) {
		/* as many commits as if each were one of 8 million; a multiple of the items */
		pool->now += 500ull * pool->super.chunks * pool->super.blocks;
		(void)pool_freeze(pool);
		pool_committed(pool, 0);
	}
	while (pool_take_chunk(pool) != NO_CHUNK)
		taken++;
	assert_int_equal(taken, pool->super.chunks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_load_without_room, begin, end),
		cmocka_unit_test_setup_teardown(test_ends_before_flush, begin, end),
		cmocka_unit_test_setup_teardown(test_format, begin, end),
		cmocka_unit_test_setup_teardown(test_all_or_none, begin, end),
		cmocka_unit_test_setup_teardown(test_done_but_not_told, begin, end),
		cmocka_unit_test_setup_teardown(test_formatted_but_not_told, begin, end),
		cmocka_unit_test_setup_teardown(test_metadata_full, begin, end),
		cmocka_unit_test_setup_teardown(test_rollback_of_used, begin, end),
		cmocka_unit_test_setup_teardown(test_rollback_needs_no_room, begin, end),
		cmocka_unit_test_setup_teardown(test_rekey, begin, end),
		cmocka_unit_test_setup_teardown(test_cannot_grow, begin, end),
		cmocka_unit_test_setup_teardown(test_drop_when_full, begin, end),
		cmocka_unit_test_setup_teardown(test_command_beside_client, begin, end),
		cmocka_unit_test_setup_teardown(test_many_commits, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
