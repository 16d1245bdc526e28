/* SPDX-License-Identifier: MIT */
/*
 * Tests of a store whose disk has become larger: what it had is there, the new room is used for
 * data and metadata, and a cut at any step leaves the store as it was or as it is then.
 */
#define SECTORS 131072u /* 64 MiB: the largest that the disk becomes */
#include "tests/unit/store_fake.h"

#define SMALL	16384u /* 8 MiB: 128 chunks */
#define BLOCKS	64u    /* blocks of metadata of the small store, which lie in no chunk */
#define LEAVES	90u    /* more nodes than the small store has */
#define WIDE	((u64)LEAVES * STORE_FAN * CHUNK)
#define SIZE_AT offsetof(struct store_superblock, size)

static struct pool *const pool = &stores[0].pool;

static u32 grow(void)
{
	struct store_item item = {.sectors = disk_sectors};

	return ask(0, STORE_GROW, &item);
}

/* Begins the driver's next process, which finds a disk of this size. */
static u32 begin_again(u64 sectors)
{
	disk_sectors = sectors;
	begin_process();
	give(0, MEMORY);
	settle();
	return stores[0].state;
}

static int begin_small(void **state)
{
	flush_is_free = true;
	disk_sectors = SMALL;
	return begin(state);
}

static int end_small(void **state)
{
	sum_after_s = 0;
	now_tsc = 0;
	return end(state);
}

/* Makes a volume with content in its first chunks, and a snapshot of it. */
static u64 make_one(void)
{
	u64 one = create(0, "one", WIDE, 0);

	come(0, 0, one);
	for (u8 i = 0; i < 8; i++)
		write_chunk(0, i, i + 1);
	settle();
	(void)create(0, "kept", WIDE, one);
	return one;
}

static void compare_one(u64 one)
{
	come(1, 0, one);
	for (u8 i = 0; i < 8; i++)
		assert_int_equal(read_chunk(1, i), i + 1);
	leave(1);
}

/* Returns how many nodes lie in chunks. */
static u32 far_nodes(void)
{
	u32 count = 0;

	for (u32 i = STORE_FIRST_NODE; i < pool->super.blocks; i++)
		count += pool->block[i].uses != 0 && i >= BLOCKS;
	return count;
}

static u32 check(void)
{
	struct store_item item = {.volume = 0};

	assert_int_equal(ask(0, STORE_CHECK, &item), STORE_OK);
	assert_int_equal(page_of(0)->told.check, STORE_CHECK_ENDED);
	return page_of(0)->told.check_faults;
}

/* Writes to a chunk of each leaf of the volume of client 0, from the first one given on. */
static void write_leaves(u32 first)
{
	for (u32 i = first; i < LEAVES; i++)
		write_chunk(0, (u64)i * STORE_FAN + 9, (u8)i);
	settle();
}

/* A client that waits as the store is full goes on once the store has grown, twice. */
static void test_full(void **state)
{
	u64 one = make_one();
	enum block_status status;
	u32 at = 8;

	(void)state;
	assert_int_equal(begin_again(SMALL), STORE_READY);
	come(0, 0, one);
	for (u32 size = 2 * SMALL; size <= 4 * SMALL; size *= 2) {
		while (page_of(0)->wait[0] != STORE_WAIT_FULL) {
			if (ask_disk(0, BLOCK_WRITE, at, &status) == LAYER_PASSES)
				at++;
			settle();
		}
		assert_int_equal(pool->free_chunks, 0);
		assert_int_equal(begin_again(size), STORE_READY);
		come(0, 0, one);
		assert_int_equal(page_of(0)->told.sectors, size / 2);
		assert_int_equal(ask_disk(0, BLOCK_WRITE, at, &status), LAYER_WAITS);
		settle();
		assert_int_equal(page_of(0)->wait[0], STORE_WAIT_FULL);
		assert_int_equal(grow(), STORE_OK);
		assert_int_equal(page_of(0)->wait[0], STORE_WAIT_NOT);
		assert_int_equal(ask_disk(0, BLOCK_WRITE, at++, &status), LAYER_PASSES);
		assert_int_equal(page_of(0)->told.sectors, size);
		assert_int_equal(page_of(0)->told.bytes, pool->data_chunks * CHUNK * 512ull);
		compare_one(one);
		assert_int_equal(check(), 0);
	}
	assert_int_equal(pool->super.version, STORE_VERSION_NEEDS);
	assert_int_equal(page_of(0)->told.needs, STORE_NEEDS_GROWN);
	assert_int_equal(begin_again(4 * SMALL), STORE_READY);
	compare_one(one);
	assert_int_equal(check(), 0);
}

