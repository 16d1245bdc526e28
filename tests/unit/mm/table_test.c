/* SPDX-License-Identifier: MIT */
/*
 * Page tables of all formats: mapping, splitting, protecting and unmapping, compared with a model,
 * also when allocations fail.
 */
#include "tests/unit/mm/leaf_next.h"
#include "tests/unit/mm_machine.h"

void tlb_arch_load_root(hpa_t root)
{
	(void)root;
}

void tlb_arch_kick(u32 cpu)
{
	(void)cpu;
}

static u64 entry_at(const struct table *table, u64 at, enum pt_level level)
{
	struct pt_walk walk;

	table_walk_down(table, at, level, &walk);
	assert_int_equal(walk.level, level);
	return walk.entry;
}

static struct pt_leaf leaf_make(u64 at, u64 hpa, enum pt_level level, u32 rights, enum pt_type type)
{
	return (struct pt_leaf){
		.at = at, .hpa = HPA(hpa), .level = level, .rights = rights, .type = type};
}

/* Entries written out by the manuals. */
static void test_formats(void **state)
{
	static const struct {
		const struct pt_format *format;
		enum pt_level level;
		u32 rights;
		enum pt_type type;
		u64 bits;
	} cases[] = {
		{&format_host, PT_LEVEL_4K, PT_READ, PT_TYPE_WB, 0x8000000000000061},
		{&format_host, PT_LEVEL_4K, PT_READ | PT_EXECUTE, PT_TYPE_WB, 0x61},
		{&format_host, PT_LEVEL_4K, PT_READ | PT_WRITE | PT_USER, PT_TYPE_WB,
		 0x8000000000000067},
		{&format_host, PT_LEVEL_4K, PT_READ | PT_WRITE, PT_TYPE_UC, 0x800000000000007b},
		{&format_host, PT_LEVEL_2M, PT_READ | PT_WRITE, PT_TYPE_WB, 0x80000000000000e3},
		{&format_host, PT_LEVEL_1G, PT_READ | PT_EXECUTE, PT_TYPE_WB, 0xe1},
		{&format_npt, PT_LEVEL_4K, PT_READ | PT_WRITE | PT_EXECUTE, PT_TYPE_WB, 0x67},
		{&format_npt, PT_LEVEL_2M, PT_READ, PT_TYPE_WB, 0x80000000000000e5},
		{&format_npt, PT_LEVEL_4K, PT_READ | PT_WRITE, PT_TYPE_UC, 0x800000000000007f},
		{&format_ept, PT_LEVEL_4K, PT_READ | PT_WRITE | PT_EXECUTE, PT_TYPE_WB, 0x77},
		{&format_ept, PT_LEVEL_4K, PT_READ, PT_TYPE_WB, 0x71},
		{&format_ept, PT_LEVEL_2M, PT_READ | PT_WRITE, PT_TYPE_WB, 0xf3},
		{&format_ept, PT_LEVEL_1G, PT_READ | PT_EXECUTE, PT_TYPE_WB, 0xf5},
		{&format_ept, PT_LEVEL_4K, PT_READ | PT_WRITE, PT_TYPE_UC, 0x43},
		{&format_vtd, PT_LEVEL_4K, PT_READ | PT_WRITE, PT_TYPE_WB, 0x3},
		{&format_vtd, PT_LEVEL_4K, PT_READ, PT_TYPE_WB, 0x1},
		{&format_vtd, PT_LEVEL_2M, PT_READ | PT_WRITE, PT_TYPE_WB, 0x83},
		{&format_amdvi, PT_LEVEL_4K, PT_READ | PT_WRITE, PT_TYPE_WB, 0x7000000000000001},
		{&format_amdvi, PT_LEVEL_4K, PT_READ, PT_TYPE_WB, 0x3000000000000001},
		{&format_amdvi, PT_LEVEL_2M, PT_READ, PT_TYPE_WB, 0x3000000000000081},
	};

	(void)state;
	machine_start(8 * MIB);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct pt_leaf leaf = leaf_make(0x7fc0000000, 0xff80000000, cases[i].level,
						cases[i].rights, cases[i].type);
		struct pt_leaf found;
		struct table table;

		assert_int_equal(table_init(&table, cases[i].format, NULL, false), STATUS_OK);
		assert_int_equal(table_map(&table, &leaf), STATUS_OK);
		assert_int_equal(entry_at(&table, leaf.at, leaf.level),
				 cases[i].bits | 0xff80000000);
		assert_true(table_lookup(&table, leaf.at, &found));
		assert_int_equal(found.type, cases[i].type);
		assert_int_equal(found.rights, cases[i].rights); /* a guest's leaf has no PT_USER */
		assert_int_equal(found.level, cases[i].level);
		assert_int_equal(table_entry(&table, leaf.at, leaf.level), cases[i].bits);
		assert_int_equal(
			table_entry(&table, leaf.at + table_level_bytes(leaf.level), leaf.level),
			0);
		if (leaf.level > PT_LEVEL_4K)
			assert_int_equal(table_entry(&table, leaf.at, leaf.level - 1), 0);
		assert_int_equal(entry_at(&table, leaf.at, PT_LEVEL_512G) & 0xfff,
				 cases[i].format == &format_ept	    ? 0x7
				 : cases[i].format == &format_vtd   ? 0x3
				 : cases[i].format == &format_amdvi ? 0x601
								    : 0x27);
	}
}

