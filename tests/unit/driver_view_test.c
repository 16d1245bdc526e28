/* SPDX-License-Identifier: MIT */
/* Clients that see what another one's disk held at its snapshot, while that one writes. */
#include "tests/unit/driver_undo_fixture.h"

#define VIEW 3u

/* What was asked, on its way into the pool of the view. */
static u8 *pool_of(u32 index)
{
	return (u8 *)peers[index].memory + SLOT_POOL_OFFSET;
}

/* A client comes that sees what client 0 had at that snapshot. */
static void attach_view(u32 number)
{
	shared.client[VIEW].number = 0;
	client_attend();
	free(peers[VIEW].memory);
	shared.client[VIEW].disk.view = (struct disk_view_given){.of = 0, .number = number};
	attach(VIEW, true);
}

static void expect_as_before(u32 index, u64 sector, u32 sectors)
{
	assert_memory_equal(pool_of(index), before + (FIRST_SECTOR + sector) * BLOCK_SECTOR_BYTES,
			    (size_t)sectors * BLOCK_SECTOR_BYTES);
}

static void view_reads(u64 sector, u32 sectors, enum block_status status)
{
	u64 id = ++next_id;

	memset(pool_of(VIEW), 0xee, BLOCK_REQUEST_BYTES);
	put(VIEW, (struct block_request){
			  .id = id, .operation = BLOCK_READ, .sector = sector, .sectors = sectors});
	run();
	expect_answer(VIEW, id, status);
	if (status == BLOCK_OK)
		expect_as_before(VIEW, sector, sectors);
}

/* Parts of pieces, at either end and in the midst, and more than one piece. */
static void sees_what_was(void **state)
{
	(void)state;
	keep_from_now(1);
	attach_view(1);
	view_reads(0, 128, BLOCK_OK);
	change(BLOCK_WRITE, 3, 6);
	change(BLOCK_WRITE, 50, 20);
	change(BLOCK_DISCARD, 150, 90);
	change(BLOCK_WRITE_ZEROES, SECTORS - 3, 3);
	for (u32 sectors = 1; sectors <= 128; sectors += 9)
		for (u64 sector = 0; sector < 160; sector += 3)
			view_reads(sector, sectors, BLOCK_OK);
	view_reads(SECTORS - 100, 100, BLOCK_OK);
	view_reads(SECTORS - 1, 1, BLOCK_OK);
	/* what goes back to the disk changes nothing, nor what is written then */
	put_back_and_compare(2);
	view_reads(0, 128, BLOCK_OK);
	change(BLOCK_WRITE, 0, 128);
	view_reads(0, 128, BLOCK_OK);
}

/* The device may do them in any order: the write before the read that was asked before it. */
static void overtaken(void **state)
{
	struct driver_request *read;

	(void)state;
	keep_from_now(1);
	attach_view(1);
	put(VIEW, (struct block_request){.id = 1, .operation = BLOCK_READ, .sectors = 16});
	serve();
	read = given[0];
	given_count = 0;
	change(BLOCK_WRITE, 4, 8);
	assert_int_equal(given_count, 0);
	given[given_count++] = read;
	run();
	expect_answer(VIEW, 1, BLOCK_OK);
	expect_as_before(VIEW, 0, 16);
}

static void only_reads(void **state)
{
	static const u32 refused[] = {BLOCK_WRITE, BLOCK_DISCARD, BLOCK_WRITE_ZEROES};

	(void)state;
	keep_from_now(1);
	shared.client[VIEW].disk.view = (struct disk_view_given){.of = 0, .number = 1};
	attach(VIEW, false);
	shared.client[VIEW].disk.read_only = false;
	for (u32 i = 0; i < ARRAY_COUNT(refused); i++) {
		put(VIEW, (struct block_request){.id = i, .operation = refused[i], .sectors = 8});
		run();
		expect_answer(VIEW, i, BLOCK_REFUSED);
	}
	/* not through the RAM */
	put(VIEW,
	    (struct block_request){.id = 9, .operation = BLOCK_READ, .sectors = 8, .window = 1});
	run();
	expect_answer(VIEW, 9, BLOCK_COPY);
	assert_memory_equal(disk, before, sizeof(disk));
}

/* What is not whole is not shown, also of a read that is under way. */
static void lost(void **state)
{
	(void)state;
	keep_from_now(1);
	attach_view(1);
	put(VIEW, (struct block_request){.id = 1, .operation = BLOCK_READ, .sectors = 8});
	serve();
	shared.client[0].disk.undo.number = 2;
	client_attend();
	run();
	expect_answer(VIEW, 1, BLOCK_ERROR);
	view_reads(8, 8, BLOCK_ERROR);
	attach_view(2);
	view_reads(8, 8, BLOCK_OK);
	for (u32 i = 0; i < 34; i++)
		change(BLOCK_WRITE, i * 24, 1);
	view_reads(0, 128, BLOCK_OK);
	change(BLOCK_WRITE, 5000, 128);
	assert_int_equal(shared.disk.undo[0].problem, DISK_UNDO_FULL);
	view_reads(0, 128, BLOCK_ERROR);
	/* nor when it ends */
	keep_from_now(0);
	view_reads(0, 128, BLOCK_ERROR);
}

/* A process that knows the view already, but not yet whose disk it sees. */
static void comes_first(void **state)
{
	struct driver_client source = shared.client[0];

	(void)state;
	shared.client[0].number = 0;
	client_attend();
	source.disk.undo = (struct disk_undo_given){
		.at = (u64)(uintptr_t)memory, .bytes = sizeof(memory), .number = 1};
	memcpy(before, disk, sizeof(disk));
	attach_view(1);
	put(VIEW, (struct block_request){.id = 1, .operation = BLOCK_READ, .sectors = 8});
	run();
	expect_no_answer(VIEW);
	assert_int_equal(given_count, 0);
	shared.client[0] = source;
	shared.client[0].number = ++last_number;
	client_attend();
	run();
	expect_answer(VIEW, 1, BLOCK_OK);
	expect_as_before(VIEW, 0, 8);
}

/* Wherever the process dies while the disk is written to. */
static void driver_dies(void **state)
{
	(void)state;
	keep_from_now(1);
	attach_view(1);
	for (u32 round = 0; round < 200; round++) {
		u64 sector = random_step(&seed) % 150;
		u32 sectors = 1 + (u32)(random_step(&seed) % 100);

		put(0, (struct block_request){.id = ++next_id,
					      .operation = BLOCK_WRITE,
					      .sector = sector,
					      .sectors = sectors});
		for (u64 steps = random_step(&seed) % 6; steps > 0; steps--) {
			(void)client_serve();
			(void)undo_serve();
			if (given_count != 0)
				device_does(BLOCK_OK);
		}
		shared.client[VIEW].number = 0;
		next_process();
		attach_view(1);
		view_reads(random_step(&seed) % 150, 1 + (u32)(random_step(&seed) % 128), BLOCK_OK);
	}
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_disk, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(sees_what_was), TEST(overtaken),	TEST(only_reads),
		TEST(lost),	     TEST(comes_first), TEST(driver_dies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