/* Nodes lie in the new room, too, and no volume gets the chunks in which they lie. */
static void test_metadata(void **state)
{
	u64 one = make_one();
	u32 blocks = pool->super.blocks;
	u32 chunks = pool->super.chunks;
	u32 all;

	(void)state;
	assert_int_equal(begin_again(SECTORS), STORE_READY);
	come(0, 0, one);
	assert_int_equal(grow(), STORE_OK);
	assert_int_equal(pool->super.blocks, store_metadata_blocks(SECTORS / CHUNK));
	assert_int_equal(pool->layout.area_count, 2);
	all = (pool->super.blocks - blocks) / 16; /* chunks of metadata */
	assert_int_equal(pool->data_chunks, pool->super.chunks - all);
	for (u32 i = 0; i < all; i++)
		assert_int_equal(pool->chunk[chunks + i].uses, POOL_METADATA);
	write_leaves(0);
	assert_true(far_nodes() > 20);
	assert_int_equal(check(), 0);
	assert_int_equal(begin_again(SECTORS), STORE_READY);
	come(0, 0, one);
	for (u32 i = 0; i < LEAVES; i++)
		assert_int_equal(read_chunk(0, (u64)i * STORE_FAN + 9), i);
	compare_one(one);
	while (pool_take_chunk(pool) != NO_CHUNK)
		continue;
	for (u32 i = 0; i < all; i++)
		assert_int_equal(pool->chunk[chunks + i].uses, POOL_METADATA);
}

/* Returns the uses of the chunk that has the sector. */
static u32 uses_at(u64 sector)
{
	return pool->chunk[(sector - pool->layout.first_sector) / CHUNK].uses;
}

/* A store with copies has copies of the new blocks, too: any one of the two may be spoiled. */
static void test_copies(void **state)
{
	struct store_item item = {.flags = STORE_OVERCOMMIT | STORE_FORMAT_COPIES |
					   STORE_FORMAT_OVER};
	u32 spoilt = 0;
	u32 far = 0;
	u64 one;

	(void)state;
	assert_int_equal(ask(0, STORE_FORMAT, &item), STORE_OK);
	one = make_one();
	assert_int_equal(begin_again(SECTORS), STORE_READY);
	come(0, 0, one);
	assert_int_equal(grow(), STORE_OK);
	write_leaves(0);
	for (u32 block = BLOCKS; block < pool->super.blocks; block++) {
		assert_int_equal(uses_at(pool_block_sector(pool, block)), POOL_METADATA);
		assert_int_equal(uses_at(pool_copy_sector(pool, block)), POOL_METADATA);
	}
	for (u32 block = STORE_FIRST_NODE; block < pool->super.blocks; block++) {
		if (pool->block[block].uses == 0 || (block < BLOCKS && block % 8 != 0))
			continue;
		spoil(block % 2 == 0 ? pool_block_sector(pool, block)
				     : pool_copy_sector(pool, block));
		far += block >= BLOCKS;
		spoilt++;
	}
	assert_true(far > 20);
	assert_int_equal(begin_again(SECTORS), STORE_READY);
	assert_int_equal(page_of(0)->told.check_mended, spoilt);
	assert_int_equal(check(), 0);
	come(0, 0, one);
	for (u32 i = 0; i < LEAVES; i++)
		assert_int_equal(read_chunk(0, (u64)i * STORE_FAN + 9), i);
	compare_one(one);
}

/* Lets the stores go on up to the request with this number. Returns false if there is none. */
static bool run_to(u32 number)
{
	for (u32 i = 0, ended = 0; i < 1000; i++) {
		bool more = store_serve();

		if (io.busy && ended++ == number)
			return true;
		if (io.busy)
			io_end(BLOCK_OK);
		else if (!more && store_may_wait())
			return false;
	}
	return false;
}

/* Cuts the power at each request of a growth, with what the disk's cache holds and without it. */
static void test_cuts(void **state)
{
	static u8 before[SECTORS * 512u];
	struct store_item item = {.sectors = SECTORS};
	u64 one = make_one();
	u32 old = 0;
	u32 cuts = 0;

	(void)state;
	memcpy(before, disk[0], sizeof(before));
	for (bool more = true; more; cuts++) {
		memcpy(disk[0], before, sizeof(before));
		memcpy(medium, before, sizeof(before));
		flush_is_free = false;
		assert_int_equal(begin_again(SECTORS), STORE_READY);
		ask_begin(0, STORE_GROW, &item, 1);
		more = run_to(cuts / 2);
		if (cuts % 2 == 0)
			memcpy(disk[0], medium, sizeof(medium));
		assert_true(more || page_of(0)->answer.number == command_number);
		flush_is_free = true;
		page_of(0)->command.number = 0; /* the host is booted again: nobody asks again */
		assert_int_equal(begin_again(SECTORS), STORE_READY);
		assert_true(more || pool->super.sectors == SECTORS);
		old += pool->super.sectors == SMALL;
		compare_one(one);
		assert_int_equal(check(), 0);
		if (pool->super.sectors == SMALL)
			assert_int_equal(grow(), STORE_OK);
		compare_one(one);
	}
	assert_true(cuts > 8 && old > 4);
}

