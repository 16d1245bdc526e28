/* SPDX-License-Identifier: MIT */
/*
 * What a driver keeps of a client's disk: the old blocks before the new ones, whoever may die when,
 * and all of it back again.
 */
#include "tests/unit/vmm/driver/disk/core/driver_undo_fixture.h"

static void goes_back(void **state)
{
	(void)state;
	change(BLOCK_WRITE, 8, 8);
	keep_from_now(1);
	assert_int_equal(shared.disk.undo[0].number, 1);
	change(BLOCK_WRITE, 3, 6);   /* the write changes two pieces */
	change(BLOCK_WRITE, 4, 1);   /* the piece is kept already */
	change(BLOCK_WRITE, 0, 128); /* the write changes the others of 16 pieces */
	change(BLOCK_DISCARD, 150, 90);
	change(BLOCK_WRITE_ZEROES, SECTORS - 3, 3);
	change(BLOCK_READ, 500, 100);
	assert_int_equal(shared.disk.undo[0].kept_bytes, 29 * PAGE_SIZE);
	assert_true(memcmp(disk, before, sizeof(disk)) != 0);
	put_back_and_compare(2);
	assert_int_equal(flushes, 1);
	/* a piece that was not changed since is not written again */
	change(BLOCK_WRITE, 16, 8);
	given_count = 0;
	put_back_and_compare(3);
	/* another snapshot begins empty */
	change(BLOCK_WRITE, 0, 128);
	keep_from_now(4);
	assert_int_equal(shared.disk.undo[0].kept_bytes, 0);
	change(BLOCK_WRITE, 100, 50);
	put_back_and_compare(5);
	/* nothing is kept any more */
	keep_from_now(0);
	change(BLOCK_WRITE, 0, 128);
	assert_int_equal(shared.disk.undo[0].number, 0);
}

/* A write comes after the read of its old blocks, and the client's other requests after that. */
static void old_blocks_first(void **state)
{
	(void)state;
	keep_from_now(1);
	put(0, (struct block_request){.id = 1, .operation = BLOCK_WRITE, .sectors = 8});
	put(0,
	    (struct block_request){.id = 2, .operation = BLOCK_WRITE, .sector = 800, .sectors = 8});
	serve();
	assert_int_equal(given_count, 1);
	assert_int_equal(given[0]->operation, BLOCK_READ);
	assert_int_equal(given[0]->sector, FIRST_SECTOR);
	assert_true(scheduler_may_wait());
	device_does(BLOCK_OK);
	assert_false(scheduler_may_wait());
	serve();
	assert_int_equal(given_count, 2);
	assert_int_equal(given[0]->operation, BLOCK_WRITE);
	assert_int_equal(given[1]->operation, BLOCK_READ);
	run();
	expect_answer(0, 1, BLOCK_OK);
	expect_answer(0, 2, BLOCK_OK);
}

static void full(void **state)
{
	(void)state;
	keep_from_now(1);
	for (u32 i = 0; i < 34; i++) {
		change(BLOCK_WRITE, i * 24, 1);
		assert_int_equal(shared.disk.undo[0].problem, DISK_UNDO_WHOLE);
	}
	change(BLOCK_WRITE, 5000, 128);
	assert_int_equal(shared.disk.undo[0].problem, DISK_UNDO_FULL);
	change(BLOCK_WRITE, 8000, 128);
	next_process();
	assert_int_equal(shared.disk.undo[0].problem, DISK_UNDO_FULL);
	shared.client[0].disk.undo.put_back = 2;
	client_take_commands();
	run();
	assert_int_equal(shared.disk.undo[0].put_back, 0);
	assert_int_equal(shared.disk.undo[0].not_put_back, 2);
	keep_from_now(3);
	change(BLOCK_WRITE, 5000, 128);
	put_back_and_compare(4);
}

