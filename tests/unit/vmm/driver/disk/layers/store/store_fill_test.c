/* SPDX-License-Identifier: MIT */
/* Tests of a store's layer and of how it makes chunks ready, with a disk in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/string.c"
#include "vmm/driver/disk/layers/store/pool_load.c"
#include "vmm/driver/disk/layers/store/pool_map.c"
#include "vmm/driver/disk/layers/store/pool_volume.c"
#include "vmm/driver/disk/layers/store/store_fill.c"
#include "vmm/driver/disk/layers/store/store_layer.c"
#include "vmm/rt/crc32c.c"

#define SECTORS 16384u /* 8 MiB */
#define CHUNK	STORE_CHUNK_LEAST

struct client clients[DISK_CLIENT_MAX];
static struct open_store store;
static struct store_page page;
static struct disk_client_part part;
static u8 disk[SECTORS * 512u];
static u8 buffer[64 * 1024];
static u8 *memory;
static u32 requests; /* of the store itself */

const struct disk_client_part *client_part(const struct client *client)
{
	(void)client;
	return &part;
}

struct open_store *store_open_at(u32 index)
{
	(void)index;
	return &store;
}

bool store_command_holds(const struct open_store *of, u64 volume)
{
	(void)of, (void)volume;
	return false;
}

bool store_has_feature(const struct open_store *of, u32 feature)
{
	(void)of;
	return feature == DISK_FLUSH;
}

u8 *store_io_data(void)
{
	return buffer;
}

enum block_status store_io_status(void)
{
	return BLOCK_OK;
}

bool store_io(const struct open_store *of, enum block_operation operation, u64 sector, u32 sectors)
{
	(void)of;
	assert_true(sectors != 0 && sectors <= STORE_IO_SECTORS && sector + sectors <= SECTORS);
	if (operation == BLOCK_WRITE)
		memcpy(disk + sector * 512u, buffer, sectors * 512u);
	else
		memcpy(buffer, disk + sector * 512u, sectors * 512u);
	requests++;
	return true;
}

static u64 add(const char *name, u64 from)
{
	struct store_item item = {.sectors = 4 * CHUNK, .volume = from};
	u64 id = 0;

	string_copy(item.name, sizeof(item.name), name);
	assert_int_equal(pool_add(&store.pool, &item, from, 0, 0, &id), STORE_OK);
	return id;
}

static void come(u64 volume)
{
	clients[0].given.number = 1;
	clients[0].given.disk.store.volume = volume;
	store_layer.open(&clients[0], NULL);
}

static void leave(void)
{
	store_layer.close(&clients[0]);
	clients[0] = (struct client){.given.number = 0};
}

static enum layer_answer ask(u32 operation, u64 sector, u32 sectors, enum block_status *status)
{
	struct block_request request = {
		.operation = operation, .sector = sector, .sectors = sectors};

	*status = BLOCK_OK;
	return store_layer.write(&clients[0], &request, status);
}

static void fill(void)
{
	while (store.job == JOB_FILL)
		assert_true(store_fill_step(&store));
}

/* Takes over that everything is on the disk. */
static void settle(void)
{
	for (u32 i = 0; i < 2; i++)
		pool_committed(&store.pool, pool_freeze(&store.pool));
}

static bool finds(u64 volume, u64 index, u32 *chunk)
{
	bool alone;

	return pool_look_up(&store.pool, pool_find(&store.pool, volume), index, chunk, &alone);
}

/* Lets the client have a chunk of its own, and returns its number. */
static u32 get_chunk(u64 volume, u64 index)
{
	enum block_status status;
	u32 chunk = 0;

	assert_int_equal(ask(BLOCK_WRITE, index * CHUNK, 8, &status), LAYER_WAITS);
	store_fill_begin(&store, 0);
	fill();
	settle();
	assert_int_equal(ask(BLOCK_WRITE, index * CHUNK, 8, &status), LAYER_PASSES);
	assert_true(finds(volume, index, &chunk));
	return chunk;
}