/* The driver's next process does a growth that its last one has begun, once. */
static void test_driver_ends(void **state)
{
	struct store_item item = {.sectors = SECTORS};

	(void)state;
	(void)make_one();
	for (u32 number = 0;; number++) {
		u64 size = SMALL + (number + 1) * 8 * (u64)CHUNK;
		bool more;

		assert_int_equal(begin_again(size), STORE_READY);
		ask_begin(0, STORE_GROW, &item, 1);
		more = run_to(number);
		assert_int_equal(begin_again(size), STORE_READY);
		assert_int_equal(page_of(0)->answer.status, STORE_OK);
		assert_int_equal(page_of(0)->answer.number, command_number);
		assert_int_equal(pool->super.sectors, size);
		assert_int_equal(pool_growths(&pool->super), number + 1);
		if (!more)
			break;
	}
}

/* A store gets no more than its command says, also if the driver's next process does it. */
static void test_part(void **state)
{
	struct store_item item = {.sectors = 2 * SMALL};

	(void)state;
	(void)make_one();
	assert_int_equal(begin_again(2 * SMALL), STORE_READY);
	ask_begin(0, STORE_GROW, &item, 1);
	assert_true(run_to(0));
	assert_int_equal(begin_again(SECTORS), STORE_READY);
	assert_int_equal(page_of(0)->answer.number, command_number);
	assert_int_equal(pool->super.sectors, 2 * SMALL);
	assert_int_equal(ask(0, STORE_GROW, &item), STORE_NOT_READY);
	assert_int_equal(grow(), STORE_OK);
	assert_int_equal(pool->super.sectors, SECTORS);
}

/* What cannot be leaves the store as it is, with a reason. */
static void test_refused(void **state)
{
	struct store_item item = {.sectors = SECTORS};
	u64 generation;

	(void)state;
	(void)make_one();
	generation = pool->committed;
	assert_int_equal(grow(), STORE_NOT_READY); /* the disk is as it was */
	assert_int_equal(begin_again(SMALL + CHUNK - 8), STORE_READY);
	assert_int_equal(grow(), STORE_NOT_READY); /* less than a chunk more */
	disk_sectors = SECTORS;
	begin_process();
	give(0, STORE_PAGE_BYTES + pool_bytes(BLOCKS, 200));
	settle();
	assert_int_equal(grow(), STORE_NOT_READY); /* more than the memory is for */
	assert_int_equal(begin_again(SECTORS), STORE_READY);
	ask_begin(0, STORE_GROW, &item, 1);
	while (!io.busy)
		(void)store_serve();
	assert_int_equal(io.sector + io.sectors, SECTORS);
	io_end(BLOCK_ERROR); /* the disk ends earlier than it says */
	settle();
	assert_int_equal(page_of(0)->answer.status, STORE_DISK_ERROR);
	assert_true(pool->committed <= generation + 4); /* what loading has committed */
	assert_int_equal(pool->super.sectors, SMALL);
	assert_int_equal(pool->super.needs, 0);
	for (u32 i = 1; i <= STORE_GROWTHS_MAX + 1; i++) {
		assert_int_equal(begin_again(SMALL + i * 4ull * CHUNK), STORE_READY);
		assert_int_equal(grow(), i <= STORE_GROWTHS_MAX ? STORE_OK : STORE_NOT_READY);
	}
}

