/* SPDX-License-Identifier: MIT */
/* Layers over RAM that is allocated by 1 GiB and by 2 MiB: what is mapped is the object's own. */
#include "tests/unit/mm/huge_machine.h"

#define HOLE   (GIB + 6 * MIB) /* the piece that nobody has touched */
#define TRIES  100u
#define MERGES 20000u

/*
 * Checks that the leaf at the address shows what the object has there, and belongs to guests' RAM.
 */
static void assert_shows_own(struct space *space, struct memory *memory, u64 at)
{
	struct pt_leaf leaf;

	assert_true(table_lookup(&space->table, at, &leaf));
	assert_ptr_equal((u8 *)hpa_to_pointer(leaf.hpa) + (at - leaf.at),
			 (u8 *)memory_pointer(memory, at / PAGE_SIZE) + at % PAGE_SIZE);
	assert_int_equal(page_owner(HPA(leaf.hpa.value + (at - leaf.at))), PAGE_GUEST);
}

static void touch_all_but_the_hole(struct space *space)
{
	for (u64 at = 2 * GIB - 2 * MIB; at >= GIB; at -= 2 * MIB)
		if (at != HOLE)
			assert_int_equal(touched(space, at).level, PT_LEVEL_2M);
}

/*
 * Ends the layer: all pieces that were not ready when it was frozen go, and somebody else has them
 * then.
 */
static void end_of_layer(void)
{
	hpa_t hpa;

	for (u32 i = 0; i < TRIES; i++)
		tlb_cpu_passed(0, false);
	while (page_alloc(PAGE_ORDER_2M, PAGE_KERNEL, NULL, &hpa) == STATUS_OK)
		;
	page_free(hpa, NULL);
}

/* A GiB of which a piece was not touched is no GiB any more once its layer has been taken up. */
static void test_hole(void **state)
{
	struct memory *memory;
	struct space *space;

	(void)state;
	(void)begin(0, &memory, &space);
	touch_all_but_the_hole(space);
	(void)freeze_layers(memory);
	merge_layers(memory);
	end_of_layer();
	(void)touched(space, HOLE);
	(void)touched(space, HOLE + 2 * MIB);
	for (u64 at = GIB; at < 2 * GIB; at += 2 * MIB) {
		(void)touched(space, at);
		assert_shows_own(space, memory, at);
	}
}

/*
 * The guest writes to the hole between the steps of the merge: it finds zeros, not what was there.
 */
static void test_hole_between_steps(void **state)
{
	struct memory *memory;
	struct space *space;
	enum status status;
	u64 before;
	u64 at = HOLE;

	(void)state;
	before = begin(0, &memory, &space);
	touch_all_but_the_hole(space);
	memset(hpa_to_pointer(HPA(touched(space, GIB).hpa.value + 6 * MIB)), 0x55, 2 * MIB);
	(void)freeze_layers(memory);
	for (u64 piece = GIB; piece < 2 * GIB; piece += 2 * MIB)
		if (piece != HOLE)
			fault_settle(space, piece, PT_READ);
	do {
		status = layer_merge(memory);
		if (status == STATUS_AGAIN && memory->cursor <= GIB / PAGE_SIZE)
			continue;
		fault_settle(space, at, PT_WRITE);
		assert_shows_own(space, memory, at);
		assert_int_equal(*(u64 *)memory_pointer(memory, at / PAGE_SIZE), 0);
		at = HOLE + (at + PAGE_SIZE) % (2 * MIB);
	} while (status == STATUS_AGAIN);
	assert_int_equal(status, STATUS_OK);
	object_put(&memory->object);
	object_put(&space->object);
	machine_assert_clean(before, NULL);
}

/* A block that is ready to its last page stays one block, and is mapped as one. */
static void test_ready(void **state)
{
	struct memory *memory;
	struct space *space;
	u64 before;

	(void)state;
	before = begin(0, &memory, &space);
	touch_all_but_the_hole(space);
	assert_int_equal(touched(space, HOLE).level, PT_LEVEL_1G);
	(void)freeze_layers(memory);
	merge_layers(memory);
	assert_int_equal(touched(space, GIB).level, PT_LEVEL_1G);
	assert_shows_own(space, memory, HOLE);
	object_put(&memory->object);
	object_put(&space->object);
	machine_assert_clean(before, NULL);
}

/*
 * A block is frozen while it is being cleared: no piece that is not there is cleared after the
 * merge.
 */
