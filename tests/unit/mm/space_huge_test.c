/* SPDX-License-Identifier: MIT */
/* RAM allocated by 1 GiB: how it is mapped, when it becomes one leaf, and that all is freed. */
#include "tests/unit/mm/huge_machine.h"

/* Touches all pieces of the second GiB, and returns the leaf that the last one got. */
static struct pt_leaf touch_all(struct space *space)
{
	for (u64 at = 2 * GIB - 2 * MIB; at > GIB; at -= 2 * MIB)
		assert_int_equal(touched(space, at).level, PT_LEVEL_2M);
	return touched(space, GIB + PAGE_SIZE);
}

static void test_merge(void **state)
{
	struct memory *memory;
	struct space *space;
	struct pt_leaf leaf;
	u64 before;
	u64 tables;

	(void)state;
	before = begin(0, &memory, &space);
	assert_int_equal(touched(space, 2 * GIB - 1).level, PT_LEVEL_2M);
	assert_int_equal(page_counts[PAGE_GUEST], 512 + GIB / PAGE_SIZE);
	assert_null(memory_pointer(memory, GIB / PAGE_SIZE));
	*(u64 *)memory_pointer(memory, PAGES - 1) = 77;
	tables = page_counts[PAGE_TABLE];
	leaf = touch_all(space);
	assert_int_equal(leaf.level, PT_LEVEL_1G);
	assert_int_equal(leaf.at, GIB);
	assert_int_equal(leaf.rights, ALL);
	assert_int_equal(leaf.hpa.value % GIB, 0);
	for (u64 page = GIB / PAGE_SIZE; page < PAGES; page += 511)
		assert_ptr_equal(memory_pointer(memory, page),
				 (u8 *)hpa_to_pointer(leaf.hpa) + page * PAGE_SIZE - GIB);
	assert_int_equal(*(u64 *)memory_pointer(memory, PAGES - 1), 77);
	/* the table that the leaf replaces is kept while a CPU may still use it */
	assert_int_equal(tlb_pages_waiting(), 1);
	assert_int_equal(page_counts[PAGE_TABLE], tables);
	assert_int_equal(space->generation, 1);
	/* a late fault finds the leaf */
	assert_int_equal(touched(space, 2 * GIB - MIB).level, PT_LEVEL_1G);
	assert_int_equal(space->generation, 1);
	object_put(&memory->object);
	object_put(&space->object);
	machine_assert_clean(before, NULL);
}

/* Cleared in steps at its first touch, a GiB is one leaf from the start. */
static void test_whole(void **state)
{
	struct memory *memory;
	struct space *space;
	struct pt_leaf leaf;
	u64 before;

	(void)state;
	before = begin(MEMORY_WHOLE, &memory, &space);
	for (u32 i = 0; i < 512 / 32; i++) {
		assert_int_equal(space_fault(space, GIB + 7 * MIB, PT_WRITE), STATUS_AGAIN);
		assert_false(table_lookup(&space->table, GIB + 7 * MIB, &leaf));
	}
	assert_int_equal(touched(space, GIB + 7 * MIB).level, PT_LEVEL_1G);
	for (u64 page = GIB / PAGE_SIZE; page < PAGES; page += 511)
		assert_int_equal(*(u64 *)memory_pointer(memory, page), 0);
	assert_int_equal(space->generation, 0);
	object_put(&memory->object);
	object_put(&space->object);
	machine_assert_clean(before, NULL);
}

/* A page or a piece of it given back: the GiB is no leaf any more, and all else is what it was. */
static void test_discard(void **state)
{
	static const u64 counts[] = {1, 512};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(counts); i++) {
		u64 first = (GIB + 6 * MIB) / PAGE_SIZE;
		u64 count = counts[i];
		struct memory *memory;
		struct space *space;
		u64 before = begin(MEMORY_WHOLE, &memory, &space);

		assert_int_equal(touched(space, GIB + 7 * MIB).level, PT_LEVEL_1G);
		*(u64 *)memory_pointer(memory, first) = 66;
		*(u64 *)memory_pointer(memory, first + 512) = 77;
		assert_int_equal(memory_discard(memory, first, &count), STATUS_OK);
		assert_int_equal(count, counts[i]);
		assert_int_equal(memory->present, PAGES / 2 + 512 - count);
		assert_int_equal(touched(space, GIB).level, PT_LEVEL_2M);
		assert_int_equal(touched(space, GIB + 8 * MIB).level, PT_LEVEL_2M);
		assert_int_equal(touched(space, GIB + 6 * MIB).level,
				 count == 1 ? PT_LEVEL_4K : PT_LEVEL_2M);
		assert_int_equal(*(u64 *)memory_pointer(memory, first), 0);
		assert_int_equal(*(u64 *)memory_pointer(memory, first + 512), 77);
		assert_int_equal(memory->present, PAGES / 2 + 512);
		object_put(&memory->object);
		object_put(&space->object);
		machine_assert_clean(before, NULL);
	}
}

