/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Two stores of a disk driver, each on a disk that is an array, for tests that play the clients,
 * the manager and the end of each request. Includes the sources of the stores.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/string.c"
#include "vmm/driver/disk/layers/store/pool_layout.c"
#include "vmm/driver/disk/layers/store/pool_load.c"
#include "vmm/driver/disk/layers/store/pool_map.c"
#include "vmm/driver/disk/layers/store/pool_sum.c"
#include "vmm/driver/disk/layers/store/pool_volume.c"
#include "vmm/driver/disk/layers/store/store.c"
#include "vmm/driver/disk/layers/store/store_check.c"
#include "vmm/driver/disk/layers/store/store_command.c"
#include "vmm/driver/disk/layers/store/store_commit.c"
#include "vmm/driver/disk/layers/store/store_fill.c"
#include "vmm/driver/disk/layers/store/store_grow.c"
#include "vmm/driver/disk/layers/store/store_layer.c"
#include "vmm/driver/disk/layers/store/store_lease.c"
#include "vmm/driver/disk/layers/store/store_load.c"
#include "vmm/driver/disk/layers/store/store_scrub.c"
#include "vmm/driver/disk/layers/store/store_sum.c"
#include "vmm/driver/disk/layers/store/store_tell.c"
#include "vmm/rt/crc32c.c"

#ifndef SECTORS
#define SECTORS 32768u /* 16 MiB */
#endif
#define CHUNK  STORE_CHUNK_LEAST
#define MEMORY (STORE_PAGE_BYTES + 4 * MIB)

struct client clients[DISK_CLIENT_MAX];
static struct driver_channel channel;
static u8 disk[2][SECTORS * 512u];
static u8 medium[SECTORS * 512u]; /* of disk 0, what a cut of power leaves */
/* the hosts of a test each have a request to a disk under way, and a buffer for it */
static u8 buffers[2][STORE_IO_SECTORS * 512u];
static u32 host; /* the host that does something now */
#define buffer buffers[host]
static u8 *memory[2];
static u64 command_number;
static bool flush_is_free;	   /* no test of the program looks at `medium` */
static u64 disk_sectors = SECTORS; /* of each disk, as the driver finds it */
static u32 sum_after_s;		   /* as the manager gives it; 0: chunks get no sums */

/* --- the disk --- */

/* Changes a bit of the block of 4 KiB at this sector of the first disk, also behind its cache. */
static inline void spoil(u64 sector)
{
	u64 at = sector * 512 + 100 + sector % 3000;

	disk[0][at] ^= 4;
	medium[at] ^= 4;
}

static struct {
	bool busy;
	bool full; /* the device has no room */
	enum block_status status;
	u32 unit;
	enum block_operation operation;
	u64 sector;
	u32 sectors;
	u32 count;
} ios[2];
#define io ios[host]

u8 *store_io_data(void)
{
	return buffer;
}

bool store_io_is_busy(void)
{
	return io.busy;
}

enum block_status store_io_status(void)
{
	return io.status;
}

void store_io_forget(void)
{
	io.status = BLOCK_OK;
}

bool store_io(const struct open_store *store, enum block_operation operation, u64 sector,
	      u32 sectors)
{
	assert_false(io.busy);
	if (io.full)
		return false;
	assert_true(operation == BLOCK_FLUSH || (sectors != 0 && sectors <= STORE_IO_SECTORS &&
						 sector + sectors <= disk_sectors));
	io.busy = true;
	io.unit = store->given.unit;
	io.operation = operation;
	io.sector = sector;
	io.sectors = sectors;
	io.count++;
	return true;
}

static inline void io_end(enum block_status status)
{
	u8 *at = disk[io.unit] + io.sector * 512u;

	assert_true(io.busy);
	io.busy = false;
	io.status = status;
	if (status != BLOCK_OK)
		return;
	if (io.operation == BLOCK_FLUSH && flush_is_free)
		return;
	if (io.operation == BLOCK_FLUSH)
		memcpy(medium, disk[0], sizeof(medium));
	else if (io.operation == BLOCK_READ)
		memcpy(buffer, at, io.sectors * 512u);
	else
		memcpy(at, buffer, io.sectors * 512u);
}

/* --- the driver and the manager --- */

const struct disk_client_part *client_part(const struct client *client)
{
	return &client->given.disk;
}

void process_tell_manager(void)
{
}

static u64 now_tsc;

u64 clock_tsc(void)
{
	return now_tsc;
}

u64 clock_ns_to_tsc(u64 ns)
{
	return ns;
}

/* Lets the stores go on until nothing is to be done. */
static inline void settle(void)
{
	for (u32 i = 0; i < 100000; i++) {
		bool more = store_serve();

		if (io.busy)
			io_end(BLOCK_OK);
		else if (!more && store_may_wait())
			return;
	}
	fail_msg("%s", "the stores never come to rest");
}

/* Gives a store as the manager does to a process that has just begun. */
static inline void give(u32 place, u64 bytes)
{
	channel.store[place] = (struct store_given){
		.at = (uintptr_t)memory[place],
		.bytes = bytes,
		.sectors = disk_sectors,
		.unit = place,
		.sum_after_s = sum_after_s,
		.number = channel.store[place].number + 1,
	};
	channel.disk.unit[place].features = DISK_FLUSH | DISK_DISCARD | DISK_WRITE_ZEROES;
	store_take_commands(&channel);
}