static void test_clearing(void **state)
{
	static const u32 steps[] = {1, 8 * 16, 8 * 16 + 3, 511 * 16};

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(steps); i++) {
		struct memory *memory;
		struct space *space;
		u64 before = begin(MEMORY_WHOLE, &memory, &space);
		u64 *lowest = hpa_to_pointer(HPA(0));

		*lowest = 0x55;
		for (u32 n = 0; n < steps[i]; n++)
			assert_int_equal(space_fault(space, GIB + 7 * MIB, PT_WRITE), STATUS_AGAIN);
		(void)freeze_layers(memory);
		merge_layers(memory);
		for (u64 at = 2 * GIB - MIB; at >= GIB; at -= 33 * MIB) {
			(void)touched(space, at);
			assert_shows_own(space, memory, at);
		}
		assert_int_equal(*lowest, 0x55);
		object_put(&memory->object);
		object_put(&space->object);
		machine_assert_clean(before, NULL);
	}
}

/* Code is fetched from pieces before the GiB is whole: no table below them is lost. */
static void test_small_code_tables(void **state)
{
	struct memory *memory;
	struct space *space;
	u64 before;

	(void)state;
	features.speculation.done = HOST_SMALL_CODE;
	before = begin(0, &memory, &space);
	for (u64 at = 2 * GIB - 2 * MIB; at >= GIB; at -= 2 * MIB) {
		(void)touched(space, at);
		if (at < GIB + 100 * MIB)
			fault_settle(space, at, PT_EXECUTE);
	}
	for (u64 at = GIB; at < 2 * GIB; at += 2 * MIB)
		assert_shows_own(space, memory, at);
	object_put(&memory->object);
	object_put(&space->object);
	features.speculation.done = 0;
	machine_assert_clean(before, NULL);
}

/* Faults until something is mapped. */
static struct pt_leaf reached(struct space *space, u64 at, u32 access)
{
	struct pt_leaf leaf;

	for (u32 n = 0; n < TRIES; n++) {
		enum status status = space_fault(space, at, access);

		assert_true(status == STATUS_OK || status == STATUS_AGAIN);
		if (table_lookup(&space->table, at, &leaf) && !(access & ~leaf.rights))
			return leaf;
	}
	fail_msg("faults for ever");
	return leaf;
}

/*
 * A guest and its monitor write and read between any two steps of a merge, to pages that have come
 * up already and to pages that have not: each access ends, and shows what was written.
 */
static void test_between_steps(void **state)
{
	struct memory *memory;
	struct space *space, *monitor;
	enum status status = STATUS_AGAIN;
	u64 at = 0;
	u64 page = 0;

	(void)state;
	features.gib_pages = false;
	start(64 * MIB);
	space = guest_create(NULL);
	monitor = process_create(NULL);
	memory = ram_create(4 * 512);
	assert_int_equal(MAP(space, 0, 0, 4 * 512, ALL), STATUS_OK);
	assert_int_equal(MAP(monitor, 0, 0, 4 * 512, PT_READ | PT_WRITE), STATUS_OK);
	for (u64 piece = 0; piece < 8 * MIB; piece += 2 * MIB)
		fault_settle(space, piece, PT_WRITE);
	for (page = 0; page < 4 * 512; page++)
		*(u64 *)memory_pointer(memory, page) = page;
	(void)freeze_layers(memory);
	for (u32 n = 0; status == STATUS_AGAIN; n++, page += 131) {
		assert_true(n < MERGES);
		status = layer_merge(memory);
		(void)reached(space, page % 2048 * PAGE_SIZE, PT_WRITE);
		(void)reached(monitor, at + (page + 1) % 2048 * PAGE_SIZE, PT_WRITE);
		(void)reached(space, (page + 2) % 2048 * PAGE_SIZE, PT_READ);
		(void)reached(monitor, at + (page + 3) % 2048 * PAGE_SIZE, PT_READ);
	}
	assert_int_equal(status, STATUS_OK);
	for (page = 0; page < 4 * 512; page++) {
		struct pt_leaf leaf = reached(space, page * PAGE_SIZE, PT_READ);

		assert_shows_own(space, memory, page * PAGE_SIZE);
		leaf = reached(monitor, at + page * PAGE_SIZE, PT_READ);
		assert_int_equal(*(u64 *)hpa_to_pointer(
					 HPA(leaf.hpa.value + (at + page * PAGE_SIZE - leaf.at))),
				 page);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hole),
		cmocka_unit_test(test_hole_between_steps),
		cmocka_unit_test(test_ready),
		cmocka_unit_test(test_clearing),
		cmocka_unit_test(test_small_code_tables),
		cmocka_unit_test(test_between_steps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
