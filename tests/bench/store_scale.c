/* SPDX-License-Identifier: MIT */
/*
 * What a large store costs its driver, by simulation: the store's layer compiled for the host, on a
 * disk of which only the metadata are kept. tests/bench/store.py runs it, by itself for times and
 * under callgrind for instructions, and reads what it prints: a line for each thing measured.
 *
 * GIB=16384 VOLUMES=15 CLONES=1000 store_scale: a store of that many GiB, which that many volumes
 * fill, and that many clones of the first one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <valgrind/callgrind.h>

#include "tests/unit/still_clock.h"

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

/* Changed chunks of a volume between two commits while the store is being filled. */
#define FILL_PART 65536u

struct client clients[DISK_CLIENT_MAX];
static struct driver_channel channel;
static u8 buffer[STORE_IO_SECTORS * 512u];
static u8 *memory; /* the store's, as the manager gives it */
static u8 *disk;   /* the blocks of metadata */
static u64 disk_bytes;
static u64 command_number;

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "store_scale: %s\n", what);
	exit(1);
}

/* Returns memory whose pages take none until they are touched. */
static u8 *reserve(u64 bytes)
{
	void *got = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (got == MAP_FAILED)
		fail("there is too little memory");
	return got;
}

/* --- the disk: answers when it is asked to, and forgets data --- */

static struct {
	bool busy;
	enum block_operation operation;
	u64 sector;
	u32 sectors;
	u32 reads;
	u32 writes;
	u32 flushes;
} io;

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
	return BLOCK_OK;
}

void store_io_forget(void)
{
}

bool store_io(const struct open_store *store, enum block_operation operation, u64 sector,
	      u32 sectors)
{
	(void)store;
	io.busy = true;
	io.operation = operation;
	io.sector = sector;
	io.sectors = sectors;
	return true;
}

static void io_end(void)
{
	u64 at = io.sector * 512u;
	u64 bytes = io.sectors * 512ull;

	io.busy = false;
	io.reads += io.operation == BLOCK_READ;
	io.writes += io.operation == BLOCK_WRITE;
	io.flushes += io.operation == BLOCK_FLUSH;
	if (io.operation == BLOCK_FLUSH || at + bytes > disk_bytes)
		return;
	if (io.operation == BLOCK_READ)
		memcpy(buffer, disk + at, bytes);
	else
		memcpy(disk + at, buffer, bytes);
}

/* --- the driver --- */

const struct disk_client_part *client_part(const struct client *client)
{
	return &client->given.disk;
}

void process_tell_manager(void)
{
}

/* --- measuring --- */

static struct timespec began;

static void measure_begin(void)
{
	io.reads = io.writes = io.flushes = 0;
	clock_gettime(CLOCK_MONOTONIC, &began);
	CALLGRIND_ZERO_STATS;
}

/* Says what has been done `times` times since measure_begin; instructions are callgrind's. */
static void measure_end(const char *name, u64 times)
{
	struct timespec now;
	u64 ns;

	CALLGRIND_DUMP_STATS_AT(name);
	clock_gettime(CLOCK_MONOTONIC, &now);
	ns = (u64)(now.tv_sec - began.tv_sec) * 1000000000 + (u64)now.tv_nsec - (u64)began.tv_nsec;
	printf("%s times %llu ns %llu reads %u writes %u flushes %u\n", name,
	       (unsigned long long)times, (unsigned long long)ns, io.reads, io.writes, io.flushes);
}

/* Returns how many bytes of the store's memory have been touched. */
static u64 resident(u64 bytes)
{
	u64 pages = bytes / PAGE_SIZE;
	unsigned char *in = malloc(pages);
	u64 count = 0;

	if (in == NULL || mincore(memory, bytes, in) != 0)
		fail("the pages in memory cannot be counted");
	for (u64 i = 0; i < pages; i++)
		count += in[i] & 1;
	free(in);
	return count * PAGE_SIZE;
}

/* --- the store --- */

/* Gives the store to a driver that has just begun. Volumes' own chunks are not counted. */
static void give(u64 sectors, u64 bytes)
{
	memset(stores, 0, sizeof(stores));
	channel.store[0] = (struct store_given){
		.at = (uintptr_t)memory,
		.bytes = bytes,
		.sectors = sectors,
		.number = channel.store[0].number + 1,
	};
	channel.disk.unit[0].features = DISK_FLUSH;
	store_take_commands(&channel);
	stores[0].count.not_before = ~0ull;
}

/* Lets the store go on until it has nothing to do. */
static void settle(void)
{
	do {
		(void)store_serve();
		if (io.busy)
			io_end();
	} while (io.busy || !store_may_wait());
}

static u64 ask(u32 operation, const struct store_item *item)
{
	struct store_page *page = (struct store_page *)(void *)memory;

	page->command = (struct store_command){.operation = operation, .count = 1};
	page->command.item[0] = *item;
	page->command.number = ++command_number;
	store_take_commands(&channel);
	settle();
	if (page->answer.number != command_number || page->answer.status != STORE_OK)
		fail(page->answer.text);
	return page->answer.volume[0];
}

