/* SPDX-License-Identifier: MIT */
/*
 * A driver makes one move at a time: it reads for one client what is kept, or puts something back.
 * Each client that waits for that has its turn, whatever the others ask for.
 */
#include "tests/unit/vmm/driver/disk/core/driver_view_fixture.h"

#define ROOM_PAGES 1500u
#define FEW	   4u /* the requests in the ring of a client that floods */
#define SIZE	   8u /* the sectors of each of its writes: a piece */

static _Alignas(PAGE_SIZE) u8 rooms[4][ROOM_PAGES * PAGE_SIZE];

/* A client that writes to a piece after the other, as fast as it is let. */
struct flood {
	u64 sector;
	u32 asked;
	u32 answered;
};
static struct flood floods[4];

static void keep(u32 index)
{
	shared.client[index].disk.undo = (struct disk_undo_given){
		.at = (u64)(uintptr_t)rooms[index], .bytes = sizeof(rooms[index]), .number = 1};
	client_take_commands();
}

static int setup_moves(void **state)
{
	int result = setup_disk(state);

	memset(rooms, 0, sizeof(rooms));
	memset(floods, 0, sizeof(floods));
	full_unit = ~0u;
	keep(0);
	attach(1, false);
	keep(1);
	return result;
}

static void write_to(u32 index, u64 sector, u32 sectors)
{
	put(index,
	    (struct block_request){
		    .id = 99, .operation = BLOCK_WRITE, .sector = sector, .sectors = sectors});
}

static void flood(u32 index)
{
	struct flood *flood = &floods[index];
	struct block_answer answer;

	for (; slot_take(&peers[index].end, &answer); flood->answered++)
		assert_int_equal(answer.status, BLOCK_OK);
	for (; flood->asked - flood->answered < FEW; flood->asked++, flood->sector += SIZE) {
		assert_true(flood->sector + SIZE <= SECTORS);
		write_to(index, flood->sector, SIZE);
	}
	(void)!link_publish(&peers[index].end);
}

/* Clients 0 to `count` - 1 have requests again at each step. */
static void step_flooded(u32 count)
{
	for (u32 i = 0; i < count; i++)
		flood(i);
	(void)step();
	client_publish();
}

/* Returns how many requests of client 0 are answered until this client has its answer. */
static u32 overtaken_until_answered(u32 index)
{
	u32 before_it = floods[0].answered;
	struct block_answer answer;

	for (u32 i = 0; i < 4000; i++) {
		step_flooded(1);
		if (!slot_take(&peers[index].end, &answer))
			continue;
		assert_int_equal(answer.status, BLOCK_OK);
		(void)!link_publish(&peers[index].end);
		return floods[0].answered - before_it;
	}
	fail_msg("client %u is not answered", index);
	return 0;
}

static void warm_up(u32 count)
{
	for (u32 i = 0; i < 20; i++)
		step_flooded(count);
}

static void one_write_among_many(void **state)
{
	(void)state;
	warm_up(1);
	for (u32 i = 0; i < 20; i++) {
		write_to(1, 10000 + 104 * i, SIZE);
		assert_in_range(overtaken_until_answered(1), 0, 3);
	}
}

/* Gives client 1 another disk of the same controller. */
static void have_another_disk(void)
{
	shared.disk.unit[1] = shared.disk.unit[0];
	scheduler_open(1, 0);
	shared.client[1].number = 0;
	client_take_commands();
	shared.client[1].disk.unit = 1;
	shared.client[1].number = ++last_number;
	client_take_commands();
	(void)scheduler_serve();
}

/* Two disks of one controller have one move as well. */
static void of_another_disk(void **state)
{
	(void)state;
	have_another_disk();
	warm_up(1);
	write_to(1, 10000, SIZE);
	assert_in_range(overtaken_until_answered(1), 0, 3);
}

/* A disk that takes nothing now, as while it flushes, is no other disk's concern. */
static void of_a_disk_beside_a_full_one(void **state)
{
	struct block_answer answer;
	u32 steps = 0;
	u64 finished;

	(void)state;
	have_another_disk();
	full_unit = 0;
	finished = shared.finished;
	warm_up(1); /* the client waits for its move */
	/* the manager would believe that a device which takes nothing gets on */
	assert_int_equal(shared.finished, finished);
	write_to(1, 10000, SIZE);
	for (; !slot_take(&peers[1].end, &answer); step_flooded(1))
		assert_true(steps++ < 20);
	(void)!link_publish(&peers[1].end);
	assert_int_equal(floods[0].answered, 0);
	full_unit = ~0u;
	warm_up(1);
	assert_true(floods[0].answered > 0); /* the client had its turn at once */
}

/*
 * Data that were read before a last piece became shorter may be another disk's: none of it is kept.
 */
