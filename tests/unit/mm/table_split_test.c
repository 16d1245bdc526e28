/* SPDX-License-Identifier: MIT */
/* Large leaves that become tables of small ones, and tables that go with their leaves. */
#include "tests/unit/mm_machine.h"

#define AT    (5 * GIB)
#define INNER (AT + 7 * 2 * MIB + 9 * PAGE_SIZE) /* the address that is split for */

void tlb_arch_load_root(hpa_t root)
{
	(void)root;
}

void tlb_arch_kick(u32 cpu)
{
	(void)cpu;
}

static struct table table;

static u64 begin(const struct pt_format *format, struct quota *quota, enum pt_level level,
		 u32 rights)
{
	const struct pt_leaf leaf = {AT, HPA(2 * GIB), level, rights, PT_TYPE_WB};
	u64 before;

	machine_start(16 * MIB);
	before = machine_free_pages();
	assert_int_equal(table_init(&table, format, quota, false), STATUS_OK);
	assert_int_equal(table_map(&table, &leaf), STATUS_OK);
	return before;
}

static struct pt_leaf leaf_of(u64 at)
{
	struct pt_leaf leaf = {0};

	(void)table_lookup(&table, at, &leaf);
	return leaf;
}

static void finish(u64 before, struct quota *quota)
{
	u64 at = 0;

	while (table_unmap(&table, &at, 8 * GIB) == STATUS_AGAIN)
		;
	table_free(&table);
	machine_assert_clean(before, quota);
}

/* From 1 GiB to 4 KiB at once: the same memory, only the smallest leaves executable. */
static void test_split(void **state)
{
	static const struct pt_format *const formats[] = {&format_ept, &format_npt};
	static const u32 rights[] = {PT_READ, PT_READ | PT_WRITE};

	(void)state;
	for (u32 n = 0; n < 4; n++) {
		u64 before = begin(formats[n / 2], NULL, PT_LEVEL_1G, rights[n % 2]);
		u64 tables = page_counts[PAGE_TABLE];
		struct pt_walk walk;

		assert_int_equal(table_split(&table, INNER, &walk), STATUS_OK);
		assert_int_equal(walk.level, PT_LEVEL_4K);
		assert_int_equal(walk.entry & PTE_ADDRESS, 2 * GIB + (INNER - AT));
		assert_int_equal(page_counts[PAGE_TABLE], tables + 2);
		for (u64 at = AT; at < AT + GIB; at += PAGE_SIZE) {
			bool small = (at ^ INNER) < 2 * MIB;
			struct pt_leaf leaf = leaf_of(at);

			assert_int_equal(leaf.hpa.value + (at - leaf.at), 2 * GIB + (at - AT));
			assert_int_equal(leaf.level, small ? PT_LEVEL_4K : PT_LEVEL_2M);
			assert_int_equal(leaf.rights, rights[n % 2] | (small ? PT_EXECUTE : 0));
			assert_int_equal(leaf.type, PT_TYPE_WB);
		}
		/* nothing is left to split, and what is mapped nowhere is not */
		assert_int_equal(table_split(&table, INNER, &walk), STATUS_OK);
		assert_int_equal(table_split(&table, AT + GIB, &walk), STATUS_OK);
		assert_int_equal(walk.entry, 0);
		assert_int_equal(page_counts[PAGE_TABLE], tables + 2);
		/* each leaf of the table counts: it goes with the last one, not before */
		for (u64 i = 0; i < 512; i++) {
			u64 at = align_down(INNER, 2 * MIB) + i * PAGE_SIZE;
			u64 cursor = at;

			assert_true(table_walk(&table, at, &walk));
			assert_int_equal(table_unmap(&table, &cursor, at + PAGE_SIZE), STATUS_OK);
		}
		(void)table_walk(&table, INNER, &walk);
		assert_int_equal(walk.level, PT_LEVEL_2M);
		assert_int_equal(walk.entry, 0);
		finish(before, NULL);
	}
}

