/* SPDX-License-Identifier: MIT */
#pragma once

/* A guest whose second GiB is allocated as a whole: for space_huge_test.c and layer_huge_test.c. */
#include "tests/unit/mm/space_machine.h"

/* the RAM of the machine: what a layer holds is promised once more */
#define RAM_BYTES (3 * GIB + 512 * MIB)
#define PAGES	  (2 * GIB / PAGE_SIZE)

static UNUSED struct pt_leaf touched(struct space *space, u64 at)
{
	struct pt_leaf leaf;

	fault_settle(space, at, PT_WRITE);
	assert_true(table_lookup(&space->table, at, &leaf));
	return leaf;
}

static UNUSED struct memory *huge_ram(u64 page_count, u32 flags)
{
	struct memory *memory;

	assert_int_equal(memory_create(NULL, PAGE_GUEST, page_count, MEMORY_HUGE | flags, &memory),
			 STATUS_OK);
	return memory;
}

/*
 * Makes a guest with all of its RAM mapped, which has touched the first GiB: that one is not
 * allocated as a whole, since a PC's has holes. Returns how many pages were free before.
 */
static UNUSED u64 begin(u32 flags, struct memory **ram, struct space **guest)
{
	struct memory *memory;
	struct space *space;
	u64 before;
	u64 at;

	features.gib_pages = true;
	start(RAM_BYTES);
	before = machine_free_pages();
	*guest = space = guest_create(NULL);
	*ram = memory = huge_ram(PAGES, flags);
	assert_int_equal(MAP(space, 0, 0, PAGES, ALL), STATUS_OK);
	assert_int_equal(touched(space, 5 * MIB).level, PT_LEVEL_2M);
	assert_int_equal(page_counts[PAGE_GUEST], 512);
	return before;
}

static UNUSED void merge_layers(struct memory *memory)
{
	enum status status;

	do
		status = layer_merge(memory);
	while (status == STATUS_AGAIN);
	assert_int_equal(status, STATUS_OK);
}

static UNUSED struct memory *freeze_layers(struct memory *memory)
{
	struct memory *frozen;
	enum status status;

	do
		status = layer_freeze(memory, &frozen);
	while (status == STATUS_AGAIN);
	assert_int_equal(status, STATUS_OK);
	return frozen;
}