/* A layer's pages taken up: the GiB is no leaf if one of them was written to above it. */
static void test_layers(void **state)
{
	u64 first = (GIB + 6 * MIB) / PAGE_SIZE;
	struct memory *memory;
	struct space *space;
	u64 before;

	(void)state;
	before = begin(MEMORY_WHOLE, &memory, &space);
	assert_int_equal(touched(space, GIB + 7 * MIB).level, PT_LEVEL_1G);
	*(u64 *)memory_pointer(memory, first) = 66;
	*(u64 *)memory_pointer(memory, first + 512) = 77;
	assert_true(freeze_layers(memory)->frozen);
	assert_int_equal(touched(space, GIB + 6 * MIB).level, PT_LEVEL_4K);
	*(u64 *)memory_pointer(memory, first) = 88;
	merge_layers(memory);
	assert_int_equal(touched(space, GIB + 8 * MIB).level, PT_LEVEL_2M);
	assert_int_equal(touched(space, GIB + 6 * MIB).level, PT_LEVEL_4K);
	assert_int_equal(*(u64 *)memory_pointer(memory, first), 88);
	assert_int_equal(*(u64 *)memory_pointer(memory, first + 512), 77);
	assert_int_equal(*(u64 *)memory_pointer(memory, first + 1), 0);
	assert_int_equal(memory->present, PAGES / 2 + 512);
	object_put(&memory->object);
	object_put(&space->object);
	machine_assert_clean(before, NULL);
}

/* The pieces do not merge if CPU, mapping or object do not allow a whole GiB. */
static void test_pieces(void **state)
{
	static const struct {
		bool gib_pages;
		u64 at, offset, count;
	} cases[] = {
		{false, 0, 0, PAGES},
		{true, 2 * MIB, 0, PAGES},
		{true, 0, 0, PAGES - 1},
		{true, GIB + 2 * MIB, (GIB + 2 * MIB) / PAGE_SIZE, GIB / PAGE_SIZE - 512},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct memory *memory;
		struct space *space;
		u64 at;

		features.gib_pages = cases[i].gib_pages;
		start(RAM_BYTES);
		space = guest_create(NULL);
		memory = huge_ram(PAGES, 0);
		assert_int_equal(MAP(space, cases[i].at, cases[i].offset, cases[i].count, ALL),
				 STATUS_OK);
		for (u64 piece = GIB + 4 * MIB; piece < 2 * GIB - 4 * MIB; piece += 2 * MIB)
			assert_int_equal(touched(space, piece).level, PT_LEVEL_2M);
		for (u64 chunk = 512; chunk < 1024; chunk++)
			while (memory_populate(memory, chunk * 512) == STATUS_AGAIN)
				;
		assert_int_equal(touched(space, GIB + 4 * MIB).level, PT_LEVEL_2M);
	}
}

/* No GiB is free as a whole, as a part of it is in use: 2-MiB pieces are used. */
static void test_no_block(void **state)
{
	struct memory *memory;
	struct space *space;
	hpa_t hpa;
	u64 at;

	(void)state;
	features.gib_pages = true;
	start(RAM_BYTES);
	for (u32 i = 0; i < 2; i++) /* all blocks that there are */
		assert_int_equal(page_alloc(PAGE_ORDER_1G, PAGE_KERNEL, NULL, &hpa), STATUS_OK);
	page_split(hpa, 0);
	for (at = 256 * MIB; at < GIB; at += PAGE_SIZE)
		page_free(HPA(hpa.value + at), NULL);
	space = guest_create(NULL);
	memory = huge_ram(PAGES, 0);
	assert_int_equal(MAP(space, 0, 0, PAGES, ALL), STATUS_OK);
	assert_int_equal(touched(space, GIB).level, PT_LEVEL_2M);
	assert_int_equal(page_counts[PAGE_GUEST], 512);
	*(u64 *)memory_pointer(memory, GIB / PAGE_SIZE) = 77;
	for (at = 0; at < 256 * MIB; at += PAGE_SIZE)
		page_free(HPA(hpa.value + at), NULL);
	/* too late for this GiB: one of its pieces is elsewhere */
	assert_int_equal(touched(space, GIB + 2 * MIB).level, PT_LEVEL_2M);
	assert_int_equal(page_counts[PAGE_GUEST], 1024);
	assert_int_equal(*(u64 *)memory_pointer(memory, GIB / PAGE_SIZE), 77);
}

/*
 * Returns how many bytes mapped in [at, at + bytes) may be executed, and how many of these are in
 * large leaves.
 */