/* Begins a new process of the driver, which knows what the disks and the stores' memory hold. */
static inline void begin_process(void)
{
	for (u32 i = 0; i < DISK_CLIENT_MAX; i++)
		free(clients[i].end.memory);
	memset(clients, 0, sizeof(clients));
	memset(store_clients, 0, sizeof(store_clients));
	store_client_set = 0;
	memset(stores, 0, sizeof(stores));
	host = 0;
	io.busy = io.full = false;
	io.status = BLOCK_OK;
	turn = 0;
}

static inline struct store_page *page_of(u32 place)
{
	return (struct store_page *)(void *)memory[place];
}

static inline void ask_begin(u32 place, u32 operation, const struct store_item *items, u32 count)
{
	struct store_command *command = &page_of(place)->command;

	command->operation = operation;
	command->count = count;
	memcpy(command->item, items, count * sizeof(*items));
	command->number = ++command_number;
	store_take_commands(&channel);
}

static inline u32 ask(u32 place, u32 operation, const struct store_item *item)
{
	ask_begin(place, operation, item, 1);
	settle();
	assert_int_equal(page_of(place)->answer.number, command_number);
	return page_of(place)->answer.status;
}

static inline u64 create(u32 place, const char *name, u64 sectors, u64 from)
{
	struct store_item item = {.volume = from, .sectors = sectors};

	string_copy(item.name, sizeof(item.name), name);
	assert_int_equal(ask(place, STORE_CREATE, &item), STORE_OK);
	return page_of(place)->answer.volume[0];
}

static inline u32 ask_drop(u64 volume)
{
	struct store_item item = {.volume = volume};

	return ask(0, STORE_DROP, &item);
}

/* Begins with an empty store on each disk. */
static inline int begin(void **state)
{
	struct store_item item = {.flags = STORE_OVERCOMMIT};

	(void)state;
	memset(&channel, 0, sizeof(channel));
	memset(disk, 0, sizeof(disk));
	begin_process();
	for (u32 i = 0; i < 2; i++) {
		memory[i] = calloc(1, MEMORY);
		assert_non_null(memory[i]);
		give(i, MEMORY);
		settle();
		assert_int_equal(stores[i].state, STORE_EMPTY);
		assert_int_equal(ask(i, STORE_FORMAT, &item), STORE_OK);
	}
	return 0;
}

static inline int end(void **state)
{
	(void)state;
	begin_process();
	free(memory[0]);
	free(memory[1]);
	return 0;
}

/* --- clients --- */

static inline void come(u32 index, u32 place, u64 volume)
{
	struct link_memory *link = clients[index].end.memory;

	if (link == NULL) {
		link = calloc(1, SLOT_POOL_OFFSET + 64 * 1024);
		assert_non_null(link);
	}
	clients[index] = (struct client){.given.number = 1, .end.memory = link};
	clients[index].given.disk.store =
		(struct store_client_given){.volume = volume, .store = place};
	store_layer.open(&clients[index], NULL);
}

static inline void leave(u32 index)
{
	store_layer.close(&clients[index]);
	clients[index].given.number = 0;
}

static inline enum layer_answer ask_disk(u32 index, enum block_operation operation, u64 chunk,
					 enum block_status *status)
{
	struct block_request request = {
		.operation = operation, .sector = chunk * CHUNK, .sectors = CHUNK};
	struct client *client = &clients[index];

	*status = BLOCK_OK;
	return operation == BLOCK_READ ? store_layer.read(client, &request, status)
				       : store_layer.write(client, &request, status);
}

/* Begins a client's request at the device. Returns the bytes of the disk at which it is done. */
static inline u8 *led_to(u32 index, u64 chunk, struct driver_request *request)
{
	request->sector = chunk * CHUNK;
	store_layer.begin(&clients[index], request);
	return disk[store_clients[index].store] + request->sector * 512u;
}

/* Writes a chunk as a client, and waits for what it needs. */
static inline void write_chunk(u32 index, u64 chunk, u8 value)
{
	struct driver_request request = {.operation = BLOCK_WRITE};
	enum block_status status;
	enum layer_answer answer;

	while ((answer = ask_disk(index, BLOCK_WRITE, chunk, &status)) == LAYER_WAITS)
		settle();
	assert_int_equal(status, BLOCK_OK);
	assert_int_equal(answer, LAYER_PASSES);
	memset(led_to(index, chunk, &request), value, CHUNK * 512u);
	(void)store_layer.done(&clients[index], &request, BLOCK_OK);
}

/* Returns a chunk's first byte as a client reads it. */
static inline u8 read_chunk(u32 index, u64 chunk)
{
	struct driver_request request = {.operation = BLOCK_READ};
	enum block_status status;
	enum layer_answer answer;

	while ((answer = ask_disk(index, BLOCK_READ, chunk, &status)) == LAYER_WAITS)
		settle();
	assert_int_equal(status, BLOCK_OK);
	return answer == LAYER_PASSES ? *led_to(index, chunk, &request) : 0;
}
