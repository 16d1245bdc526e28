/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Two hosts with one disk and one clock, for tests of which of them holds the store: they stall at
 * any step and write late.
 */
#include "tests/unit/store_fake.h"

#define LEASE	  20u
#define LEASE_NS  (LEASE * NS_PER_S)
#define WINDOW_NS (LEASE_NS / 8)

/* Boots a host whose store is on disk 0; number 0 has no identity. */
static void boot(u32 which, u32 number, u32 lease_s)
{
	static u64 session;
	struct store_given *given = &channel.store[which];

	host = which;
	io.busy = false;
	io.status = BLOCK_OK;
	memset(memory[which], 0, STORE_PAGE_BYTES);
	*given = (struct store_given){
		.at = (uintptr_t)memory[which],
		.bytes = MEMORY,
		.sectors = SECTORS,
		.host = {(u8)number},
		.session = ++session,
		.lease_s = lease_s,
		.number = given->number + 1,
	};
	store_take(&stores[which], given, DISK_FLUSH);
}

/* Begins the next process of a host's driver, which knows what the store's memory holds. */
static void restart(u32 which)
{
	host = which;
	io.busy = false;
	io.status = BLOCK_OK;
	store_take(&stores[which], &channel.store[which], DISK_FLUSH);
}

/* Goes on to the host's next request to its disk. Returns false if there was nothing to do. */
static bool step(u32 which)
{
	struct open_store *store = &stores[which];

	host = which;
	if (io.busy) {
		io_end(BLOCK_OK);
		return true;
	}
	return (store_has_work(store) || store->job != JOB_NONE) && store_serve_one(store);
}

static void run(u32 which)
{
	for (u32 i = 0; i < 4000 && step(which); i++)
		continue;
	host = which;
	assert_false(io.busy);
}

/* Lets hosts go on for a time: those whose bits are set in `hosts`. */
static void pass(u64 ns, u32 hosts)
{
	for (u64 end = now_tsc + ns; now_tsc < end; now_tsc += NS_PER_S / 2) {
		for (u32 i = 0; i < 2; i++) {
			if ((hosts & BIT(i)) != 0)
				run(i);
		}
	}
}

static void order(u32 which, u32 operation, const char *name)
{
	struct store_command *command = &page_of(which)->command;

	command->operation = operation;
	command->count = 1;
	command->item[0] = (struct store_item){.sectors = 8 * CHUNK};
	string_copy(command->item[0].name, STORE_NAME_BYTES, name);
	command->number = ++command_number;
	store_command_take(&stores[which]);
}

static u32 answer(u32 which)
{
	run(which);
	assert_int_equal(page_of(which)->answer.number, command_number);
	return page_of(which)->answer.status;
}

/* Host 0, with the number 1, makes a store and a volume, and holds it. */
static int begin_held(void **state)
{
	(void)state;
	memset(&channel, 0, sizeof(channel));
	memset(disk, 0, sizeof(disk));
	begin_process();
	now_tsc = 1000 * NS_PER_S;
	flush_is_free = true;
	for (u32 i = 0; i < 2; i++)
		memory[i] = calloc(1, MEMORY);
	boot(0, 1, LEASE);
	run(0);
	order(0, STORE_FORMAT, "");
	page_of(0)->command.item[0].sectors = 0;
	stores[0].command.item[0].sectors = 0;
	assert_int_equal(answer(0), STORE_OK);
	order(0, STORE_CREATE, "one");
	assert_int_equal(answer(0), STORE_OK);
	assert_int_equal(stores[0].pool.super.lease_s, LEASE);
	assert_int_equal(stores[0].version, STORE_VERSION_NEEDS);
	return 0;
}

/* Lets a client of host 0 come to the volume that begin_held() has made, as far as a first write.
 */
static void come_to_write(void)
{
	const struct store_record *record = pool_find_name(&stores[0].pool, "one");
	enum block_status status;

	come(0, 0, record->id);
	while (ask_disk(0, BLOCK_WRITE, 0, &status) == LAYER_WAITS)
		run(0);
}
