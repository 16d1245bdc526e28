/* SPDX-License-Identifier: MIT */
/* Tests of the check of a store's metadata, with a disk that spoils blocks. */
#include "tests/unit/store_fake.h"

static const struct store_told *check(void)
{
	struct store_item item = {.volume = 0};

	assert_int_equal(ask(0, STORE_CHECK, &item), STORE_OK);
	assert_int_equal(page_of(0)->told.check, STORE_CHECK_ENDED);
	return &page_of(0)->told;
}

static u32 blocks_in_use(void)
{
	u32 count = 2;

	for (u32 i = STORE_FIRST_NODE; i < stores[0].pool.super.blocks; i++)
		count += stores[0].pool.block[i].uses != 0;
	return count;
}

/* Makes volumes that share nodes and have some of their own. */
static u64 make_volumes(void)
{
	u64 one = create(0, "one", 700 * STORE_FAN * CHUNK, 0);

	come(0, 0, one);
	for (u32 i = 0; i < 6; i++)
		write_chunk(0, i * 90ull * STORE_FAN, 1);
	(void)create(0, "clone", 700 * STORE_FAN * CHUNK, one);
	write_chunk(0, 0, 2);
	settle();
	return one;
}

/* A sound store has no fault, whatever changes while it is checked. */
static void test_sound(void **state)
{
	struct store_item item = {.volume = 0};
	enum block_status status;
	u64 chunk = 0;

	(void)state;
	(void)make_volumes();
	assert_int_equal(check()->check_faults, 0);
	assert_int_equal(check()->check_blocks, blocks_in_use());
	ask_begin(0, STORE_CHECK, &item, 1);
	for (u32 i = 0; i < 400 && page_of(0)->told.check != STORE_CHECK_UNDER_WAY; i++) {
		(void)store_serve();
		if (io.busy)
			io_end(BLOCK_OK);
	}
	/* it goes on although there is always something else to do */
	for (u32 i = 0; i < 4000 && stores[0].check.under_way; i++) {
		while (ask_disk(0, BLOCK_WRITE, chunk, &status) == LAYER_PASSES)
			chunk = (chunk + 7) % 100;
		(void)store_serve();
		if (io.busy)
			io_end(BLOCK_OK);
	}
	assert_false(stores[0].check.under_way);
	settle();
	assert_int_equal(page_of(0)->told.check_faults, 0);
	assert_true(page_of(0)->told.check_blocks > 6);
}

/* Each block that the disk has spoiled is found, and is as it was afterwards. */
static void test_spoilt(void **state)
{
	const struct store_told *told;
	u32 blocks;

	(void)state;
	(void)make_volumes();
	blocks = stores[0].pool.super.blocks;
	for (u32 block = 0; block < blocks; block++) {
		bool used = block < 2 || stores[0].pool.block[block].uses != 0;
		u32 at = block * STORE_BLOCK_BYTES + 64 + block % 4000;

		disk[0][at] ^= 4;
		medium[at] ^= 4;
		told = check();
		assert_int_equal(told->check_faults, used);
		assert_int_equal(told->check_mended, used);
		if (used)
			assert_int_equal(told->check_first, block);
		else
			disk[0][at] ^= 4, medium[at] ^= 4;
		settle();
		assert_int_equal(check()->check_faults, 0);
		assert_memory_equal(medium, disk[0], blocks * STORE_BLOCK_BYTES);
	}
	begin_process();
	give(0, MEMORY);
	settle();
	assert_int_equal(stores[0].state, STORE_READY);
}

/* --- copies of the metadata --- */

/* Makes the first store anew, with copies of its nodes, and volumes in it. */
static u64 make_copied(void)
{
	struct store_item item = {.flags = STORE_OVERCOMMIT | STORE_FORMAT_COPIES};
	u64 one;

	assert_int_equal(ask(0, STORE_FORMAT, &item), STORE_BAD);
	item.flags |= STORE_FORMAT_OVER;
	assert_int_equal(ask(0, STORE_FORMAT, &item), STORE_OK);
	one = make_volumes();
	assert_int_not_equal(stores[0].pool.super.copies, 0);
	return one;
}

static u32 load_again(void)
{
	begin_process();
	give(0, MEMORY);
	settle();
	return stores[0].state;
}

