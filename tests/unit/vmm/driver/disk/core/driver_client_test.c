/* SPDX-License-Identifier: MIT */
/* What a driver's clients ask: what of it reaches the device, and that each is answered. */
#include "tests/unit/vmm/driver/disk/core/driver_client_fixture.h"

static void requests_as_the_device_gets_them(void **state)
{
	const u8 *pool = (const u8 *)peers[0].memory + SLOT_POOL_OFFSET;

	(void)state;
	now = 77;
	/* clang-format off */
	put(0, (struct block_request){.id = 7, .operation = BLOCK_WRITE, .sector = 3,
				      .sectors = 128, .offset = 5 * PAGE_SIZE});
	put(0, (struct block_request){.id = 8, .operation = BLOCK_FLUSH, .sector = ~0ull});
	put(0, (struct block_request){.id = 9, .operation = BLOCK_DISCARD, .sector = 100,
				      .sectors = BLOCK_RANGE_SECTORS, .offset = ~0ull});
	/* clang-format on */
	serve();
	assert_int_equal(given_count, 3);
	assert_int_equal(request_waiting(), 3);
	assert_int_equal(given[0]->operation, BLOCK_WRITE);
	assert_int_equal(given[0]->sector, FIRST_SECTOR + 3);
	assert_int_equal(given[0]->sectors, 128);
	assert_ptr_equal(given[0]->data, pool + 5 * PAGE_SIZE);
	assert_null(given[0]->address);
	assert_int_equal(given[0]->since_tsc, 77);
	assert_int_equal(given[1]->operation, BLOCK_FLUSH);
	assert_null(given[1]->data);
	assert_int_equal(given[2]->operation, BLOCK_DISCARD);
	assert_int_equal(given[2]->sector, FIRST_SECTOR + 100);
	assert_null(given[2]->data);
}

static void addresses_for_dma(void **state)
{
	(void)state;
	clients[0].given.disk.pool_pages = (u64)(uintptr_t)pages;
	put(0, (struct block_request){
		       .operation = BLOCK_READ, .sectors = 128, .offset = 240 * PAGE_SIZE});
	put(0, (struct block_request){.operation = BLOCK_FLUSH});
	serve();
	assert_ptr_equal(given[0]->address, pages + 240);
	assert_null(given[1]->address);
}

static enum block_status status_of(struct block_request request)
{
	struct block_answer answer;

	put(0, request);
	serve();
	if (given_count != 0) {
		finish_first(BLOCK_OK);
		client_publish();
	}
	assert_true(slot_take(&peers[0].end, &answer));
	(void)!link_publish(&peers[0].end);
	expect_no_answer(0);
	return answer.status;
}