/* More memory behind what there was: what is kept stays, and there is room once more. */
static void grows(void **state)
{
	struct disk_undo_told *kept = &shared.disk.undo[0];

	(void)state;
	keep_from_now(1);
	shared.client[0].disk.undo.bytes = 20 * PAGE_SIZE; /* 17 pieces */
	next_process();
	told = 0;
	for (u32 i = 0; i < 17; i++) {
		change(BLOCK_WRITE, i * 24, 1);
		/* the manager learns of it in time, and once */
		assert_int_equal(told, i >= 12);
	}
	assert_true(disk_undo_is_low(kept->kept_bytes, 20 * PAGE_SIZE));
	shared.client[0].disk.undo.bytes = sizeof(memory);
	client_take_commands();
	assert_false(disk_undo_is_low(kept->kept_bytes, sizeof(memory)));
	for (u32 i = 17; i < 34; i++)
		change(BLOCK_WRITE, i * 24, 1);
	assert_int_equal(kept->problem, DISK_UNDO_WHOLE);
	assert_int_equal(kept->kept_bytes, 34 * PAGE_SIZE);
	next_process();
	put_back_and_compare(2);
}

static void errors(void **state)
{
	(void)state;
	keep_from_now(1);
	put(0, (struct block_request){.id = 1, .operation = BLOCK_WRITE, .sectors = 8});
	serve();
	device_does(BLOCK_ERROR);
	run();
	expect_answer(0, 1, BLOCK_OK); /* the guest's own request succeeds */
	assert_int_equal(shared.disk.undo[0].problem, DISK_UNDO_UNREADABLE);
	/* a write of what goes back; then the flush */
	for (u32 late = 0; late < 2; late++) {
		keep_from_now(10 + late);
		change(BLOCK_WRITE, 0, 8);
		shared.client[0].disk.undo.put_back = 20 + late;
		client_take_commands();
		assert_true(undo_serve());
		if (late != 0) {
			device_does(BLOCK_OK);
			assert_true(undo_serve());
		}
		device_does(BLOCK_ERROR);
		run();
		assert_int_equal(shared.disk.undo[0].not_put_back, 20 + late);
		put_back_and_compare(30 + late);
	}
}

/* The client's requests at the device come before what goes back. */
static void last_of_all(void **state)
{
	(void)state;
	keep_from_now(1);
	change(BLOCK_WRITE, 0, 8);
	put(0, (struct block_request){.id = 1, .operation = BLOCK_WRITE, .sectors = 8});
	serve();
	assert_int_equal(given_count, 1);
	shared.client[0].disk.undo.put_back = 2;
	client_take_commands();
	assert_false(undo_serve());
	assert_int_equal(given_count, 1);
	assert_true(scheduler_may_wait());
	device_does(BLOCK_OK);
	put_back_and_compare(2);
}

/*
 * The order to put back comes while old blocks are read for a write that the client's new link has
 * made void. The driver, which looks at no client without requests, goes on when the read ends.
 */
static void ordered_meanwhile(void **state)
{
	(void)state;
	keep_from_now(1);
	change(BLOCK_WRITE, 0, 8);
	put(0,
	    (struct block_request){.id = 7, .operation = BLOCK_WRITE, .sector = 800, .sectors = 8});
	serve();
	assert_int_equal(given[0]->operation, BLOCK_READ);
	raise_generation(&peers[0]);
	serve();
	shared.client[0].disk.undo.put_back = 2;
	client_take_commands();
	serve();
	assert_true(scheduler_may_wait());
	device_does(BLOCK_OK);
	assert_false(scheduler_may_wait());
	run();
	assert_int_equal(shared.disk.undo[0].put_back, 2);
	assert_memory_equal(disk, before, sizeof(disk));
}

