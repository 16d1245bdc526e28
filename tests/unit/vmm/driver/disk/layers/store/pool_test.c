/* SPDX-License-Identifier: MIT */
/*
 * Tests of a store's metadata: what volumes hold after any changes, and after a cut of power at any
 * moment of a commit. A model beside it is an array of numbers for each volume.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/random.h"
#include "tests/unit/still_clock.h"

#include "lib/string.h"
#include "vmm/driver/disk/layers/store/pool_load.c"
#include "vmm/driver/disk/layers/store/pool_map.c"
#include "vmm/driver/disk/layers/store/store_lease.c"
#include "vmm/rt/crc32c.h"

#define START	16384u /* 8 MiB: the store's size in sectors when it is made */
#define SECTORS 49152u /* 24 MiB, to which it grows */
#define VOLUMES 8u
#define CHUNKS	40u /* of each volume */
#define PENDING 512u

static u64 seed = RANDOM_SEED;

static u32 random_below(u32 bound)
{
	return (u32)(random_step(&seed) >> 20) % bound;
}

static void random_seed(u64 number)
{
	seed = RANDOM_SEED ^ number * 0x9e3779b97f4a7c15ull;
	(void)random_step(&seed);
}

static u8 disk[SECTORS * 512u];
static u8 buffer[64 * 1024];
static struct store_page page;
static struct open_store store = {.page = &page};
static u8 *memory;
static u64 memory_bytes;

/* --- a disk whose cache may be lost --- */

static struct {
	u64 sector;
	u32 sectors;
	u8 data[4096];
} pending[PENDING];
static u32 pending_count;
static u32 writes; /* so many requests were made */
static u32 cut_at; /* the request at which the power is cut; ~0u: none */
static bool is_cut;

u8 *store_io_data(void)
{
	return buffer;
}

void store_io_forget(void)
{
}

enum block_status store_io_status(void)
{
	return is_cut ? BLOCK_ERROR : BLOCK_OK;
}

bool store_has_feature(const struct open_store *of, u32 feature)
{
	(void)of;
	return feature == DISK_FLUSH;
}

void store_fail(struct open_store *of, enum store_state state, const char *reason)
{
	(void)reason;
	of->job = JOB_NONE;
	of->state = state;
}

/* Puts each sector of what was not flushed on the disk, or not: by chance, in any order. */
static void lose_cache(void)
{
	for (u32 i = 0; i < pending_count; i++) {
		for (u32 s = 0; s < pending[i].sectors; s++) {
			if (random_below(2) == 0)
				memcpy(disk + (pending[i].sector + s) * 512u,
				       pending[i].data + s * 512u, 512);
		}
	}
	pending_count = 0;
}

static void flush_cache(void)
{
	for (u32 i = 0; i < pending_count; i++)
		memcpy(disk + pending[i].sector * 512u, pending[i].data, pending[i].sectors * 512u);
	pending_count = 0;
}

bool store_io(const struct open_store *of, enum block_operation operation, u64 sector, u32 sectors)
{
	(void)of;
	if (is_cut)
		return true;
	if (writes++ == cut_at) {
		lose_cache();
		is_cut = true;
		return true;
	}
	if (operation == BLOCK_FLUSH) {
		flush_cache();
		return true;
	}
	assert_true(operation == BLOCK_WRITE && pending_count < PENDING && sectors <= 8);
	pending[pending_count].sector = sector;
	pending[pending_count].sectors = sectors;
	memcpy(pending[pending_count++].data, buffer, sectors * 512u);
	return true;
}

/* --- the model --- */

struct model {
	u64 id[VOLUMES]; /* 0: there is none */
	u64 sectors[VOLUMES];
	u32 content[VOLUMES][CHUNKS]; /* 0: zeros; else what was written last */
};

static struct model now;
static struct model committed[2]; /* by generation % 2 */
static u64 committed_at[2];
static u32 chunk_holds[SECTORS / 128]; /* the content of each chunk of the disk */
static u32 last_content;
static u32 unsummed;	       /* so many writes in place have found a sum first */
static u32 sums_seen;	       /* so many sums were looked at */
static u32 growths, far_nodes; /* so often a store has grown; nodes read that lie in chunks */

static void open_new(void)
{
	struct store_superblock super = {
		.magic = STORE_MAGIC, .version = STORE_VERSION, .next_id = 1};

	assert_true(pool_lay_out(START, STORE_CHUNK_LEAST, &super));
	pool_open(&store.pool, &super, memory);
	store.state = STORE_READY;
	store.pool.dirty = true;
}

static bool commit(void)
{
	struct model frozen = now;
	u64 generation = store.pool.now;

	store_commit_begin(&store);
	while (store.job == JOB_COMMIT)
		store_commit_step(&store);
	committed[generation % 2] = frozen;
	committed_at[generation % 2] = generation;
	return store.state == STORE_READY;
}

