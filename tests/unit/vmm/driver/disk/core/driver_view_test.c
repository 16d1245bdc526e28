/* SPDX-License-Identifier: MIT */
/* Clients that see what another one's disk held at its snapshot, while that one writes. */
#include "tests/unit/vmm/driver/disk/core/driver_view_fixture.h"

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

/*
 * The device may do its requests in any order: the write before the read that was asked for
 * earlier.
 */
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
	attach_view(1);
	for (u32 i = 0; i < ARRAY_COUNT(refused); i++) {
		put(VIEW, (struct block_request){.id = i, .operation = refused[i], .sectors = 8});
		run();
		expect_answer(VIEW, i, BLOCK_REFUSED);
	}
	/* reads do not go through the RAM, even if there were a window */
	clients[VIEW].window = (struct window){.number = 1, .pages = 1};
	put(VIEW,
	    (struct block_request){.id = 9, .operation = BLOCK_READ, .sectors = 8, .window = 1});
	run();
	expect_answer(VIEW, 9, BLOCK_COPY);
	assert_memory_equal(disk, before, sizeof(disk));
}

/* A view that is not whole is not shown, also to a read that is under way. */
static void lost(void **state)
{
	(void)state;
	keep_from_now(1);
	attach_view(1);
	put(VIEW, (struct block_request){.id = 1, .operation = BLOCK_READ, .sectors = 8});
	serve();
	shared.client[0].disk.undo.number = 2;
	client_take_commands();
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
	/* nor when the read ends */
	keep_from_now(0);
	view_reads(0, 128, BLOCK_ERROR);
}

/* The disk of a client that has left is not shown, also to a read that is under way. */
static void source_leaves_meanwhile(void **state)
{
	(void)state;
	keep_from_now(1);
	attach_view(1);
	put(VIEW, (struct block_request){.id = 1, .operation = BLOCK_READ, .sectors = 8});
	serve();
	assert_int_equal(given_count, 1);
	shared.client[0].number = 0;
	client_take_commands();
	assert_int_equal(shared.served[0], 0);
	run();
	expect_answer(VIEW, 1, BLOCK_ERROR);
	put(VIEW, (struct block_request){.id = 2, .operation = BLOCK_READ, .sectors = 8});
	run();
	expect_no_answer(VIEW);
}