static int set_up(void **state)
{
	struct store_superblock super = {
		.magic = STORE_MAGIC, .version = STORE_VERSION, .next_id = 1};

	(void)state;
	assert_true(pool_lay_out(SECTORS, CHUNK, &super));
	free(memory);
	memory = malloc(pool_bytes(super.blocks, super.chunks));
	store = (struct open_store){.page = &page, .state = STORE_READY, .given.number = 1};
	pool_open(&store.pool, &super, memory);
	memset(clients, 0, sizeof(clients));
	memset(store_clients, 0, sizeof(store_clients));
	memset(disk, 0x5a, sizeof(disk)); /* of an earlier owner */
	requests = 0;
	return memory == NULL;
}

static const u8 *content(u32 chunk)
{
	return disk + store_sector_of(&store, chunk) * 512u;
}

/* A new chunk reads as zeros, whatever the disk held, and a shared one is copied. */
static void test_chunks(void **state)
{
	u64 volume = add("volume", 0);
	u64 clone;
	u32 chunk, copy;

	(void)state;
	come(volume);
	chunk = get_chunk(volume, 2);
	for (u32 i = 0; i < CHUNK * 512; i++)
		assert_int_equal(content(chunk)[i], 0);
	memset(disk + store_sector_of(&store, chunk) * 512u, 0x11, CHUNK * 512);
	clone = add("clone", volume);
	copy = get_chunk(volume, 2);
	assert_int_not_equal(chunk, copy);
	assert_memory_equal(content(chunk), content(copy), CHUNK * 512);
	assert_true(finds(clone, 2, &copy));
	assert_int_equal(copy, chunk);
}

/*
 * A client leaves while a chunk is made ready for it, and one of another volume gets its index: the
 * newcomer does not get the chunk, nor does anything else of either volume change.
 */
static void test_leaves(void **state)
{
	u64 volume = add("volume", 0);
	u64 other = add("other", 0);
	enum block_status status;
	u32 chunk;

	(void)state;
	come(volume);
	chunk = get_chunk(volume, 0);
	memset(disk + store_sector_of(&store, chunk) * 512u, 0x11, CHUNK * 512);
	(void)add("clone", volume);
	settle();
	for (u32 steps = 0; steps < 6; steps++) {
		u32 free = store.pool.free_chunks;
		u32 now = 0;

		assert_int_equal(ask(BLOCK_WRITE, 0, 8, &status), LAYER_WAITS);
		store_fill_begin(&store, 0);
		for (u32 i = 0; i < steps && store.job == JOB_FILL; i++)
			assert_true(store_fill_step(&store));
		if (store.job != JOB_FILL)
			return;
		leave();
		come(other);
		fill();
		assert_false(finds(other, 0, &now));
		assert_int_equal(store_clients[0].after, 0);
		assert_int_equal(store_clients[0].starved_at, 0);
		assert_true(finds(volume, 0, &now));
		assert_int_equal(now, chunk);
		assert_int_equal(store.pool.free_chunks, free);
		leave();
		come(volume);
	}
	fail();
}

/* A client leaves while zeros are written for it: nothing is written that was not asked for. */
static void test_leaves_zeros(void **state)
{
	u64 volume = add("volume", 0);
	enum block_status status;
	u32 chunk;

	(void)state;
	come(volume);
	chunk = get_chunk(volume, 1);
	memset(disk + store_sector_of(&store, chunk) * 512u, 0x11, CHUNK * 512);
	assert_int_equal(ask(BLOCK_WRITE_ZEROES, CHUNK + 8, 8, &status), LAYER_WAITS);
	store_fill_begin(&store, 0);
	requests = 0;
	leave();
	fill();
	assert_int_equal(requests, 0);
	for (u32 i = 0; i < CHUNK * 512; i++)
		assert_int_equal(content(chunk)[i], 0x11);
}

static int free_memory(void **state)
{
	(void)state;
	free(memory);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_chunks, set_up),
		cmocka_unit_test_setup(test_leaves, set_up),
		cmocka_unit_test_setup(test_leaves_zeros, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, free_memory);
}