/* Loads what the disk has. */
static const char *load(void)
{
	struct store_superblock pair[2];
	const char *problem = "";
	u32 chosen = 0;
	u32 block;

	memcpy(pair, disk, sizeof(pair));
	if (pool_choose(pair, SECTORS, &chosen, &problem) != STORE_LOADING)
		return problem;
	pool_open(&store.pool, &pair[chosen], memory);
	problem = pool_load_begin(&store.pool);
	while (problem == NULL && (block = pool_load_next(&store.pool)) != 0) {
		u64 sector = pool_block_sector(&store.pool, block);

		far_nodes += sector != block * 8u;
		memcpy(pool_node(&store.pool, block), disk + sector * 512, 4096);
		problem = pool_load_take(&store.pool, block);
	}
	if (problem == NULL)
		problem = pool_load_end(&store.pool);
	store.state = STORE_READY;
	store.job = JOB_NONE;
	return problem;
}

/* The sum of each chunk that a volume has and that has one is that of what the chunk holds now. */
static void check_sums(void)
{
	u32 sum;

	for (u32 i = 0; i < store.pool.super.chunks; i++) {
		if (pool_has_data(&store.pool, i) && pool_sum(&store.pool, i, &sum)) {
			assert_int_equal(sum, chunk_holds[i]);
			sums_seen++;
		}
	}
}

/* Gives sums to chunks as a round does: to those that were not written to since the last one. */
static void sum_chunks(void)
{
	u32 sum;

	for (u32 i = 0; i < store.pool.super.chunks; i++) {
		if (!pool_has_data(&store.pool, i) || random_below(3) == 0)
			continue;
		if (store.pool.writes[i] != 0)
			store.pool.writes[i] &= (u8)~POOL_WRITTEN;
		else if (!pool_sum(&store.pool, i, &sum))
			(void)pool_set_sum(&store.pool, i, chunk_holds[i]);
	}
}

/* Compares what each volume holds with the model, and the sums with what the chunks hold. */
static void compare(const struct model *model)
{
	check_sums();
	for (u32 v = 0; v < VOLUMES; v++) {
		const struct store_record *record = pool_find(&store.pool, model->id[v]);

		assert_int_equal(record != NULL, model->id[v] != 0);
		if (record == NULL)
			continue;
		assert_int_equal(record->sectors, model->sectors[v]);
		for (u32 i = 0; i < model->sectors[v] / 128; i++) {
			u32 chunk;
			bool alone;
			bool mapped = pool_look_up(&store.pool, record, i, &chunk, &alone);

			assert_int_equal(mapped, model->content[v][i] != 0);
			if (mapped)
				assert_int_equal(chunk_holds[chunk], model->content[v][i]);
		}
	}
}

static u32 any_volume(bool there)
{
	u32 first = random_below(VOLUMES);

	for (u32 i = 0; i < VOLUMES; i++) {
		if ((now.id[(first + i) % VOLUMES] != 0) == there)
			return (first + i) % VOLUMES;
	}
	return VOLUMES;
}

/* Writes to a chunk as the layer does: in place if the volume has it alone, else to a new one. */
static void write_chunk(u32 v)
{
	const struct store_record *record = pool_find(&store.pool, now.id[v]);
	u32 index = random_below((u32)(now.sectors[v] / 128));
	bool alone = false;
	u32 chunk = NO_CHUNK;
	bool mapped = pool_look_up(&store.pool, record, index, &chunk, &alone);

	if (!mapped || !alone) {
		chunk = pool_take_chunk(&store.pool);
		if (chunk == NO_CHUNK)
			return;
		chunk_holds[chunk] = ++last_content;
		if (!pool_put(&store.pool, now.id[v], index, chunk)) {
			pool_give_chunk(&store.pool, chunk);
			return;
		}
		now.content[v][index] = chunk_holds[chunk];
		return;
	}
	if (pool_is_summed(&store.pool, chunk)) {
		unsummed += pool_unsum(&store.pool, chunk);
		return; /* the chunk can be written to some commits later */
	}
	pool_write_begins(&store.pool, chunk);
	pool_write_ends(&store.pool, chunk);
	/*
	 * a write in place changes what the disk's last states hold of this volume, and of no other
	 */
	for (u32 i = 0; i < 2; i++) {
		for (u32 other = 0; other < VOLUMES; other++) {
			for (u32 at = 0; at < CHUNKS; at++) {
				if (committed[i].content[other][at] == chunk_holds[chunk] &&
				    committed[i].id[other] == now.id[v])
					committed[i].content[other][at] = last_content + 1;
			}
		}
	}
	chunk_holds[chunk] = ++last_content;
	now.content[v][index] = last_content;
}

static void add_volume(u32 v, u32 from)
{
	struct store_item item = {.sectors = 128ull * (1 + random_below(CHUNKS))};
	enum store_status status;
	u64 id = 0;

	snprintf(item.name, sizeof(item.name), "v%llu",
		 (unsigned long long)store.pool.super.next_id);
	if (from < VOLUMES)
		item.sectors = now.sectors[from];
	status = pool_add(&store.pool, &item, from < VOLUMES ? now.id[from] : 0, 0, 0, &id);
	if (status != STORE_OK) {
		assert_int_equal(status, STORE_NO_SPACE);
		return;
	}
	if (from < VOLUMES)
		memcpy(now.content[v], now.content[from], sizeof(now.content[v]));
	else
		memset(now.content[v], 0, sizeof(now.content[v]));
	now.id[v] = id;
	now.sectors[v] = item.sectors;
}

