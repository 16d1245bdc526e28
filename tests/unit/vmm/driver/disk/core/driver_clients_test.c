/* SPDX-License-Identifier: MIT */
/* A driver's clients: how they come and leave, and who is next when the device is full. */
#include "tests/unit/vmm/driver/disk/core/driver_client_fixture.h"

/* --- coming and leaving --- */

static void leave(u32 index)
{
	shared.client[index].number = 0;
	client_take_commands();
}

static void leaves_when_nothing_is_out(void **state)
{
	u32 before;

	(void)state;
	before = told;
	leave(0);
	assert_int_equal(shared.served[0], 0);
	assert_int_equal(told, before + 1);
	put_read(0, 1);
	serve();
	assert_int_equal(given_count, 0);
}

static void leaves_after_the_device_has_finished(void **state)
{
	(void)state;
	put_read(0, 1);
	put_read(0, 2);
	serve();
	leave(0);
	assert_int_equal(shared.served[0], last_number);
	put_read(0, 3);
	serve();
	assert_int_equal(given_count, 2); /* a leaving client's requests are not taken any more */
	finish_first(BLOCK_OK);
	assert_int_equal(shared.served[0], last_number);
	client_publish();
	expect_no_answer(0);
	finish_first(BLOCK_OK);
	assert_int_equal(shared.served[0], 0);
	client_publish();
	expect_no_answer(0);
	free(peers[0].memory);
	attach(0, false);
	put_read(0, 9);
	serve();
	finish_first(BLOCK_OK);
	client_publish();
	expect_answer(0, 9, BLOCK_OK);
}

/* All requests of the device may end at once, after the driver has last asked for its clients. */
static void does_not_wait_with_a_held_request_alone(void **state)
{
	(void)state;
	device_room = 1;
	put_read(0, 1);
	put_read(0, 2);
	serve();
	assert_true(scheduler_may_wait());
	finish_first(BLOCK_OK);
	assert_false(scheduler_may_wait());
	serve();
	assert_int_equal(given_count, 1);
	assert_true(scheduler_may_wait());
}

/* A client leaves with a held request, which nobody gets to see. */
static void leaves_with_a_held_request(void **state)
{
	(void)state;
	device_room = 1;
	put_read(0, 1);
	put_read(0, 2);
	serve();
	leave(0);
	finish_first(BLOCK_OK);
	assert_int_equal(shared.served[0], 0);
	serve();
	assert_int_equal(given_count, 0);
}

/* The manager hands the place to another one at once. */
static void replaced_while_requests_are_out(void **state)
{
	(void)state;
	put_read(0, 1);
	serve();
	shared.client[0].number = ++last_number;
	client_take_commands();
	assert_int_equal(shared.served[0], last_number - 1);
	finish_first(BLOCK_OK);
	assert_int_equal(shared.served[0], 0);
	client_take_commands();
	assert_int_equal(shared.served[0], last_number);
	assert_int_equal(shared.disk.counts[0].requests, 0); /* the requests are counted anew */
}

/* With another generation the client begins anew, and hears that the driver has seen it. */
static void renewed(void **state)
{
	u32 before;

	(void)state;
	device_room = 0;
	put_read(0, 1);
	serve();
	before = peers[0].bells;
	raise_generation(&peers[0]);
	device_room = 5;
	serve();
	assert_int_equal(peers[0].bells, before + 1);
	assert_int_equal(given_count, 0); /* the held request is void */
	put_read(0, 2);
	serve();
	assert_int_equal(given_count, 1);
	assert_int_equal(given[0]->id, 2);
}

/* --- clients that ask nothing --- */

/* Puts a request whose signal is still on its way. */
static void put_unheard(u32 index, u64 id)
{
	struct block_request request = {.id = id, .operation = BLOCK_READ, .sectors = 1};

	slot_put(&peers[index].end, &request);
	assert_true(link_publish(&peers[index].end));
}

