/* SPDX-License-Identifier: MIT */
/*
 * What a driver notes of a client's changes: each block once it may be another, whoever dies when;
 * and nothing is forgotten before a backup has it.
 */
#include "tests/unit/vmm/driver/disk/core/driver_client_fixture.h"

#include "tests/random.h"

#define BLOCKS ((SECTORS + DISK_CHANGES_BLOCK_SECTORS - 1) / DISK_CHANGES_BLOCK_SECTORS)

static _Alignas(PAGE_SIZE) u8 memory[3 * PAGE_SIZE];
static _Alignas(PAGE_SIZE) u8 kept[64 * PAGE_SIZE];
static u64 next_id;
static u64 seed = RANDOM_SEED;

static struct disk_changes_head *head(void)
{
	return (struct disk_changes_head *)(void *)memory;
}

/* A new point; the client has nothing under way. */
static void point(u32 number, bool merge)
{
	struct disk_changes_given *given = &shared.client[0].disk.changes;

	assert_int_equal(disk_changes_bytes(SECTORS), sizeof(memory));
	given->at = (u64)(uintptr_t)memory;
	given->bytes = sizeof(memory);
	given->merge = merge;
	given->number = number;
	client_take_commands();
	assert_int_equal(shared.disk.changes[0], number);
}

static bool is_in(u32 half, u32 block)
{
	const u8 *bits = memory + disk_changes_half_at(sizeof(memory), half);

	return (bits[block / 8] >> block % 8 & 1) != 0;
}

static u32 bits_of(u32 half)
{
	u32 sum = 0;

	for (u32 block = 0; block < disk_changes_half_bytes(sizeof(memory)) * 8; block++)
		sum += is_in(half, block);
	return sum;
}

static void run(void)
{
	for (u32 i = 0, idle = 0; idle < 80; i++) {
		bool more = scheduler_serve();

		more |= undo_serve();
		if (given_count != 0) {
			finish_first(BLOCK_OK);
			more = true;
		}
		idle = more ? 0 : idle + 1;
		assert_true(i < 100000);
	}
	client_publish();
}

static void ask(u32 operation, u64 sector, u32 sectors)
{
	u64 id = ++next_id;

	put(0, (struct block_request){
		       .id = id, .operation = operation, .sector = sector, .sectors = sectors});
	run();
	expect_answer(0, id, BLOCK_OK);
}

static void next_process(void)
{
	struct driver_client client = shared.client[0];

	free(peers[0].memory);
	forget_all();
	scheduler_open(0, 0);
	memset(shared.disk.changes, 0, sizeof(shared.disk.changes));
	given_count = 0;
	attach(0, false);
	shared.client[0].disk.undo = client.disk.undo;
	shared.client[0].disk.changes = client.disk.changes;
	client_take_commands();
}

static int setup_memory(void **state)
{
	memset(memory, 0, sizeof(memory));
	memset(kept, 0, sizeof(kept));
	return setup(state);
}

static void notes(void **state)
{
	(void)state;
	ask(BLOCK_WRITE, 0, 8);
	assert_int_equal(bits_of(0) + bits_of(1), 0);
	point(1, false);
	ask(BLOCK_READ, 0, 128);
	ask(BLOCK_FLUSH, 0, 0);
	assert_int_equal(bits_of(1), 0);
	ask(BLOCK_WRITE, 127, 1);
	assert_true(is_in(1, 0) && bits_of(1) == 1);
	ask(BLOCK_WRITE, 255, 2);
	assert_true(is_in(1, 1) && is_in(1, 2) && bits_of(1) == 3);
	ask(BLOCK_DISCARD, 1024, 4096);
	assert_int_equal(bits_of(1), 3 + 32);
	ask(BLOCK_WRITE_ZEROES, SECTORS - 1, 1);
	assert_true(is_in(1, BLOCKS - 1) && bits_of(1) == 36);
	assert_int_equal(bits_of(0), 0);
	point(2, false);
	assert_true(bits_of(1) == 36 && bits_of(0) == 0);
	ask(BLOCK_WRITE, 0, 1);
	assert_true(bits_of(1) == 36 && bits_of(0) == 1);
	assert_int_equal(head()->lost, 0);
}

/* A change is recorded before the device has the write, also when the write never ends. */
static void notes_first(void **state)
{
	(void)state;
	point(1, false);
	put(0, (struct block_request){.id = 1, .operation = BLOCK_WRITE, .sectors = 1});
	(void)scheduler_serve();
	assert_int_equal(given_count, 1);
	assert_true(is_in(1, 0));
	next_process();
	assert_int_equal(shared.disk.changes[0], 1);
	assert_true(is_in(1, 0) && head()->lost == 0);
}