/* Now and then lets the store grow, by a little or by much, if its disk has more. */
static void grow(void)
{
	u64 sectors = store.pool.super.sectors + 64 + random_below(SECTORS - START);

	if (random_below(8) == 0)
		growths += pool_grow(&store.pool, MIN(sectors, SECTORS), memory_bytes) == NULL;
}

static void change(void)
{
	u32 there = any_volume(true);
	u32 free = any_volume(false);

	switch (random_below(13)) {
	case 12:
		sum_chunks();
		grow();
		return;
	case 0:
		if (free < VOLUMES)
			add_volume(free, VOLUMES);
		return;
	case 1:
	case 2:
		if (free < VOLUMES && there < VOLUMES)
			add_volume(free, there);
		return;
	case 3:
		if (there < VOLUMES && pool_drop(&store.pool, now.id[there]) == STORE_OK) {
			now.id[there] = 0;
			(void)commit();
		}
		return;
	case 4:
		if (there < VOLUMES) {
			u32 index = random_below((u32)(now.sectors[there] / 128));

			if (pool_put(&store.pool, now.id[there], index, NO_CHUNK))
				now.content[there][index] = 0;
		}
		return;
	default:
		if (there < VOLUMES)
			write_chunk(there);
	}
}

/* Makes changes until the power is cut, or for a while; then loads what the disk has. */
static void change_until_cut(void)
{
	u64 before;

	cut_at = writes + random_below(random_below(2) == 0 ? 12 : 400);
	for (u32 i = 0; i < 120 && !is_cut; i++) {
		change();
		while (pool_sweep(&store.pool, 3))
			continue;
		compare(&now);
		if (random_below(4) == 0 && !is_cut)
			(void)commit();
	}
	before = store.pool.committed;
	if (!is_cut)
		lose_cache();
	is_cut = false;
	cut_at = ~0u;
	assert_null(load());
	assert_in_range(store.pool.committed, before, before + 1);
	assert_int_equal(committed_at[store.pool.committed % 2], store.pool.committed);
	now = committed[store.pool.committed % 2];
	compare(&now);
}

/* Compares what the older superblock leads to, unless the cut has torn that one. */
static void look_at_older(void)
{
	u64 newest = store.pool.committed;
	u8 *byte = &disk[newest % 2 * 4096 + 9];
	struct store_superblock older;

	memcpy(&older, disk + (newest + 1) % 2 * 4096, sizeof(older));
	if (!pool_super_is_whole(&older, (newest + 1) % 2) || older.generation != newest - 1)
		return;
	*byte ^= 1;
	assert_null(load());
	check_sums();
	assert_int_equal(store.pool.committed, newest - 1);
	if (committed_at[(newest - 1) % 2] == newest - 1)
		compare(&committed[(newest - 1) % 2]);
	*byte ^= 1;
	assert_null(load());
}

/*
 * Any changes, and a cut at any request: the disk then has the last commit, or the one under way,
 * and the one before it. The same after the next start, whether or not that has made a commit.
 */
static void test_cuts(void **state)
{
	(void)state;
	for (u32 round = 0; round < 400; round++) {
		random_seed(round + 1);
		/* what the last round has left elsewhere is what a used disk holds */
		memset(disk, 0, 64 * 4096);
		memset(&now, 0, sizeof(now));
		memset(committed_at, 0, sizeof(committed_at));
		pending_count = writes = 0;
		is_cut = false;
		cut_at = ~0u;
		open_new();
		assert_true(commit() && commit());
		for (u32 lives = 0; lives < 3; lives++) {
			change_until_cut();
			look_at_older();
			if (random_below(2) == 0)
				assert_true(commit());
		}
	}
	assert_true(unsummed > 100 && sums_seen > 1000 && growths > 200 && far_nodes > 1000);
}

/* Any damage to a block is noticed, or the other superblock is used. */
static void test_damage(void **state)
{
	u32 noticed = 0;

	(void)state;
	random_seed(7);
	memset(disk, 0, sizeof(disk));
	memset(&now, 0, sizeof(now));
	cut_at = ~0u;
	is_cut = false;
	open_new();
	for (u32 i = 0; i < 60; i++)
		change();
	assert_true(commit() && commit());
	for (u32 i = 0; i < 300; i++) {
		u32 at = random_below(20 * 4096);
		const char *problem;

		disk[at] ^= 1;
		problem = load();
		noticed += problem != NULL;
		disk[at] ^= 1;
	}
	assert_in_range(noticed, 1, 299);
	assert_null(load());
	compare(&now);
}

static int make_memory(void **state)
{
	(void)state;
	memory_bytes = pool_bytes(96, SECTORS / 128); /* with as many blocks as it ever has */
	memory = malloc(memory_bytes);
	return memory == NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cuts),
		cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests(tests, make_memory, NULL);
}