/* Each field is tried at its edges, for a client that has sectors 0 to SECTORS - 1. */
static void edges(void **state)
{
	static const u64 last_piece = BLOCK_POOL_BYTES - BLOCK_REQUEST_BYTES;
	static const struct {
		u32 operation;
		u32 sectors;
		u64 sector;
		u64 offset;
		enum block_status status;
	} cases[] = {
		{BLOCK_READ, 1, 0, 0, BLOCK_OK},
		{BLOCK_READ, 1, SECTORS - 1, 0, BLOCK_OK},
		{BLOCK_READ, 1, SECTORS, 0, BLOCK_REFUSED},
		{BLOCK_READ, 2, SECTORS - 1, 0, BLOCK_REFUSED},
		{BLOCK_READ, 128, SECTORS - 128, 0, BLOCK_OK},
		{BLOCK_READ, 128, SECTORS - 127, 0, BLOCK_REFUSED},
		{BLOCK_READ, 1, ~0ull, 0, BLOCK_REFUSED},
		{BLOCK_READ, 2, ~0ull, 0, BLOCK_REFUSED},
		{BLOCK_READ, 128, 0ull - FIRST_SECTOR, 0, BLOCK_REFUSED},
		{BLOCK_READ, 0, 0, 0, BLOCK_REFUSED},
		{BLOCK_READ, 129, 0, 0, BLOCK_REFUSED},
		/* the length in bytes is 512 in 32 bits */
		{BLOCK_READ, 0x800001, 0, 0, BLOCK_REFUSED},
		{BLOCK_READ, ~0u, 0, 0, BLOCK_REFUSED},
		{BLOCK_WRITE, 129, 0, 0, BLOCK_REFUSED},
		{BLOCK_READ, 128, 0, last_piece, BLOCK_OK},
		{BLOCK_READ, 128, 0, last_piece + PAGE_SIZE, BLOCK_REFUSED},
		{BLOCK_READ, 8, 0, BLOCK_POOL_BYTES - PAGE_SIZE, BLOCK_OK},
		{BLOCK_READ, 9, 0, BLOCK_POOL_BYTES - PAGE_SIZE, BLOCK_REFUSED},
		{BLOCK_READ, 1, 0, BLOCK_POOL_BYTES, BLOCK_REFUSED},
		{BLOCK_READ, 1, 0, 512, BLOCK_REFUSED},
		{BLOCK_WRITE, 1, 0, 1, BLOCK_REFUSED},
		{BLOCK_READ, 1, 0, ~0ull << 12, BLOCK_REFUSED},
		{BLOCK_FLUSH, 0, 0, 0, BLOCK_OK},
		{BLOCK_FLUSH, 1, 0, 0, BLOCK_REFUSED},
		{BLOCK_DISCARD, BLOCK_RANGE_SECTORS, 0, 0, BLOCK_OK},
		{BLOCK_DISCARD, BLOCK_RANGE_SECTORS + 1, 0, 0, BLOCK_REFUSED},
		{BLOCK_WRITE_ZEROES, BLOCK_RANGE_SECTORS, SECTORS - BLOCK_RANGE_SECTORS, 0,
		 BLOCK_OK},
		{BLOCK_WRITE_ZEROES, BLOCK_RANGE_SECTORS, SECTORS - BLOCK_RANGE_SECTORS + 1, 0,
		 BLOCK_REFUSED},
		{BLOCK_DISCARD, 0, 0, 0, BLOCK_REFUSED},
		{BLOCK_OPERATION_COUNT, 1, 0, 0, BLOCK_REFUSED},
		{~0u, 1, 0, 0, BLOCK_REFUSED},
	};
	u32 refused = 0;

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(cases); i++) {
		struct block_request request = {.operation = cases[i].operation,
						.sectors = cases[i].sectors,
						.sector = cases[i].sector,
						.offset = cases[i].offset};

		if (status_of(request) != cases[i].status)
			fail_msg("case %u", i);
		refused += cases[i].status == BLOCK_REFUSED;
	}
	assert_int_equal(shared.disk.counts[0].refused, refused);
	assert_int_equal(shared.disk.counts[0].errors, 0);
	assert_int_equal(shared.disk.counts[0].requests, ARRAY_COUNT(cases) - refused);
}

static void whole_blocks(void **state)
{
	(void)state;
	shared.disk.unit[0].block_bytes = 4096;
	assert_int_equal(status_of((struct block_request){.sectors = 8, .sector = 16}), BLOCK_OK);
	assert_int_equal(status_of((struct block_request){.sectors = 4, .sector = 16}),
			 BLOCK_REFUSED);
	assert_int_equal(status_of((struct block_request){.sectors = 8, .sector = 12}),
			 BLOCK_REFUSED);
}

static void a_disk_that_can_do_less(void **state)
{
	(void)state;
	shared.disk.unit[0].features = DISK_DISCARD;
	assert_int_equal(
		status_of((struct block_request){.operation = BLOCK_WRITE_ZEROES, .sectors = 8}),
		BLOCK_UNSUPPORTED);
	assert_int_equal(
		status_of((struct block_request){.operation = BLOCK_DISCARD, .sectors = 8}),
		BLOCK_OK);
	/* of a volume its store does it */
	clients[0].given.disk.store.volume = 1;
	assert_int_equal(
		status_of((struct block_request){.operation = BLOCK_WRITE_ZEROES, .sectors = 8}),
		BLOCK_OK);
	clients[0].given.disk.store.volume = 0;
	assert_int_equal(shared.disk.counts[0].refused, 0);
}