/*
 * A volume's store ends discards and writes of zeros itself, and what the device gets is elsewhere
 * on the disk: all are recorded, at their places in the volume.
 */
static void notes_of_a_volume(void **state)
{
	static const u32 operations[] = {BLOCK_WRITE, BLOCK_DISCARD, BLOCK_WRITE_ZEROES};

	(void)state;
	shared.client[0].number = 0;
	client_take_commands();
	free(peers[0].memory);
	shared.client[0].disk.store.volume = 1;
	attach(0, false);
	point(1, false);
	for (u32 i = 0; i < ARRAY_COUNT(operations); i++) {
		put(0, (struct block_request){.id = i,
					      .operation = operations[i],
					      .sector = i * DISK_CHANGES_BLOCK_SECTORS,
					      .sectors = 1});
		run();
		/* there is no store, so that each ends at once */
		expect_answer(0, i, BLOCK_ERROR);
		assert_true(is_in(1, i) && bits_of(1) == i + 1);
	}
	put(0, (struct block_request){.id = 9, .operation = BLOCK_READ, .sectors = 128});
	put(0, (struct block_request){.id = 10, .operation = BLOCK_FLUSH});
	run();
	assert_int_equal(bits_of(1), ARRAY_COUNT(operations));
	assert_int_equal(given_count, 0);
}

/* Blocks that go back to the disk for a snapshot count as changes too. */
static void notes_what_goes_back(void **state)
{
	struct disk_undo_given *undo = &shared.client[0].disk.undo;

	(void)state;
	undo->at = (u64)(uintptr_t)kept;
	undo->bytes = sizeof(kept);
	undo->number = 1;
	client_take_commands();
	ask(BLOCK_WRITE, 0, 1);
	point(1, false);
	undo->put_back = 1;
	client_take_commands();
	run();
	assert_int_equal(shared.disk.undo[0].put_back, 1);
	assert_true(is_in(1, 0) && bits_of(1) == 1);
}

/* Backups come off or fail, processes die: what is to be copied is all that was changed since. */
static void merges(void **state)
{
	/* the blocks changed since the last backup that was confirmed */
	bool changed[BLOCKS] = {false};
	bool failed = false;

	(void)state;
	point(1, false);
	for (u32 number = 2; number < 400; number++) {
		for (u32 i = 0; i < 5; i++) {
			u64 sector = random_step(&seed) % SECTORS;

			ask(BLOCK_WRITE, sector, 1);
			changed[sector / DISK_CHANGES_BLOCK_SECTORS] = true;
			if (random_step(&seed) % 8 == 0)
				next_process();
		}
		point(number, failed);
		/* a backup that died just before it was done is made again */
		if (random_step(&seed) % 4 == 0) {
			head()->number = number - 1;
			if (!failed)
				memory[disk_changes_half_at(sizeof(memory), number)] = 0xff;
			next_process();
		}
		for (u32 block = 0; block < BLOCKS; block++)
			assert_int_equal(is_in(number - 1, block), changed[block]);
		assert_int_equal(bits_of(number), 0);
		failed = random_step(&seed) % 3 == 0;
		if (!failed)
			memset(changed, 0, sizeof(changed));
	}
	assert_int_equal(head()->lost, 0);
}

/* Nonsense, a point that was missed, a disk that has grown: a backup has to be a full one. */
static void loses(void **state)
{
	(void)state;
	point(1, false);
	assert_int_equal(head()->lost, 0);
	point(3, false);
	assert_int_equal(head()->lost, 1);
	memset(memory, 0, sizeof(memory));
	point(1, false);
	head()->number = (u32)random_step(&seed) | 8;
	next_process();
	assert_int_equal(head()->lost, 1);
	memset(memory, 0, sizeof(memory));
	point(0, false);
	point(1, false);
	changes_of(&clients[0])->blocks = 2;
	ask(BLOCK_WRITE, 128, 128);
	assert_int_equal(head()->lost, 0);
	ask(BLOCK_WRITE, 256, 1);
	assert_int_equal(head()->lost, 1);
	point(0, false);
	ask(BLOCK_WRITE, 0, 1);
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_memory, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(notes),
		TEST(notes_first),
		TEST(notes_of_a_volume),
		TEST(notes_what_goes_back),
		TEST(merges),
		TEST(loses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