/* Without a page for a table it ends half-way: what is mapped stays mapped. */
static void test_split_quota(void **state)
{
	(void)state;
	for (u64 room = 0; room < 3; room++) {
		struct quota quota;
		struct pt_walk walk;
		u64 before;

		machine_start(16 * MIB);
		machine_quota(&quota, 100);
		before = begin(&format_ept, &quota, PT_LEVEL_1G, PT_READ);
		quota.account->quota_pages = quota.account->used_pages + room;
		assert_int_equal(table_split(&table, INNER, &walk),
				 room < 2 ? STATUS_NO_QUOTA : STATUS_OK);
		assert_int_equal(leaf_of(INNER).level, PT_LEVEL_1G - room);
		for (u64 at = AT; at < AT + GIB; at += PAGE_SIZE)
			assert_int_equal(leaf_of(at).hpa.value + (at - leaf_of(at).at),
					 2 * GIB + (at - AT));
		finish(before, &quota);
	}
}

/* A table goes as a whole where the range has all of it, and nowhere else. */
static void test_unmap_whole(void **state)
{
	static const u64 ranges[][2] = {
		{0, 4 * MIB},
		{2 * MIB, 6 * MIB},
		{PAGE_SIZE, 4 * MIB},
		{PAGE_SIZE, 4 * MIB - PAGE_SIZE},
		{2 * MIB, 4 * MIB - PAGE_SIZE},
		{MIB, 3 * MIB},
		{0, 8 * MIB},
	};

	(void)state;
	for (u32 n = 0; n < ARRAY_COUNT(ranges); n++) {
		u64 before = begin(&format_npt, NULL, PT_LEVEL_2M, PT_READ);
		u64 from = AT + ranges[n][0];
		u64 to = AT + ranges[n][1];
		struct pt_leaf leaf = leaf_of(AT);
		struct pt_walk walk;
		u32 steps = 0;

		for (leaf.at += 2 * MIB; leaf.at < AT + 8 * MIB; leaf.at += 2 * MIB)
			assert_int_equal(table_map(&table, &leaf), STATUS_OK);
		for (u64 at = AT; at < AT + 8 * MIB; at += 2 * MIB)
			assert_int_equal(table_split(&table, at, &walk), STATUS_OK);
		for (u64 at = from; table_unmap(&table, &at, to) == STATUS_AGAIN;)
			assert_in_range(++steps, 1, 16);
		for (u64 at = AT; at < AT + 8 * MIB; at += PAGE_SIZE)
			assert_int_equal(leaf_of(at).rights == 0, at >= from && at < to);
		if (from % (2 * MIB) == 0 && to % (2 * MIB) == 0)
			assert_int_equal(steps, 0);
		finish(before, NULL);
	}
}

/* A CPU may know the way to a table that goes: it stays as it is until the CPU has passed. */
static void test_whole_is_kept(void **state)
{
	struct pt_walk walk;
	u64 at = AT;
	u64 *leaves;

	(void)state;
	(void)begin(&format_ept, NULL, PT_LEVEL_2M, PT_READ);
	assert_int_equal(table_split(&table, AT, &walk), STATUS_OK);
	leaves = hpa_to_pointer(walk.node[PT_LEVEL_4K]);
	assert_int_equal(table_unmap(&table, &at, AT + 2 * MIB), STATUS_OK);
	assert_int_equal(tlb_pages_waiting(), 3);
	assert_int_equal(page_owner(walk.node[PT_LEVEL_4K]), PAGE_TABLE);
	for (u64 i = 0; i < PT_ENTRY_COUNT; i++)
		assert_int_equal(leaves[i] & PTE_ADDRESS, 2 * GIB + i * PAGE_SIZE);
	machine_settle();
	assert_int_equal(page_counts[PAGE_TABLE], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_split_quota),
		cmocka_unit_test(test_unmap_whole),
		cmocka_unit_test(test_whole_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