#define MODEL_MAX 600

static struct {
	struct pt_leaf leaf[MODEL_MAX];
	size_t count;
} model;

static struct pt_leaf *model_find(u64 at, u64 bytes)
{
	for (size_t i = 0; i < model.count; i++)
		if (ranges_overlap(at, bytes, model.leaf[i].at,
				   table_level_bytes(model.leaf[i].level)))
			return &model.leaf[i];
	return NULL;
}

/* A few places close together, so that leaves of all sizes collide. */
static u64 place_random(enum pt_level level)
{
	u64 at = random_below(3) * 512 * GIB + random_below(3) * GIB + random_below(3) * 2 * MIB +
		 random_below(4) * 37 * PAGE_SIZE;

	return align_down(at, table_level_bytes(level));
}

static void model_map(struct table *table)
{
	static const u32 rights[] = {PT_READ, PT_READ | PT_WRITE, PT_READ | PT_EXECUTE};
	enum pt_level level = random_below(10) == 0 ? PT_LEVEL_1G : (enum pt_level)random_below(2);
	struct pt_leaf leaf = leaf_make(place_random(level), 0, level, rights[random_below(3)],
					(enum pt_type)random_below(2));
	bool there = model_find(leaf.at, table_level_bytes(level)) != NULL;

	leaf.hpa = HPA(align_down(random_below(1ull << 40), table_level_bytes(level)));
	if (there) {
		assert_int_equal(table_map(table, &leaf), STATUS_IN_USE);
		return;
	}
	assert_int_equal(table_map(table, &leaf), STATUS_OK);
	assert_true(model.count < MODEL_MAX);
	model.leaf[model.count++] = leaf;
}

static void model_unmap(struct table *table)
{
	enum pt_level level = random_below(4) == 0 ? PT_LEVEL_1G : (enum pt_level)random_below(2);
	u64 at = place_random(level);
	u64 end = at + table_level_bytes(level) * (1 + random_below(3));
	u64 cursor = at;

	/* A range must not begin or end inside a leaf. */
	for (size_t i = 0; i < model.count; i++) {
		u64 leaf_at = model.leaf[i].at;
		u64 leaf_end = leaf_at + table_level_bytes(model.leaf[i].level);

		if ((leaf_at < at && leaf_end > at) || (leaf_at < end && leaf_end > end))
			return;
	}
	while (table_unmap(table, &cursor, end) == STATUS_AGAIN)
		;
	for (size_t i = 0; i < model.count;) {
		if (model.leaf[i].at >= at && model.leaf[i].at < end)
			model.leaf[i] = model.leaf[--model.count];
		else
			i++;
	}
}