static u64 add(const char *kind, u64 number, u64 from, u64 sectors)
{
	struct store_item item = {.volume = from, .sectors = sectors};

	snprintf(item.name, sizeof(item.name), "%s%llu", kind, (unsigned long long)number);
	return ask(STORE_CREATE, &item);
}

static void put(u64 volume, u64 index)
{
	u32 chunk = pool_take_chunk(&stores[0].pool);

	if (chunk == NO_CHUNK || !pool_put(&stores[0].pool, volume, index, chunk))
		fail("a chunk cannot be put into a volume");
}

/* Gives a volume all of its chunks, as if a guest had written to each. */
static void fill(u64 volume, u64 chunks)
{
	for (u64 i = 0; i < chunks; i++) {
		put(volume, i);
		if (i % FILL_PART == FILL_PART - 1)
			settle();
	}
	settle();
}

static void say_memory(u64 bytes)
{
	const struct pool *pool = &stores[0].pool;

	printf("memory reserved %llu touched %llu chunk %u chunks %u nodes %u\n",
	       (unsigned long long)bytes, (unsigned long long)resident(bytes),
	       pool->super.chunk_sectors * 512u, pool->super.chunks,
	       pool->super.blocks - STORE_FIRST_NODE - pool->free_blocks);
}

/* Writes for the first time to chunks that volumes share, each with a commit of its own. */
static void measure_commits(u64 volume, u64 chunks, u32 times)
{
	measure_begin();
	for (u32 i = 0; i < times; i++) {
		put(volume, (u64)i * (chunks / times));
		settle();
	}
	measure_end("commit", times);
}

static void measure_clones(u64 volume, u64 sectors, u32 times)
{
	u32 free_before = stores[0].pool.free_blocks;

	measure_begin();
	for (u32 i = 0; i < times; i++)
		(void)add("clone", i, volume, sectors);
	measure_end("clone", times);
	printf("clones %u nodes %u\n", times, free_before - stores[0].pool.free_blocks);
}

/* Looks up chunks of a volume all over it, as each request of a guest does. */
static void measure_look_up(const char *name, u64 volume, u64 chunks)
{
	const struct store_record *record = pool_find(&stores[0].pool, volume);
	u32 chunk;
	bool alone;

	measure_begin();
	for (u64 i = 0; i < 1000; i++) {
		if (!pool_look_up(&stores[0].pool, record, i * (chunks / 1000), &chunk, &alone))
			fail("a chunk is missing");
	}
	measure_end(name, 1000);
}

static void measure_load(u64 sectors, u64 bytes)
{
	measure_begin();
	give(sectors, bytes);
	while (stores[0].state == STORE_LOADING) {
		(void)store_serve();
		if (io.busy)
			io_end();
	}
	measure_end("load", 1);
	if (stores[0].state != STORE_READY)
		fail(stores[0].reason);
	settle();
}

static void measure_check(void)
{
	struct store_item item = {.volume = 0};

	measure_begin();
	(void)ask(STORE_CHECK, &item);
	measure_end("check", 1);
	if (!stores[0].check.ended || stores[0].check.faults != 0)
		fail("the check has found faults");
}

static u64 number_of(const char *name)
{
	const char *text = getenv(name);

	return text != NULL ? strtoull(text, NULL, 10) : 0;
}

int main(void)
{
	u64 sectors = number_of("GIB") << 21;
	u32 volumes = (u32)number_of("VOLUMES");
	u32 clones = (u32)number_of("CLONES");
	u64 bytes = store_memory_bytes(sectors, store_chunk_usual(sectors));
	struct store_item item = {.flags = STORE_OVERCOMMIT};
	u64 first = 0;
	u64 chunks;
	u64 last;

	if (sectors == 0 || volumes == 0 || clones == 0)
		fail("usage: GIB=NUMBER VOLUMES=NUMBER CLONES=NUMBER store_scale");
	memory = reserve(bytes);
	disk_bytes =
		store_metadata_blocks(sectors / store_chunk_usual(sectors)) * STORE_BLOCK_BYTES;
	disk = reserve(disk_bytes);
	give(sectors, bytes);
	settle();
	(void)ask(STORE_FORMAT, &item);
	stores[0].count.not_before = ~0ull;
	chunks = (stores[0].pool.super.chunks - 4096) / volumes;
	sectors = chunks * stores[0].pool.super.chunk_sectors;
	for (u32 i = 0; i < volumes; i++) {
		u64 volume = add("volume", i, 0, sectors);

		fill(volume, chunks);
		first = first != 0 ? first : volume;
	}
	say_memory(bytes);
	CALLGRIND_START_INSTRUMENTATION;
	measure_load(channel.store[0].sectors, bytes);
	measure_check();
	measure_look_up("look-up", first, chunks);
	measure_clones(first, sectors, clones);
	measure_commits(first, chunks, 100);
	last = pool_find_name(&stores[0].pool, "clone0")->id;
	for (u32 i = 0; i < 100; i++)
		last = add("deep", i, last, sectors);
	measure_look_up("look-up-deep", last, chunks);
	measure_load(channel.store[0].sectors, bytes);
	return 0;
}