/* Before a wait the driver asks for signals; it does not look at whoever has not signalled. */
static void quiet_until_heard(void **state)
{
	(void)state;
	attach(1, false);
	assert_true(scheduler_may_wait());
	put_unheard(1, 7);
	assert_false(scheduler_serve());
	scheduler_hear(0);
	assert_false(scheduler_serve());
	scheduler_hear(1);
	assert_true(scheduler_serve());
	assert_int_equal(given[0]->id, 7);
	scheduler_hear(DISK_CLIENT_MAX); /* is nobody */
}

/* A driver that has something to do all the time finds its requests after some rounds. */
static void found_by_a_driver_that_never_waits(void **state)
{
	u32 rounds = 0;

	(void)state;
	attach(1, false);
	assert_true(scheduler_may_wait());
	put_unheard(1, 7);
	while (!scheduler_serve())
		assert_true(++rounds < ROUNDS_UNHEARD);
	assert_int_equal(given[0]->id, 7);
}

/* The manager may have changed what the client may do. */
static void looked_at_after_a_command(void **state)
{
	(void)state;
	assert_true(scheduler_may_wait());
	put_unheard(0, 7);
	assert_false(scheduler_serve());
	client_take_commands();
	assert_true(scheduler_serve());
	assert_int_equal(given[0]->id, 7);
}

/* --- a device that is full --- */

static void held_until_there_is_room(void **state)
{
	(void)state;
	device_room = 2;
	for (u64 id = 0; id < 6; id++)
		put_read(0, id);
	for (u64 id = 0; id < 6; id++) {
		serve();
		assert_int_equal(given_count, MIN(2u, 6 - id));
		assert_int_equal(given[0]->id, id);
		finish_first(BLOCK_OK);
		client_publish();
		expect_answer(0, id, BLOCK_OK);
	}
	serve();
	assert_int_equal(given_count, 0);
	assert_int_equal(request_waiting(), 0);
}

/* The common part of the depth is limited too. */
static void depth(void **state)
{
	(void)state;
	device_room = DRIVER_DEPTH + 1;
	for (u64 id = 0; id < DRIVER_DEPTH + 10; id++)
		put_read(0, id);
	serve();
	assert_int_equal(given_count, DRIVER_DEPTH);
	assert_null(request_take(0));
	finish_first(BLOCK_OK);
	serve();
	assert_int_equal(given_count, DRIVER_DEPTH);
	assert_int_equal(given[DRIVER_DEPTH - 1]->id, DRIVER_DEPTH);
}

/* Clients that always have something to ask get the same share, however small the device's room. */
static void fair_to_all(void **state)
{
	static const u32 who[] = {0, 3, 4, 15};
	u32 got[DRIVER_CLIENT_MAX] = {0};

	(void)state;
	for (u32 i = 1; i < ARRAY_COUNT(who); i++)
		attach(who[i], false);
	device_room = 1;
	for (u32 round = 0; round < 200; round++) {
		for (u32 i = 0; i < ARRAY_COUNT(who); i++)
			put_read(who[i], round);
		serve();
		got[client_index(given[0]->client)]++;
		finish_first(BLOCK_OK);
		client_publish();
	}
	for (u32 i = 0; i < ARRAY_COUNT(who); i++)
		assert_in_range(got[who[i]], 50 - 15, 50 + 15);
}

/* A request of the driver's own is nobody's. */
static void own_requests(void **state)
{
	struct driver_request *request = request_take(0);

	(void)state;
	assert_int_equal(request_waiting(), 1);
	assert_null(request->client);
	request_finish(request, BLOCK_ERROR);
	assert_int_equal(request->status, BLOCK_ERROR);
	assert_int_equal(request_waiting(), 0);
	client_publish();
	expect_no_answer(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(leaves_when_nothing_is_out),
		TEST(leaves_after_the_device_has_finished),
		TEST(leaves_with_a_held_request),
		TEST(does_not_wait_with_a_held_request_alone),
		TEST(replaced_while_requests_are_out),
		TEST(renewed),
		TEST(quiet_until_heard),
		TEST(found_by_a_driver_that_never_waits),
		TEST(looked_at_after_a_command),
		TEST(held_until_there_is_room),
		TEST(depth),
		TEST(fair_to_all),
		TEST(own_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