static void readers_only_read(void **state)
{
	static const enum block_status expected[] = {
		[BLOCK_READ] = BLOCK_OK,
		[BLOCK_WRITE] = BLOCK_REFUSED,
		[BLOCK_FLUSH] = BLOCK_OK,
		[BLOCK_DISCARD] = BLOCK_REFUSED,
		[BLOCK_WRITE_ZEROES] = BLOCK_REFUSED,
	};

	(void)state;
	clients[0].given.disk.read_only = 1;
	for (u32 i = 0; i < BLOCK_OPERATION_COUNT; i++)
		assert_int_equal(status_of((struct block_request){.operation = i,
								  .sectors = i != BLOCK_FLUSH}),
				 expected[i]);
}

/* The client changes the slot, and what the manager wrote, after the driver has looked. */
static void what_was_checked_counts(void **state)
{
	struct block_request *slot =
		(struct block_request *)(void *)slots_of(peers[0].memory)->requests[0];

	(void)state;
	device_room = 0;
	put_read(0, 1);
	serve();
	slot->sectors = ~0u;
	slot->sector = ~0ull;
	shared.client[0].disk.sectors = 0;
	device_room = 1;
	serve();
	assert_int_equal(given_count, 1);
	assert_int_equal(given[0]->sectors, 1);
	assert_int_equal(given[0]->sector, FIRST_SECTOR);
}

/* --- answers --- */

static void each_is_answered_once(void **state)
{
	(void)state;
	for (u64 id = 0; id < 5; id++)
		put_read(0, id);
	put(0, (struct block_request){.id = 5, .operation = BLOCK_WRITE, .sectors = 3});
	put(0, (struct block_request){.id = 6, .operation = BLOCK_FLUSH});
	serve();
	expect_no_answer(0);
	finish_first(BLOCK_ERROR);
	client_publish();
	expect_answer(0, 0, BLOCK_ERROR);
	for (u64 id = 1; id < 7; id++) {
		expect_no_answer(0);
		finish_first(BLOCK_OK);
		client_publish();
		expect_answer(0, id, BLOCK_OK);
	}
	expect_no_answer(0);
	assert_int_equal(request_waiting(), 0);
	assert_int_equal(shared.finished, 7);
	assert_int_equal(shared.disk.counts[0].requests, 7);
	assert_int_equal(shared.disk.counts[0].errors, 1);
	assert_int_equal(shared.disk.counts[0].flushes, 1);
	assert_int_equal(shared.disk.counts[0].read_bytes, 5 * 512);
	assert_int_equal(shared.disk.counts[0].written_bytes, 3 * 512);
}

/* A client that takes no answers loses some, and harms nobody. */
static void a_client_that_takes_no_answers(void **state)
{
	struct block_answer answer;
	u32 taken = 0;

	(void)state;
	for (u32 i = 0; i < 3 * SLOT_COUNT; i++) {
		put_read(0, i);
		serve();
		finish_first(BLOCK_OK);
		client_publish();
	}
	while (slot_take(&peers[0].end, &answer))
		assert_int_equal(answer.id, taken++);
	assert_int_equal(taken, SLOT_COUNT);
}

static void bells_ring_when_asked(void **state)
{
	u32 before;

	(void)state;
	assert_true(link_may_wait(&peers[0].end));
	before = peers[0].bells;
	put_read(0, 1);
	put_read(0, 2);
	serve();
	assert_int_equal(peers[0].bells, before);
	finish_first(BLOCK_OK);
	client_publish();
	assert_int_equal(peers[0].bells, before + 1);
	finish_first(BLOCK_OK);
	client_publish();
	client_publish();
	/* the client has not asked for a signal again */
	assert_int_equal(peers[0].bells, before + 1);
}

static void waits_only_without_requests(void **state)
{
	(void)state;
	assert_true(scheduler_may_wait());
	put_read(0, 1);
	assert_false(scheduler_may_wait());
	serve();
	assert_true(scheduler_may_wait());
	given_count = 0;
	device_room = 0;
	put_read(0, 2);
	serve();
	assert_true(scheduler_may_wait()); /* held: the device wakes the driver */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(requests_as_the_device_gets_them),
		TEST(addresses_for_dma),
		TEST(edges),
		TEST(whole_blocks),
		TEST(a_disk_that_can_do_less),
		TEST(readers_only_read),
		TEST(what_was_checked_counts),
		TEST(each_is_answered_once),
		TEST(a_client_that_takes_no_answers),
		TEST(bells_ring_when_asked),
		TEST(waits_only_without_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