static void model_check(const struct table *table)
{
	struct pt_leaf found;
	u64 at = 0;
	size_t seen = 0;

	for (unsigned int n = 0; n < 20; n++) {
		u64 place = place_random(PT_LEVEL_4K);
		struct pt_leaf *leaf = model_find(place, PAGE_SIZE);

		assert_int_equal(table_lookup(table, place, &found), leaf != NULL);
		if (leaf == NULL)
			continue;
		assert_int_equal(found.at, leaf->at);
		assert_int_equal(found.hpa.value, leaf->hpa.value);
		assert_int_equal(found.level, leaf->level);
		assert_int_equal(found.rights, leaf->rights);
		assert_int_equal(found.type, leaf->type);
	}
	while (leaf_next(table, &at, 1ull << 47, &found)) {
		assert_non_null(model_find(found.at, 1));
		at = found.at + table_level_bytes(found.level);
		seen++;
	}
	assert_int_equal(seen, model.count);
}

static void run_model(const struct pt_format *format)
{
	struct quota quota;
	struct table table;
	u64 before;
	u64 cursor = 0;

	machine_start(16 * MIB);
	machine_quota(&quota, 1000);
	before = machine_free_pages();
	model.count = 0;
	assert_int_equal(table_init(&table, format, &quota, false), STATUS_OK);
	for (unsigned int n = 0; n < 6000; n++) {
		if (random_below(3) != 0)
			model_map(&table);
		else
			model_unmap(&table);
		if (n % 8 == 0)
			model_check(&table);
		machine_pass(0);
	}
	while (table_unmap(&table, &cursor, 1ull << 47) == STATUS_AGAIN)
		;
	assert_int_equal(quota.account->used_pages, 1);
	table_free(&table);
	machine_assert_clean(before, &quota);
}

static void test_model(void **state)
{
	(void)state;
	run_model(&format_host);
	run_model(&format_ept);
	run_model(&format_npt);
}

/*
 * Pages of an object that is mapped from its page 7 on are unmapped; unmapped pages are passed
 * over.
 */
static void test_unmap_pages(void **state)
{
	static const u64 listed[] = {1030, 600, 1029, 2, 520, 519, 1100, 7, 519};
	struct pt_leaf leaf = leaf_make(0, 0, PT_LEVEL_4K, PT_READ, PT_TYPE_WB);
	const u64 base = 64 * MIB;
	u64 cursor = base;
	struct table table;
	u64 before;

	(void)state;
	machine_start(8 * MIB);
	before = machine_free_pages();
	assert_int_equal(table_init(&table, &format_ept, NULL, false), STATUS_OK);
	for (u64 page = 7; page < 1031; page++) {
		leaf.at = base + ((page - 7) << PAGE_SHIFT);
		if (page < 521 || page > 1028) /* few pages of the second block are there */
			assert_int_equal(table_map(&table, &leaf), STATUS_OK);
	}
	assert_true(table_unmap_pages(&table, base, 7, 1024, listed, ARRAY_COUNT(listed)));
	for (u64 page = 7; page < 1031; page++) {
		bool gone = page == 7 || page == 519 || page == 520 || page > 520;

		assert_int_equal(table_lookup(&table, base + ((page - 7) << PAGE_SHIFT), &leaf),
				 !gone);
	}
	assert_false(table_unmap_pages(&table, base, 7, 1024, listed, ARRAY_COUNT(listed)));
	while (table_unmap(&table, &cursor, base + 4 * MIB) == STATUS_AGAIN)
		;
	table_free(&table);
	machine_assert_clean(before, NULL);
}

/* A table that was left without entries goes, and is told of: a CPU may know the way to it. */
static void test_unmap_empty_table(void **state)
{
	const struct pt_leaf leaf = leaf_make(64 * MIB, 0, PT_LEVEL_4K, PT_READ, PT_TYPE_WB);
	const u64 neighbour = 1;
	struct table table;
	struct pt_walk walk;
	u64 before;

	(void)state;
	machine_start(8 * MIB);
	before = machine_free_pages();
	assert_int_equal(table_init(&table, &format_ept, NULL, false), STATUS_OK);
	assert_int_equal(table_map(&table, &leaf), STATUS_OK);
	assert_true(table_walk(&table, leaf.at, &walk));
	table_unmap_walked(&table, leaf.at, &walk);
	assert_true(table_unmap_pages(&table, leaf.at, 0, 512, &neighbour, 1));
	assert_false(table_unmap_pages(&table, leaf.at, 0, 512, &neighbour, 1));
	table_free(&table);
	machine_assert_clean(before, NULL);
}