/* Whichever node the disk has spoiled, it or its copy, the store is loaded, and is as it was. */
static void test_copies(void **state)
{
	const struct store_superblock *super = &stores[0].pool.super;
	u64 one = make_copied();
	u32 used = 0;

	(void)state;
	assert_int_equal(check()->check_faults, 0);
	assert_int_equal(check()->check_blocks, 2 * blocks_in_use() - 2);
	for (u32 block = STORE_FIRST_NODE; block < super->blocks; block++) {
		if (stores[0].pool.block[block].uses == 0)
			continue;
		for (u32 copy = 0; copy < 2; copy++) {
			spoil(copy != 0 ? pool_copy_sector(&stores[0].pool, block)
					: (u64)block * STORE_BLOCK_SECTORS);
			assert_int_equal(load_again(), STORE_READY);
			if (copy != 0)
				(void)check();
			/* what was read from its copy is written anew at once */
			assert_int_equal(page_of(0)->told.check_mended, 1);
			assert_int_equal(page_of(0)->told.check_first, block);
			assert_int_equal(check()->check_faults, 0);
		}
		used++;
	}
	assert_true(used > 8);
	come(0, 0, one);
	assert_int_equal(read_chunk(0, 0), 2);
	assert_int_equal(read_chunk(0, 5 * 90ull * STORE_FAN), 1);
}

/* A node that is spoiled twice is found, and nothing is written. */
static void test_both_spoiled(void **state)
{
	static u8 before[SECTORS * 512u];
	u32 block = STORE_FIRST_NODE;

	(void)state;
	(void)make_copied();
	while (stores[0].pool.block[block].uses == 0)
		block++;
	spoil((u64)block * STORE_BLOCK_SECTORS);
	spoil(pool_copy_sector(&stores[0].pool, block));
	memcpy(before, disk[0], sizeof(before));
	assert_int_equal(load_again(), STORE_BROKEN);
	assert_memory_equal(before, disk[0], sizeof(before));
}

/*
 * Puts back each node that was in the same block earlier, as a disk leaves it that said that it had
 * written the new one. Returns how many there are.
 */
static u32 put_back(const u8 *before)
{
	u32 count = 0;

	for (u32 block = STORE_FIRST_NODE; block < stores[0].pool.super.blocks; block++) {
		u8 *at = disk[0] + block * STORE_BLOCK_BYTES;
		const struct store_node *old = (const void *)(before + block * STORE_BLOCK_BYTES);
		const struct store_node *node = (const void *)at;

		if (stores[0].pool.block[block].uses == 0 || old->magic != STORE_MAGIC ||
		    old->generation == node->generation || old->kind != node->kind)
			continue;
		memcpy(at, old, STORE_BLOCK_BYTES);
		count++;
	}
	memcpy(medium, disk[0], sizeof(medium));
	return count;
}

/* A node that the disk has not written, though it said so, is read from its copy, too. */
static void test_stale(void **state)
{
	static u8 before[SECTORS * 512u];
	u64 one = make_copied();

	(void)state;
	memcpy(before, disk[0], sizeof(before));
	for (u8 i = 0; i < 40; i++) {
		write_chunk(0, 1 + i, 10 + i);
		settle();
	}
	assert_int_not_equal(put_back(before), 0);
	for (u32 round = 0; round < 2; round++) {
		assert_int_equal(load_again(), STORE_READY);
		assert_int_equal(page_of(0)->told.check_mended, round == 0 ? 1 : 0);
		come(0, 0, one);
		for (u8 i = 0; i < 40; i++)
			assert_int_equal(read_chunk(0, 1 + i), 10 + i);
	}
}

/* Volumes get no chunk in which copies lie, and a store that holds them has less to give. */
static void test_place_of_copies(void **state)
{
	u32 taken = 0;
	u32 chunk;
	u32 all;

	(void)state;
	(void)make_copied();
	all = stores[0].pool.data_chunks;
	assert_int_equal(page_of(0)->told.bytes, (u64)all * CHUNK * 512);
	assert_int_equal(all + 4, stores[0].pool.super.chunks); /* 64 blocks of 4 KiB */
	while ((chunk = pool_take_chunk(&stores[0].pool)) != NO_CHUNK) {
		assert_true(chunk < all);
		taken++;
	}
	assert_in_range(taken, all - 7, all);
}