/* A check, a scrub and clients' writes go on beside a growth that raises the tree of sums. */
static void test_meanwhile(void **state)
{
	struct store_item item = {.volume = 0};
	enum block_status status;
	u32 sum;
	u64 one;

	(void)state;
	sum_after_s = 60;
	assert_int_equal(begin_again(SMALL), STORE_READY);
	one = make_one();
	for (u32 i = 0; i < 3; i++) {
		now_tsc += 60 * NS_PER_S;
		settle();
	}
	assert_int_equal(pool_node(pool, pool->super.sums)->kind, STORE_NODE_SUMS);
	assert_int_equal(begin_again(SECTORS), STORE_READY);
	come(0, 0, one);
	assert_int_equal(ask(0, STORE_SCRUB, &item), STORE_OK);
	ask_begin(0, STORE_CHECK, &item, 1);
	while (!stores[0].check.under_way || stores[0].check.block < 5) {
		(void)store_serve();
		if (io.busy)
			io_end(BLOCK_OK);
	}
	(void)ask_disk(0, BLOCK_WRITE, 3, &status);
	while (stores[0].commanded) {
		(void)store_serve();
		if (io.busy)
			io_end(BLOCK_OK);
	}
	assert_int_equal(grow(), STORE_OK);
	assert_int_equal(pool_node(pool, pool->super.sums)->kind, STORE_NODE_INNER);
	assert_int_equal(page_of(0)->told.check, STORE_CHECK_ENDED);
	assert_int_equal(page_of(0)->told.check_faults, 0);
	now_tsc += NS_PER_S;
	settle();
	assert_int_equal(page_of(0)->told.scrub_faults, 0);
	assert_int_equal(page_of(0)->told.scrub, STORE_CHECK_ENDED);
	compare_one(one);
	write_chunk(0, 20, 20);
	for (u32 i = 0; i < 3; i++) {
		now_tsc += 60 * NS_PER_S;
		settle();
	}
	for (u32 i = 0, count = 0; i < pool->super.chunks || count < 9; i++) {
		assert_true(i < pool->super.chunks);
		if (!pool_sum(pool, i, &sum))
			continue;
		assert_true(pool_has_data(pool, i));
		count++;
	}
	assert_int_equal(begin_again(SECTORS), STORE_READY);
	compare_one(one);
}

/* Changes both superblocks, as somebody would who wants to do harm. */
static void change_supers(u64 at, u64 value)
{
	for (u32 i = 0; i < 2; i++) {
		struct store_superblock *super = (void *)(disk[0] + (size_t)i * STORE_BLOCK_BYTES);

		memcpy((u8 *)super + at, &value, sizeof(value));
		super->check = store_block_check(super, &super->check);
	}
}

/* Sizes that contradict each other, or the disk, are a reason, and nothing is written. */
static void test_hostile(void **state)
{
	static u8 before[SECTORS * 512u];
	static const u64 sizes[2][7] = {
		{0, 1, 2 * SMALL, 2 * SMALL + 1, SECTORS + 8, 1ull << 40, ~0ull},
		{1, SMALL - 8, SMALL, SMALL + 8, 2 * SMALL, SECTORS + 8, ~0ull},
	};

	(void)state;
	(void)make_one();
	assert_int_equal(begin_again(2 * SMALL), STORE_READY);
	assert_int_equal(grow(), STORE_OK);
	assert_int_equal(begin_again(2 * SMALL), STORE_READY);
	memcpy(before, disk[0], sizeof(before));
	assert_int_equal(begin_again(2 * SMALL - 8), STORE_BROKEN);
	assert_string_equal(page_of(0)->told.reason, "its disk has become smaller");
	for (u32 i = 0; i < 14; i++) {
		memcpy(disk[0], before, sizeof(before));
		change_supers(SIZE_AT + i / 7 * 8, sizes[i / 7][i % 7]);
		assert_int_equal(begin_again(2 * SMALL), STORE_BROKEN);
		assert_string_equal(page_of(0)->told.reason, "its superblock contradicts itself");
	}
	for (u32 i = 2; i < STORE_GROWTHS_MAX; i++) { /* behind the end of the list */
		memcpy(disk[0], before, sizeof(before));
		change_supers(SIZE_AT + i * 8, SMALL + CHUNK);
		assert_int_equal(begin_again(2 * SMALL), STORE_BROKEN);
		assert_string_equal(page_of(0)->told.reason, "its superblock contradicts itself");
	}
	memcpy(disk[0], before, sizeof(before));
	assert_int_equal(begin_again(SECTORS), STORE_READY);
	assert_int_equal(pool->super.sectors, 2 * SMALL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_full, begin_small, end_small),
		cmocka_unit_test_setup_teardown(test_metadata, begin_small, end_small),
		cmocka_unit_test_setup_teardown(test_copies, begin_small, end_small),
		cmocka_unit_test_setup_teardown(test_cuts, begin_small, end_small),
		cmocka_unit_test_setup_teardown(test_driver_ends, begin_small, end_small),
		cmocka_unit_test_setup_teardown(test_part, begin_small, end_small),
		cmocka_unit_test_setup_teardown(test_refused, begin_small, end_small),
		cmocka_unit_test_setup_teardown(test_meanwhile, begin_small, end_small),
		cmocka_unit_test_setup_teardown(test_hostile, begin_small, end_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