/* A client is not served while its disk goes back, and may leave. */
static void leaves(void **state)
{
	(void)state;
	keep_from_now(1);
	change(BLOCK_WRITE, 0, 8);
	shared.client[0].disk.undo.put_back = 2;
	client_take_commands();
	put(0, (struct block_request){.id = 77, .operation = BLOCK_READ, .sectors = 8});
	serve();
	assert_int_equal(given_count, 0);
	assert_false(scheduler_may_wait()); /* undo_serve has something to do */
	assert_true(undo_serve());
	assert_true(scheduler_may_wait());
	shared.client[0].number = 0;
	client_take_commands();
	assert_int_not_equal(shared.served[0], 0);
	device_does(BLOCK_OK);
	assert_int_equal(shared.served[0], 0);
	assert_false(undo_serve());
}

/* Wherever the process dies: what is on the disk, or kept and not yet overwritten, is not lost. */
static void dies(void **state)
{
	(void)state;
	keep_from_now(1);
	for (u32 round = 0; round < 300; round++) {
		u64 id = ++next_id;
		u64 sector = random_step(&seed) % 2 != 0 ? random_step(&seed) % 50 : SECTORS - 101u;
		u32 sectors = 1 + (u32)(random_step(&seed) % 100);
		bool puts_back = random_step(&seed) % 8 == 0;

		if (puts_back)
			shared.client[0].disk.undo.put_back = 100 + round;
		client_take_commands();
		memset((u8 *)peers[0].memory + SLOT_POOL_OFFSET, (int)id, BLOCK_REQUEST_BYTES);
		put(0, (struct block_request){.id = id,
					      .operation = BLOCK_WRITE,
					      .sector = sector,
					      .sectors = sectors});
		for (u64 steps = random_step(&seed) % 6; steps > 0; steps--) {
			(void)scheduler_serve();
			(void)undo_serve();
			if (given_count != 0)
				device_does(BLOCK_OK);
		}
		/* some of the device's requests may still be done */
		if (given_count != 0 && random_step(&seed) % 2 != 0)
			device_does(BLOCK_OK);
		next_process();
		if (puts_back)
			put_back_and_compare(100 + round);
	}
	assert_int_equal(shared.disk.undo[0].problem, DISK_UNDO_WHOLE);
	put_back_and_compare(1000);
}

/* A broken process has left anything there: none of it leads anywhere. */
static void leaves_nonsense(void **state)
{
	struct undo_head *head = (struct undo_head *)(void *)memory;
	u32 broken = 0;

	(void)state;
	for (u32 round = 0; round < 1000; round++) {
		keep_from_now(round + 1);
		change(BLOCK_WRITE, 0, 100);
		change(BLOCK_WRITE, 1000, 8);
		for (u64 i = random_step(&seed) % 4; i > 0; i--)
			memory[random_step(&seed) % (2 * PAGE_SIZE)] ^= (u8)random_step(&seed);
		if (round % 4 == 0)
			memory[random_step(&seed) % 600] ^= (u8)random_step(&seed);
		if (round % 5 == 0)
			head->count = random_step(&seed) >> random_step(&seed) % 64;
		if (round % 7 == 0)
			head->problem = (u32)random_step(&seed);
		next_process();
		assert_in_range(shared.disk.undo[0].problem, 0, DISK_UNDO_PROBLEM_COUNT - 1);
		broken += shared.disk.undo[0].problem == DISK_UNDO_BROKEN;
		change(BLOCK_WRITE, 2000, 8);
		shared.client[0].disk.undo.put_back = round + 1;
		client_take_commands();
		run();
		shared.client[0].disk.undo.put_back = 0;
		client_take_commands();
	}
	assert_true(broken > 30);
}

/* --- how a piece is found --- */

#define MANY 3000u /* the number of pieces */
#define FAR  44u   /* the bits of the pieces' numbers: a disk of 64 PiB */

static u8 *many;
static struct undo tree;