static void test_unmap_is_bounded(void **state)
{
	struct pt_leaf leaf = leaf_make(0, 0, PT_LEVEL_4K, PT_READ, PT_TYPE_WB);
	struct table table;
	u64 cursor = 0;
	u64 before;
	unsigned int steps = 0;
	enum status status;

	(void)state;
	machine_start(8 * MIB);
	before = machine_free_pages();
	assert_int_equal(table_init(&table, &format_ept, NULL, false), STATUS_OK);
	for (; leaf.at < 4 * MIB; leaf.at += PAGE_SIZE)
		assert_int_equal(table_map(&table, &leaf), STATUS_OK);
	do {
		u64 from = cursor;

		status = table_unmap(&table, &cursor, 2 * MIB - PAGE_SIZE);
		assert_true(cursor > from && cursor - from <= 64 * PAGE_SIZE);
		assert_false(table_lookup(&table, cursor - 1, &leaf));
		assert_true(table_lookup(&table, cursor, &leaf));
		steps++;
	} while (status == STATUS_AGAIN);
	assert_int_equal(steps, 8);
	/* the page that is left, then a table that lies in the range as a whole */
	assert_int_equal(table_unmap(&table, &cursor, 4 * MIB), STATUS_OK);
	assert_false(table_lookup(&table, 3 * MIB, &leaf));
	assert_int_equal(cursor, 4 * MIB);
	table_free(&table);
	machine_assert_clean(before, NULL);
}

/* Whole tables cost a step next to nothing, and the step ends where it was asked to. */
static void test_unmap_sparse(void **state)
{
	struct pt_leaf leaf = leaf_make(0, 0, PT_LEVEL_4K, PT_READ, PT_TYPE_WB);
	struct table table;
	u64 cursor = 0;
	u64 before;

	(void)state;
	machine_start(8 * MIB);
	before = machine_free_pages();
	assert_int_equal(table_init(&table, &format_ept, NULL, false), STATUS_OK);
	for (; leaf.at < 4 * MIB; leaf.at += 1 * MIB - PAGE_SIZE)
		assert_int_equal(table_map(&table, &leaf), STATUS_OK);
	assert_int_equal(table_unmap(&table, &cursor, 2 * MIB), STATUS_OK);
	while (table_unmap(&table, &cursor, 4 * MIB - 9 * PAGE_SIZE) == STATUS_AGAIN)
		;
	assert_false(table_lookup(&table, 3 * (1 * MIB - PAGE_SIZE), &leaf));
	assert_true(table_lookup(&table, 4 * (1 * MIB - PAGE_SIZE), &leaf));
	assert_int_equal(table_unmap(&table, &cursor, 4 * MIB), STATUS_OK);
	table_free(&table);
	machine_assert_clean(before, NULL);
}

/* Tables removed from a tree are kept until the CPU has passed. */
static void test_tables_are_kept_until_passed(void **state)
{
	struct pt_leaf leaf = leaf_make(MIB, 0, PT_LEVEL_4K, PT_READ, PT_TYPE_WB);
	struct table table;
	u64 cursor = MIB;

	(void)state;
	machine_start(8 * MIB);
	assert_int_equal(table_init(&table, &format_npt, NULL, false), STATUS_OK);
	assert_int_equal(table_map(&table, &leaf), STATUS_OK);
	assert_int_equal(table_unmap(&table, &cursor, 2 * MIB), STATUS_OK);
	assert_int_equal(tlb_pages_waiting(), 3);
	assert_int_equal(page_counts[PAGE_TABLE], 4);
	machine_settle();
	assert_int_equal(page_counts[PAGE_TABLE], 1);
}

