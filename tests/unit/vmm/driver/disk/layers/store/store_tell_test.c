/* SPDX-License-Identifier: MIT */
/* Tests of what the manager is told of a store, and of when that is found out. */
#include <signal.h>

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

/* --- the manager reads at any moment --- */

static struct store_volume versions[2]; /* of a volume: before a change, and after it */
static struct store_told states[2];	/* of the store likewise */
static u32 volume_moments, told_moments, fresh_moments;

/* Reads what the driver, which stands still between two of its instructions, is changing. */
static void read_reports(int number)
{
	const struct store_page *page = page_of(0);
	struct store_volume volume;
	struct store_told told;
	bool old;

	(void)number;
	assert_true(store_page_copy(page, &volume, &page->volume[1], sizeof(volume)));
	old = memcmp(&volume, &versions[0], sizeof(volume)) == 0;
	assert_true(old || memcmp(&volume, &versions[1], sizeof(volume)) == 0);
	fresh_moments += !old;
	assert_true(store_page_copy(page, &volume, &page->volume[2], sizeof(volume)));
	assert_memory_equal(&volume, &versions[0], sizeof(volume));
	assert_true(store_page_copy(page, &told, &page->told, sizeof(told)));
	assert_true(memcmp(&told, &states[0], sizeof(told)) == 0 ||
		    memcmp(&told, &states[1], sizeof(told)) == 0);
	volume_moments += (u32)page->turn == offsetof(struct store_page, volume[1]);
	told_moments += (u32)page->turn == offsetof(struct store_page, told);
}

/* Lets the CPU trap after each instruction (RFLAGS.TF), or no more. */
static void trap_each(bool on)
{
	if (on)
		__asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq" ::: "memory", "cc");
	else
		__asm__ volatile("pushfq; andq $~0x100, (%%rsp); popfq" ::: "memory", "cc");
}

static void test_read_at_any_moment(void **state)
{
	struct store_page *page = page_of(0);

	(void)state;
	memset(versions, 0x11, sizeof(versions));
	memset(states, 0x33, sizeof(states));
	memset(&versions[1], 0x22, sizeof(versions[1]));
	memset(&states[1], 0x44, sizeof(states[1]));
	page->volume[1] = page->volume[2] = versions[0];
	page->told = states[0];
	assert_true(signal(SIGTRAP, read_reports) != SIG_ERR);
	trap_each(true);
	store_tell_report(page, &page->volume[1], &versions[1], sizeof(versions[1]));
	store_tell_report(page, &page->told, &states[1], sizeof(states[1]));
	trap_each(false);
	assert_true(volume_moments > 8 && told_moments > 8 && fresh_moments > 8);
	assert_memory_equal(&page->volume[1], &versions[1], sizeof(versions[1]));
	assert_memory_equal(&page->told, &states[1], sizeof(states[1]));
	assert_int_equal((u32)page->turn, 0);
}

/* The store's next process ends the change in which the last one has died. */
static void test_died_halfway(void **state)
{
	struct store_page *page = page_of(0);
	u32 of_volume = offsetof(struct store_page, volume[1]);
	u32 wrong[] = {of_volume + 8, sizeof(*page), ~0u, 8};
	struct store_volume torn;

	(void)state;
	memset(versions, 0x11, sizeof(versions));
	memcpy(page->fresh, &versions[0], sizeof(versions[0]));
	memset(&page->volume[1], 0x55, sizeof(page->volume[1]) / 2);
	page->turn = 7ull << 32 | of_volume;
	store_tell_finish(page);
	assert_memory_equal(&page->volume[1], &versions[0], sizeof(versions[0]));
	assert_int_equal(page->turn, 8ull << 32);
	memcpy(page->fresh, states, sizeof(states[0]));
	page->turn = offsetof(struct store_page, told);
	store_tell_finish(page);
	assert_memory_equal(&page->told, &states[0], sizeof(states[0]));
	/* a turn that is no report's is none */
	torn = page->volume[1];
	for (u32 i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		page->turn = wrong[i];
		store_tell_finish(page);
		assert_int_equal((u32)page->turn, 0);
		assert_memory_equal(&page->volume[1], &torn, sizeof(torn));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_told, begin, end),
		cmocka_unit_test_setup_teardown(test_read_at_any_moment, begin, end),
		cmocka_unit_test_setup_teardown(test_died_halfway, begin, end),
		cmocka_unit_test_setup_teardown(test_told_of_new_store, begin, end),
		cmocka_unit_test_setup_teardown(test_commit_is_cheap, begin, end),
		cmocka_unit_test_setup_teardown(test_background, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