static void begin_tree(void)
{
	const u64 bytes = (MANY + MANY / 64) * PAGE_SIZE;
	struct disk_undo_given room = {.bytes = bytes, .number = 1};

	many = aligned_alloc(PAGE_SIZE, bytes);
	assert_non_null(many);
	memset(many, 0, PAGE_SIZE);
	room.at = (u64)(uintptr_t)many;
	undo_open(&tree, &room, (u64)UNDO_PIECE_SECTORS << FAR);
	assert_true(tree.room >= MANY);
}

/* Counts the steps to a piece, going as undo_find does. */
static u32 steps_to(u64 piece)
{
	u32 place = 0;
	u32 bit = ROOT_BIT + 1;
	u32 steps = 0;

	while (undo_node_at(&tree, place)->bit < bit) {
		bit = undo_node_at(&tree, place)->bit;
		place = undo_node_at(&tree, place)->child[piece >> bit & 1];
		steps++;
	}
	return steps;
}

/*
 * Checks that each added piece is found, and no other, in at most as many steps as there are bits
 * and one.
 */
static void expect_found(const u64 *pieces, u32 count)
{
	u32 most = 0;

	for (u32 i = 0; i < count; i++) {
		const u64 others[] = {pieces[i] + 1, pieces[i] ^ 1ull << (i % FAR)};

		assert_ptr_equal(undo_find(&tree, pieces[i]), undo_entry_at(&tree, i));
		most = MAX(most, steps_to(pieces[i]));
		for (u32 k = 0; k < ARRAY_COUNT(others); k++) {
			const struct undo_entry *entry = undo_find(&tree, others[k]);

			assert_true(entry == NULL || entry->piece == others[k]);
			most = MAX(most, steps_to(others[k]));
		}
	}
	assert_in_range(most, 1, FAR + 1);
}

/* A hash by a factor that everybody knows would bring all of these together. */
static u64 piece_of_one_chain(u32 i)
{
	static u64 piece;

	piece = i == 0 ? 0 : piece + 1;
	while ((piece * 0x9e3779b97f4a7c15ull >> 32 & 8191) != 0)
		piece++;
	return piece;
}

static u64 one_of(u32 kind, u32 i)
{
	switch (kind) {
	case 0:
		return i; /* pieces one after another */
	case 1:
		return MANY - 1 - i;
	case 2:
		return (u64)i << 32; /* pieces far apart */
	/* the longest way that there is: each piece is the last one's neighbour in one bit less */
	case 3:
		return i < FAR ? (1ull << FAR) - (1ull << i) : i;
	case 4:
		return piece_of_one_chain(i);
	default:
		return random_step(&seed) >> (64 - FAR);
	}
}

/* Whatever a guest writes to, a piece is found in as many steps as its number has bits. */
static void found_in_few_steps(void **state)
{
	static u64 pieces[MANY];

	(void)state;
	for (u32 kind = 0; kind < 6; kind++) {
		u32 count = 0;

		begin_tree();
		assert_null(undo_find(&tree, 0));
		for (u32 i = 0; i < MANY; i++) {
			u64 piece = one_of(kind, i);

			if (undo_find(&tree, piece) != NULL)
				continue;
			undo_add(&tree, piece, NULL);
			pieces[count++] = piece;
			if (i < 64)
				expect_found(pieces, count);
		}
		expect_found(pieces, count);
		/* the next process finds the same pieces */
		undo_open(&tree,
			  &(struct disk_undo_given){.at = (u64)(uintptr_t)many,
						    .bytes = (MANY + MANY / 64) * PAGE_SIZE,
						    .number = 1},
			  (u64)UNDO_PIECE_SECTORS << FAR);
		assert_int_equal(tree.problem, DISK_UNDO_WHOLE);
		assert_int_equal(tree.count, count);
		expect_found(pieces, count);
		free(many);
	}
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_disk, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(goes_back),
		TEST(old_blocks_first),
		TEST(full),
		TEST(grows),
		TEST(errors),
		TEST(leaves),
		TEST(dies),
		TEST(leaves_nonsense),
		TEST(last_of_all),
		TEST(ordered_meanwhile),
		TEST(found_in_few_steps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