static void test_split_tops(void **state)
{
	struct pt_leaf leaf = leaf_make(0x7f0000000000, 0x5000, PT_LEVEL_4K, PT_READ, PT_TYPE_WB);
	struct table table;
	const u64 *kernel;
	const u64 *user;
	u64 cursor;
	u64 before;

	(void)state;
	machine_start(8 * MIB);
	before = machine_free_pages();
	assert_int_equal(table_init(&table, &format_host, NULL, true), STATUS_OK);
	kernel = hpa_to_pointer(table.root.kernel);
	user = hpa_to_pointer(table.root.user);
	assert_ptr_not_equal(kernel, user);
	assert_int_equal(table_map(&table, &leaf), STATUS_OK);
	assert_int_not_equal(user[254], 0);
	assert_memory_equal(kernel, user, PAGE_SIZE / 2);
	leaf.at = 0xffffff8000000000;
	assert_int_equal(table_map(&table, &leaf), STATUS_OK);
	assert_int_not_equal(kernel[511], 0);
	assert_int_equal(user[511], 0);
	cursor = leaf.at;
	assert_int_equal(table_unmap(&table, &cursor, leaf.at + PAGE_SIZE), STATUS_OK);
	cursor = 0x7f0000000000;
	assert_int_equal(table_unmap(&table, &cursor, cursor + PAGE_SIZE), STATUS_OK);
	assert_int_equal(user[254], 0);
	table_free(&table);
	machine_assert_clean(before, NULL);
}

static void test_protect(void **state)
{
	u32 all = PT_READ | PT_WRITE | PT_EXECUTE;
	u64 from = GIB + 2 * MIB - 5 * PAGE_SIZE;
	u64 to = GIB + 4 * MIB + 3 * PAGE_SIZE;
	struct pt_leaf found;
	struct table table;

	(void)state;
	machine_start(8 * MIB);
	assert_int_equal(table_init(&table, &format_ept, NULL, false), STATUS_OK);
	for (u64 at = GIB; at < GIB + 6 * MIB;) {
		enum pt_level level = at == GIB + 2 * MIB ? PT_LEVEL_2M : PT_LEVEL_4K;
		struct pt_leaf leaf = leaf_make(at, at + 2 * GIB, level, all, PT_TYPE_WB);

		assert_int_equal(table_map(&table, &leaf), STATUS_OK);
		at += table_level_bytes(level);
	}
	table_protect(&table, from, to, PT_READ);
	for (u64 at = GIB; at < GIB + 6 * MIB; at += PAGE_SIZE) {
		assert_true(table_lookup(&table, at, &found));
		assert_int_equal(found.rights, at >= from && at < to ? PT_READ : all);
		assert_int_equal(found.hpa.value + (at - found.at), at + 2 * GIB);
	}
	assert_true(table_lookup(&table, GIB + 2 * MIB, &found));
	assert_int_equal(found.level, PT_LEVEL_2M);
	table_protect(&table, 4 * GIB, 5 * GIB, PT_READ);
	assert_false(table_lookup(&table, 4 * GIB, &found));
}

/* Whichever table's allocation fails, everything is freed. */
static void test_failing_allocation(void **state)
{
	struct pt_leaf leaf = leaf_make(MIB, 0, PT_LEVEL_4K, PT_READ, PT_TYPE_WB);
	u64 before;

	(void)state;
	machine_start(8 * MIB);
	before = machine_free_pages();
	for (u64 limit = 0; limit <= 5; limit++) {
		struct quota quota;
		struct table table;
		u64 cursor = 0;
		enum status status;

		machine_quota(&quota, limit);
		status = table_init(&table, &format_host, &quota, true);
		assert_int_equal(status, limit < 2 ? STATUS_NO_QUOTA : STATUS_OK);
		if (status == STATUS_OK) {
			assert_int_equal(table_map(&table, &leaf),
					 limit < 5 ? STATUS_NO_QUOTA : STATUS_OK);
			while (table_unmap(&table, &cursor, 2 * MIB) == STATUS_AGAIN)
				;
			table_free(&table);
		}
		machine_assert_clean(before, &quota);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_model),
		cmocka_unit_test(test_unmap_pages),
		cmocka_unit_test(test_unmap_empty_table),
		cmocka_unit_test(test_unmap_is_bounded),
		cmocka_unit_test(test_unmap_sparse),
		cmocka_unit_test(test_tables_are_kept_until_passed),
		cmocka_unit_test(test_split_tops),
		cmocka_unit_test(test_protect),
		cmocka_unit_test(test_failing_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
