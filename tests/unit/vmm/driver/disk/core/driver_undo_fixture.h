/* SPDX-License-Identifier: MIT */
#pragma once

/* A driver over a disk of which it keeps what client 0 overwrites, and whoever may die when. */
#include "tests/unit/vmm/driver/disk/core/driver_client_fixture.h"

#include "tests/random.h"

#define DISK_SECTORS (FIRST_SECTOR + SECTORS)
#define PAGES	     40u /* the pages of the memory, with 34 pieces */

static u8 disk[DISK_SECTORS * BLOCK_SECTOR_BYTES];
static u8 before[sizeof(disk)];
static _Alignas(PAGE_SIZE) u8 memory[PAGES * PAGE_SIZE];
static u64 next_id;
static u32 flushes;
static u64 seed = RANDOM_SEED;

/* Lets the device do its oldest request, without saying so yet. */
static UNUSED void device_moves(enum block_status status)
{
	const struct driver_request *request = given[0];
	u8 *at = disk + request->sector * BLOCK_SECTOR_BYTES;
	u64 bytes = (u64)request->sectors * BLOCK_SECTOR_BYTES;

	if (status == BLOCK_OK && request->operation == BLOCK_READ)
		memcpy(request->data, at, bytes);
	if (status == BLOCK_OK && request->operation == BLOCK_WRITE)
		memcpy(at, request->data, bytes);
	if (status == BLOCK_OK && request->operation > BLOCK_FLUSH)
		memset(at, 0, bytes);
	flushes += request->operation == BLOCK_FLUSH;
}

static UNUSED void device_does(enum block_status status)
{
	device_moves(status);
	finish_first(status);
}

/* Makes one step as main does. Returns true if there may be more to do. */
static UNUSED bool step(void)
{
	bool more = undo_serve();

	more |= scheduler_serve();
	if (given_count == 0)
		return more;
	device_does(BLOCK_OK);
	return true;
}

/* Until nothing is left to do. */
static UNUSED void run(void)
{
	for (u32 i = 0, idle = 0; idle < 80; i++) {
		idle = step() ? 0 : idle + 1;
		assert_true(i < 100000);
	}
	assert_true(scheduler_may_wait());
	client_publish();
}

static UNUSED void keep_from_now(u32 number)
{
	shared.client[0].disk.undo.at = (u64)(uintptr_t)memory;
	shared.client[0].disk.undo.bytes = sizeof(memory);
	shared.client[0].disk.undo.number = number;
	client_take_commands();
	memcpy(before, disk, sizeof(disk));
}

static UNUSED int setup_disk(void **state)
{
	for (u64 i = 0; i < sizeof(disk) / sizeof(u64); i++)
		((u64 *)(void *)disk)[i] = random_step(&seed);
	memset(memory, 0, sizeof(memory));
	flushes = 0;
	return setup(state);
}

/* The client asks, and gets its answer whatever is kept. */
static UNUSED void change(u32 operation, u64 sector, u32 sectors)
{
	u64 id = ++next_id;

	memset((u8 *)peers[0].memory + SLOT_POOL_OFFSET, (int)id, BLOCK_REQUEST_BYTES);
	put(0, (struct block_request){
		       .id = id, .operation = operation, .sector = sector, .sectors = sectors});
	run();
	expect_answer(0, id, BLOCK_OK);
}

static UNUSED void put_back_and_compare(u32 order)
{
	shared.client[0].disk.undo.put_back = order;
	client_take_commands();
	run();
	assert_int_equal(shared.disk.undo[0].put_back, order);
	assert_memory_equal(disk, before, sizeof(disk));
	shared.client[0].disk.undo.put_back = 0;
	client_take_commands();
}

/* Ends this process and begins the next one, which gets what it has left. */
static UNUSED void next_process(void)
{
	struct driver_client client = shared.client[0];

	free(peers[0].memory);
	forget_all();
	scheduler_open(0, 0);
	memset(&shared.disk.undo, 0, sizeof(shared.disk.undo));
	given_count = 0;
	attach(0, false);
	shared.client[0].disk.undo = client.disk.undo;
	client_take_commands();
}