/* A process that knows the view already, but not yet whose disk it sees. */
static void comes_first(void **state)
{
	struct driver_client source = shared.client[0];

	(void)state;
	shared.client[0].number = 0;
	client_take_commands();
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
	client_take_commands();
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
			(void)scheduler_serve();
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

/* --- views with an overlay --- */

#define OVERLAY_PAGES 24u

static _Alignas(PAGE_SIZE) u8 overlay[OVERLAY_PAGES * PAGE_SIZE];
static u8 expected[SECTORS * BLOCK_SECTOR_BYTES]; /* the bytes that the view has to see */

static void attach_overlay(u32 number)
{
	shared.client[VIEW].number = 0;
	client_take_commands();
	free(peers[VIEW].memory);
	shared.client[VIEW].disk.view = (struct disk_view_given){.of = 0, .number = number};
	attach(VIEW, false);
	shared.client[VIEW].disk.undo = (struct disk_undo_given){
		.at = (u64)(uintptr_t)overlay, .bytes = sizeof(overlay), .number = 77};
	client_take_commands();
}

static void begin_overlay(void)
{
	memset(overlay, 0, sizeof(overlay));
	keep_from_now(1);
	attach_overlay(1);
	memcpy(expected, before + FIRST_SECTOR * BLOCK_SECTOR_BYTES, sizeof(expected));
}

/* Notes what a request of the view does, if the answer says that it is done. */
static void note_change(u32 operation, u64 sector, u32 sectors)
{
	u8 *at = expected + sector * BLOCK_SECTOR_BYTES;
	u64 bytes = (u64)sectors * BLOCK_SECTOR_BYTES;

	if (operation == BLOCK_WRITE)
		memcpy(at, pool_of(VIEW), bytes);
	else if (operation == BLOCK_WRITE_ZEROES)
		memset(at, 0, bytes);
}

static void view_changes(u32 operation, u64 sector, u32 sectors, enum block_status status)
{
	u64 id = ++next_id;

	for (u32 i = 0; i < BLOCK_REQUEST_BYTES; i++)
		pool_of(VIEW)[i] = (u8)random_step(&seed);
	put(VIEW, (struct block_request){
			  .id = id, .operation = operation, .sector = sector, .sectors = sectors});
	run();
	expect_answer(VIEW, id, status);
	if (status == BLOCK_OK)
		note_change(operation, sector, sectors);
}

static void view_sees(u64 sector, u32 sectors)
{
	u64 id = ++next_id;

	memset(pool_of(VIEW), 0xee, BLOCK_REQUEST_BYTES);
	put(VIEW, (struct block_request){
			  .id = id, .operation = BLOCK_READ, .sector = sector, .sectors = sectors});
	run();
	expect_answer(VIEW, id, BLOCK_OK);
	assert_memory_equal(pool_of(VIEW), expected + sector * BLOCK_SECTOR_BYTES,
			    (size_t)sectors * BLOCK_SECTOR_BYTES);
}

/* Source and view do not see what the other writes; the disk has the source's writes alone. */
static void writes_for_itself(void **state)
{
	(void)state;
	begin_overlay();
	view_changes(BLOCK_WRITE, 3, 2, BLOCK_OK); /* a write in the middle of a piece */
	view_changes(BLOCK_WRITE, 13, 20, BLOCK_OK);
	assert_memory_equal(disk, before, sizeof(disk));
	view_sees(0, 128);
	change(BLOCK_WRITE, 0, 40);
	view_sees(0, 128);
	change(BLOCK_WRITE, 60, 4);
	view_changes(BLOCK_WRITE, 61, 1, BLOCK_OK); /* over what is kept of the source's */
	view_changes(BLOCK_WRITE_ZEROES, 14, 3, BLOCK_OK);
	view_changes(BLOCK_WRITE_ZEROES, 36, 6, BLOCK_OK);
	view_changes(BLOCK_WRITE, SECTORS - 3, 3, BLOCK_OK);
	view_changes(BLOCK_DISCARD, 0, 100, BLOCK_OK);
	view_changes(BLOCK_FLUSH, 0, 0, BLOCK_OK);
	for (u32 sectors = 1; sectors <= 128; sectors += 9)
		for (u64 sector = 0; sector < 80; sector += 3)
			view_sees(sector, sectors);
	view_sees(SECTORS - 100, 100);
	assert_int_equal(shared.disk.undo[VIEW].number, 77);
	assert_int_equal(shared.disk.undo[VIEW].kept_bytes, 8 * PAGE_SIZE);
	put_back_and_compare(2);
	view_sees(0, 128);
	/* nobody orders that, and nothing would come of it */
	shared.client[VIEW].disk.undo.put_back = 5;
	client_take_commands();
	run();
	assert_memory_equal(disk, before, sizeof(disk));
}

/* A write without room in the overlay fails, and no other does. */
static void overlay_is_full(void **state)
{
	const u32 room = 21; /* the pieces for which there is room */

	(void)state;
	begin_overlay();
	for (u32 i = 0; i < room - 1; i++)
		view_changes(BLOCK_WRITE, i * 24, 1 + i % 8, BLOCK_OK);
	told = 0;
	view_changes(BLOCK_WRITE, 8000, 9, BLOCK_ERROR); /* the write needs two pieces */
	assert_int_equal(shared.disk.undo[VIEW].problem, DISK_UNDO_FULL);
	assert_int_equal(told, 1);
	view_changes(BLOCK_WRITE_ZEROES, 8000, 8192, BLOCK_ERROR);
	assert_int_equal(told, 1);
	view_sees(7990, 100);
	view_changes(BLOCK_WRITE, 8000, 8, BLOCK_OK); /* the write needs the last piece */
	view_changes(BLOCK_WRITE, 9000, 1, BLOCK_ERROR);
	view_changes(BLOCK_WRITE, 0, 8, BLOCK_OK);
	assert_int_equal(shared.disk.counts[VIEW].errors, 3);
	assert_int_equal(shared.disk.undo[0].problem, DISK_UNDO_WHOLE);
	for (u32 i = 0; i < room - 1; i++)
		view_sees(i * 24, 24);
	change(BLOCK_WRITE, 0, 16);
	view_sees(0, 16);
}

/* The rest of a piece cannot be read: that write fails, and may be tried again. */
static void rest_is_unreadable(void **state)
{
	(void)state;
	begin_overlay();
	for (u32 i = 0; i < 2; i++) {
		put(VIEW, (struct block_request){
				  .id = 5, .operation = BLOCK_WRITE, .sector = 3, .sectors = 2});
		serve();
		assert_int_equal(given_count, 1);
		assert_int_equal(given[0]->operation, BLOCK_READ);
		assert_true(scheduler_may_wait());
		expect_no_answer(VIEW);
		device_does(BLOCK_ERROR);
		run();
		expect_answer(VIEW, 5, BLOCK_ERROR);
	}
	view_sees(0, 8);
	view_changes(BLOCK_WRITE, 3, 2, BLOCK_OK);
	view_sees(0, 8);
	/* the source's room ends while it is read */
	put(VIEW,
	    (struct block_request){.id = 6, .operation = BLOCK_WRITE, .sector = 19, .sectors = 2});
	serve();
	assert_int_equal(given_count, 1);
	shared.client[0].disk.undo.number = 0;
	client_take_commands();
	run();
	expect_answer(VIEW, 6, BLOCK_ERROR);
}

/* Another monitor comes while a piece is read, and writes that piece: what is read is older. */
static void fetched_late(void **state)
{
	(void)state;
	begin_overlay();
	put(VIEW,
	    (struct block_request){.id = 5, .operation = BLOCK_WRITE, .sector = 3, .sectors = 2});
	serve();
	assert_int_equal(given_count, 1);
	raise_generation(&peers[VIEW]);
	(void)scheduler_serve();
	for (u32 i = 0; i < 8 * BLOCK_SECTOR_BYTES; i++)
		pool_of(VIEW)[i] = (u8)random_step(&seed);
	put(VIEW, (struct block_request){.id = 6, .operation = BLOCK_WRITE, .sectors = 8});
	serve();
	expect_answer(VIEW, 6, BLOCK_OK);
	note_change(BLOCK_WRITE, 0, 8);
	run();
	view_sees(0, 8);
	assert_int_equal(shared.disk.undo[VIEW].kept_bytes, PAGE_SIZE);
}

/* Wherever the process dies: what was answered is there, and what was not may be in part. */
static void overlay_outlives(void **state)
{
	(void)state;
	begin_overlay();
	for (u32 round = 0; round < 400; round++) {
		u64 sector = random_step(&seed) % 100;
		u32 sectors = 1 + (u32)(random_step(&seed) % 32);
		u32 operation = random_step(&seed) % 4 == 0 ? BLOCK_WRITE_ZEROES : BLOCK_WRITE;
		struct block_answer answer;
		bool answered;

		put(0, (struct block_request){.id = ++next_id,
					      .operation = BLOCK_WRITE,
					      .sector = random_step(&seed) % 100,
					      .sectors = sectors});
		for (u32 i = 0; i < sectors * BLOCK_SECTOR_BYTES; i++)
			pool_of(VIEW)[i] = (u8)random_step(&seed);
		put(VIEW, (struct block_request){.id = round,
						 .operation = operation,
						 .sector = sector,
						 .sectors = sectors});
		for (u64 steps = random_step(&seed) % 8; steps > 0; steps--) {
			(void)scheduler_serve();
			(void)undo_serve();
			if (given_count != 0)
				device_does(BLOCK_OK);
		}
		client_publish();
		answered = slot_take(&peers[VIEW].end, &answer);
		note_change(operation, sector, sectors);
		shared.client[VIEW].number = 0;
		next_process();
		attach_overlay(1);
		if (!answered) { /* the view's monitor asks again */
			memcpy(pool_of(VIEW), expected + sector * BLOCK_SECTOR_BYTES,
			       (size_t)sectors * BLOCK_SECTOR_BYTES);
			put(VIEW, (struct block_request){.id = 1,
							 .operation = operation,
							 .sector = sector,
							 .sectors = sectors});
			run();
			expect_answer(VIEW, 1, BLOCK_OK);
		}
		view_sees(random_step(&seed) % 100, 1 + (u32)(random_step(&seed) % 128));
	}
	assert_int_equal(shared.disk.undo[VIEW].problem, DISK_UNDO_WHOLE);
	put_back_and_compare(9);
}

/*
 * Whatever stands in the memory when a process comes, and whatever it is asked for, it stays within
 * the memory.
 */
static void anything(void **state)
{
	(void)state;
	begin_overlay();
	for (u32 round = 0; round < 3000; round++) {
		struct block_request request = {
			.id = round,
			.operation = (u32)(random_step(&seed) % (BLOCK_OPERATION_COUNT + 1)),
			.sector = random_step(&seed) % 4 != 0
					  ? random_step(&seed) % 200
					  : random_step(&seed) >> random_step(&seed) % 64,
			.sectors = (u32)(random_step(&seed) >> random_step(&seed) % 64),
			.offset = random_step(&seed) % 300 * (PAGE_SIZE / 2),
			.window = random_step(&seed) % 8 == 0,
		};

		if (request.sectors > 20000)
			request.sectors %= 300;
		put(VIEW, request);
		if (round % 3 == 0)
			put(0, (struct block_request){.id = 1,
						      .operation = BLOCK_WRITE,
						      .sector = random_step(&seed) % 200,
						      .sectors = 9});
		run();
		assert_true(slot_take(&peers[VIEW].end, &(struct block_answer){0}));
		while (slot_take(&peers[0].end, &(struct block_answer){0}))
			continue;
		(void)!link_publish(&peers[VIEW].end);
		(void)!link_publish(&peers[0].end);
		if (round % 50 != 0)
			continue;
		for (u64 i = random_step(&seed) % 4; i > 0; i--)
			overlay[random_step(&seed) % (2 * PAGE_SIZE)] ^= (u8)random_step(&seed);
		shared.client[VIEW].number = 0;
		next_process();
		attach_overlay(1);
		if (shared.disk.undo[VIEW].problem == DISK_UNDO_BROKEN) {
			put(VIEW, (struct block_request){.id = 9, .sectors = 8});
			run();
			expect_answer(VIEW, 9, BLOCK_ERROR);
			((struct undo_head *)(void *)overlay)->number = 0;
			shared.client[VIEW].number = 0;
			next_process();
			attach_overlay(1);
		}
	}
	/* the disk has what the source wrote */
	put_back_and_compare(9);
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_disk, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(sees_what_was),
		TEST(overtaken),
		TEST(only_reads),
		TEST(lost),
		TEST(comes_first),
		TEST(driver_dies),
		TEST(writes_for_itself),
		TEST(overlay_is_full),
		TEST(rest_is_unreadable),
		TEST(fetched_late),
		TEST(overlay_outlives),
		TEST(anything),
		TEST(source_leaves_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