static void a_shorter_last_piece(void **state)
{
	const u8 none[UNDO_PIECE_BYTES - BLOCK_SECTOR_BYTES] = {0};
	struct block_answer answer;
	u32 steps = 0;

	(void)state;
	shared.client[1].number = 0;
	client_take_commands();
	shared.client[1].disk.sectors = SIZE + 1;
	shared.client[1].number = ++last_number;
	client_take_commands();
	(void)scheduler_serve();
	memset(own, 0xee, sizeof(own));
	write_to(1, SIZE, 1);
	for (; !slot_take(&peers[1].end, &answer); (void)step(), client_publish())
		assert_true(steps++ < 100);
	(void)!link_publish(&peers[1].end);
	assert_int_equal(undo_of(&clients[1])->count, 1);
	assert_memory_equal(undo_data(undo_entry_at(undo_of(&clients[1]), 0)) + BLOCK_SECTOR_BYTES,
			    none, sizeof(none));
}

/* A clone that writes a part of a piece, of which the rest is read first, has one move as well. */
static void of_a_view(void **state)
{
	(void)state;
	shared.client[VIEW].disk.view = (struct disk_view_given){.of = 1, .number = 1};
	attach(VIEW, false);
	keep(VIEW);
	warm_up(1);
	/* the write covers parts of two pieces, so that there are two reads */
	write_to(VIEW, 10003, SIZE);
	assert_in_range(overtaken_until_answered(VIEW), 0, 4);
}

static void in_turn(void **state)
{
	(void)state;
	attach(2, false);
	keep(2);
	for (u32 i = 0; i < 900; i++)
		step_flooded(3);
	assert_true(floods[0].answered > 100);
	assert_in_range(floods[1].answered, floods[0].answered - 1, floods[0].answered + 1);
	assert_in_range(floods[2].answered, floods[0].answered - 1, floods[0].answered + 1);
}

/* A range of 1024 pieces is many moves: others have theirs in between. */
static void a_large_range(void **state)
{
	(void)state;
	put(0, (struct block_request){
		       .id = 1, .operation = BLOCK_WRITE_ZEROES, .sectors = BLOCK_RANGE_SECTORS});
	(void)step();
	floods[1].sector = 10000;
	for (u32 i = 0; i < 20; i++) {
		flood(1);
		(void)step();
		client_publish();
	}
	assert_in_range(floods[1].answered, 6, 10);
	expect_no_answer(0);
}

/* A put-back is a client's turns like any other: it ends after so many of the others' moves. */
static void goes_back_meanwhile(void **state)
{
	(void)state;
	for (u32 i = 0; i < 20; i++)
		write_to(1, 10000 + 104 * i, SIZE);
	run();
	warm_up(1);
	floods[0].answered = floods[0].asked = 0;
	while (given_count != 0)
		device_does(BLOCK_OK);
	shared.client[1].disk.undo.put_back = 7;
	client_take_commands();
	for (u32 i = 0; i < 4000 && shared.disk.undo[1].put_back == 0; i++)
		step_flooded(1);
	assert_int_equal(shared.disk.undo[1].put_back, 7);
	assert_in_range(floods[0].answered, 0, 30); /* 20 pieces and a flush */
}

static bool is_read_for(u64 sector)
{
	bool found = false;

	for (u32 i = 0; i < given_count; i++)
		found |= given[i]->client == NULL && given[i]->sector == FIRST_SECTOR + sector;
	return found;
}

/* Client 2 reads without end, client 0 writes. */
static void step_full(void)
{
	struct block_answer answer;

	while (slot_take(&peers[2].end, &answer))
		(void)!link_publish(&peers[2].end);
	while (link_room(&peers[2].end) > DRIVER_DEPTH)
		put_read(2, 1);
	step_flooded(1);
}

/* A place at the device that comes free is for a move before it is for anybody's next request. */
static void a_full_device(void **state)
{
	(void)state;
	attach(2, false);
	device_room = 4;
	scheduler_open(0, device_room);
	for (u32 i = 0; i < 20; i++) {
		u64 sector = 10000 + 104 * i;
		struct block_answer answer;
		u32 steps = 0;

		write_to(1, sector, SIZE);
		for (; !is_read_for(sector) && steps <= device_room + 1; step_full())
			steps += clients[1].has_held;
		assert_true(is_read_for(sector));
		for (steps = 0; !slot_take(&peers[1].end, &answer); steps++) {
			assert_true(steps < 1000);
			step_full();
		}
		(void)!link_publish(&peers[1].end);
	}
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_moves, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_write_among_many),
		TEST(of_another_disk),
		TEST(of_a_disk_beside_a_full_one),
		TEST(a_shorter_last_piece),
		TEST(of_a_view),
		TEST(in_turn),
		TEST(a_large_range),
		TEST(a_full_device),
		TEST(goes_back_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