static u64 executable_bytes(struct space *space, u64 at, u64 bytes, bool large)
{
	u64 end = at + bytes;
	u64 sum = 0;

	while (at < end) {
		struct pt_leaf leaf;

		if (!table_lookup(&space->table, at, &leaf)) {
			at = align_down(at, 2 * MIB) + 2 * MIB;
			continue;
		}
		at = leaf.at + table_level_bytes(leaf.level);
		assert_int_equal(leaf.rights | PT_EXECUTE, ALL);
		if ((leaf.rights & PT_EXECUTE) && (!large || leaf.level != PT_LEVEL_4K))
			sum += table_level_bytes(leaf.level);
	}
	return sum;
}

/* An instruction fetch, as often as it faults: what is there must stay what it was. */
static u32 fetch(struct space *space, u64 at)
{
	struct pt_leaf leaf;
	hpa_t before = HPA(0);
	u32 faults = 0;

	if (table_lookup(&space->table, at, &leaf))
		before = HPA(leaf.hpa.value + (at - leaf.at));
	for (;;) {
		if (table_lookup(&space->table, at, &leaf) && (leaf.rights & PT_EXECUTE))
			break;
		fault_settle(space, at, PT_EXECUTE);
		assert_true(++faults < 5);
	}
	if (before.value != 0)
		assert_int_equal(leaf.hpa.value + (at - leaf.at), before.value);
	assert_int_equal(executable_bytes(space, 0, 2 * GIB, true), 0);
	return faults;
}

/*
 * On a CPU that is open to iTLB multihit large leaves cannot be executed. The first fetch from one
 * makes it a table of smaller leaves, of which those of 4 KiB can be executed.
 */
static void test_small_code(void **state)
{
	struct memory *memory;
	struct space *space;
	u64 before;

	(void)state;
	features.speculation.done = HOST_SMALL_CODE;
	before = begin(MEMORY_WHOLE, &memory, &space);
	fault_settle(space, GIB + 7 * MIB, PT_WRITE);
	assert_int_equal(touched(space, GIB + 7 * MIB).level, PT_LEVEL_1G);
	assert_int_equal(executable_bytes(space, 0, 2 * GIB, false), 0);

	/* from 1 GiB to 4 KiB at once; what lies beside it stays as large as it can be */
	assert_int_equal(fetch(space, GIB + 7 * MIB + 5), 1);
	assert_int_equal(touched(space, GIB + 7 * MIB).level, PT_LEVEL_4K);
	assert_int_equal(touched(space, GIB + 9 * MIB).level, PT_LEVEL_2M);
	assert_int_equal(executable_bytes(space, 0, 2 * GIB, false), 2 * MIB);
	/* neighbours in the same piece need no more faults; another piece does, with nothing there
	   first the fault that maps it too */
	assert_int_equal(fetch(space, GIB + 6 * MIB), 0);
	assert_int_equal(fetch(space, GIB + 8 * MIB), 1);
	assert_int_equal(fetch(space, 20 * MIB), 2);
	assert_int_equal(executable_bytes(space, 0, 2 * GIB, false), 6 * MIB);
	/* data faults change none of these leaves */
	assert_int_equal(touched(space, 20 * MIB + PAGE_SIZE).level, PT_LEVEL_4K);
	assert_int_equal(executable_bytes(space, 0, 2 * GIB, false), 6 * MIB);
	object_put(&memory->object);
	object_put(&space->object);
	machine_assert_clean(before, NULL);
	features.speculation.done = 0;
}

/* If the second stage has no memory left for the table, the guest's fault says so. */
static void test_small_code_costs(void **state)
{
	static struct quota quota;
	static struct group_page account;
	struct memory *memory;
	struct space *space;
	u64 at;

	(void)state;
	features.speculation.done = HOST_SMALL_CODE;
	features.gib_pages = true;
	start(RAM_BYTES);
	quota_init(&quota, &account, ~0ull);
	space = guest_create(&quota);
	memory = huge_ram(PAGES, 0);
	assert_int_equal(MAP(space, 0, 0, PAGES, ALL), STATUS_OK);
	assert_int_equal(touched(space, 5 * MIB).level, PT_LEVEL_2M);
	account.quota_pages = account.used_pages;
	assert_int_equal(space_fault(space, 5 * MIB, PT_EXECUTE), STATUS_NO_QUOTA);
	account.quota_pages++;
	assert_int_equal(space_fault(space, 5 * MIB, PT_EXECUTE), STATUS_OK);
	assert_int_equal(account.used_pages, account.quota_pages);
	assert_int_equal(fetch(space, 5 * MIB), 0);
	features.speculation.done = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_merge),
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_discard),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_no_block),
		cmocka_unit_test(test_small_code),
		cmocka_unit_test(test_small_code_costs),
		cmocka_unit_test(test_layers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