/* What a program has written that knows of no copies has none that anybody believes. */
static void test_written_without(void **state)
{
	struct store_superblock *super;
	u32 at;

	(void)state;
	(void)make_copied();
	at = (u32)(stores[0].pool.committed % 2) * STORE_BLOCK_BYTES;
	super = (struct store_superblock *)(void *)(disk[0] + at);
	super->copied--;
	super->check = store_block_check(super, &super->check);
	memcpy(medium + at, super, STORE_BLOCK_BYTES);
	assert_int_equal(load_again(), STORE_READY);
	assert_int_equal(stores[0].pool.super.copies, 0);
	super->copied++;
	super->copies--; /* one that is nowhere possible */
	super->generation += 2;
	super->check = store_block_check(super, &super->check);
	memcpy(medium + at, super, STORE_BLOCK_BYTES);
	assert_int_equal(load_again(), STORE_BROKEN);
}

/* Both superblocks are made new, whichever is spoilt, or is one of an earlier generation. */
static void test_superblocks(void **state)
{
	u8 old[2 * STORE_BLOCK_BYTES];

	(void)state;
	memcpy(old, disk[0], sizeof(old));
	(void)make_volumes();
	for (u32 i = 0; i < 4; i++) {
		u32 at = (stores[0].pool.committed + i) % 2 * STORE_BLOCK_BYTES;

		if (i < 2)
			disk[0][at + 700] ^= 1;
		else
			memcpy(disk[0] + at, old + at, STORE_BLOCK_BYTES);
		assert_int_equal(check()->check_faults, 1);
		assert_int_equal(check()->check_faults, 0);
	}
}

/* What is not on the disk yet is not looked for there. */
static void test_not_written(void **state)
{
	u64 one = make_volumes();
	struct store_item item = {.volume = 0};

	(void)state;
	ask_begin(0, STORE_CHECK, &item, 1);
	while (!stores[0].check.under_way)
		(void)store_serve();
	assert_non_null(pool_change(&stores[0].pool, one));
	while (stores[0].check.under_way) {
		stores[0].check.rested = true; /* so no commit comes before */
		(void)store_serve();
		if (io.busy)
			io_end(BLOCK_OK);
	}
	assert_true(stores[0].pool.dirty);
	assert_int_equal(stores[0].check.faults, 0);
	settle();
}

/* A block that cannot be read, or is spoilt in memory, is found and not written over. */
static void test_not_mended(void **state)
{
	struct store_item item = {.volume = 0};
	u32 block;
	u8 byte;

	(void)state;
	(void)make_volumes();
	block = stores[0].pool.super.volumes[0];
	byte = ++pool_node(&stores[0].pool, block)->rest[3];
	assert_int_equal(check()->check_faults, 1);
	assert_int_equal(page_of(0)->told.check_mended, 0);
	assert_int_not_equal(
		disk[0][block * STORE_BLOCK_BYTES + offsetof(struct store_node, rest) + 3], byte);
	--pool_node(&stores[0].pool, block)->rest[3];
	ask_begin(0, STORE_CHECK, &item, 1);
	while (stores[0].job != JOB_CHECK || stores[0].check.block != block || !io.busy) {
		(void)store_serve();
		if (io.busy && (stores[0].job != JOB_CHECK || stores[0].check.block != block))
			io_end(BLOCK_OK);
	}
	memcpy(buffer, disk[0] + block * STORE_BLOCK_BYTES, STORE_BLOCK_BYTES);
	io_end(BLOCK_ERROR);
	settle();
	assert_int_equal(page_of(0)->told.check_faults, 1);
	assert_int_equal(page_of(0)->told.check_mended, 1);
	assert_int_equal(check()->check_faults, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sound, begin, end),
		cmocka_unit_test_setup_teardown(test_spoilt, begin, end),
		cmocka_unit_test_setup_teardown(test_copies, begin, end),
		cmocka_unit_test_setup_teardown(test_both_spoiled, begin, end),
		cmocka_unit_test_setup_teardown(test_stale, begin, end),
		cmocka_unit_test_setup_teardown(test_place_of_copies, begin, end),
		cmocka_unit_test_setup_teardown(test_written_without, begin, end),
		cmocka_unit_test_setup_teardown(test_superblocks, begin, end),
		cmocka_unit_test_setup_teardown(test_not_written, begin, end),
		cmocka_unit_test_setup_teardown(test_not_mended, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
