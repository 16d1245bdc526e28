/* SPDX-License-Identifier: MIT */
/* Requests with data in the client's RAM: which pages a device is sent to, and when no more. */
#include "tests/unit/vmm/driver/disk/core/driver_client_fixture.h"

#define WINDOW_AT (4 * GIB)
#define RAM_PAGES 1300u /* the RAM has two chunks and a part of one */

static void open_window(u32 index, u32 number)
{
	shared.client[index].disk.window_at = WINDOW_AT;
	shared.client[index].disk.window_pages = RAM_PAGES;
	shared.client[index].disk.window = number;
	client_take_commands();
}

/* The window is there from the beginning. */
static void attach_again(u32 number)
{
	shared.client[0].number = 0;
	client_take_commands();
	free(peers[0].memory);
	attach(0, false);
	shared.client[0].number = 0;
	client_take_commands();
	shared.client[0].disk.window_at = WINDOW_AT;
	shared.client[0].disk.window_pages = RAM_PAGES;
	shared.client[0].disk.window = number;
	shared.client[0].number = ++last_number;
	client_take_commands();
	raise_generation(&peers[0]);
	(void)scheduler_serve();
	assert_int_equal(shared.disk.window[0], number);
}

static struct block_request request_of(u64 id, u32 sectors, u32 window)
{
	return (struct block_request){
		.id = id, .operation = BLOCK_READ, .sectors = sectors, .window = window};
}

static void put_pages(u64 id, u32 sectors, u32 window, u32 first, u32 second)
{
	struct block_request request = request_of(id, sectors, window);

	request.page[0] = first;
	request.page[1] = second;
	put(0, request);
	serve();
}

/* Pages anywhere in the RAM, each populated once with the piece that it lies in. */
static void pages_in_ram(void **state)
{
	(void)state;
	attach_again(7);
	put_pages(1, 16, 7, 1299, 0);
	assert_int_equal(given_count, 1);
	assert_null(given[0]->data);
	assert_int_equal(given[0]->address[0], WINDOW_AT + 1299 * PAGE_SIZE);
	assert_int_equal(given[0]->address[1], WINDOW_AT);
	/* the first page had to be asked for twice */
	assert_int_equal(populated_count, 3);
	assert_int_equal(populated[0], WINDOW_AT + 1024 * PAGE_SIZE);
	assert_int_equal(populated[1], WINDOW_AT + 1024 * PAGE_SIZE);
	assert_int_equal(populated[2], WINDOW_AT);
	put_pages(2, 16, 7, 1024, 511);
	assert_int_equal(populated_count, 3);
	finish_first(BLOCK_OK);
	finish_first(BLOCK_OK);
	client_publish();
	expect_answer(0, 1, BLOCK_OK);
	expect_answer(0, 2, BLOCK_OK);
	assert_int_equal(shared.disk.counts[0].direct, 2);
}

/* Without large pieces each page of a chunk is asked for. */
static void small_pages(void **state)
{
	(void)state;
	attach_again(7);
	leaf_bytes = PAGE_SIZE * 32;
	put_pages(1, 1, 7, 5, 0);
	assert_int_equal(given_count, 1);
	assert_int_equal(populated_count, 512 / 32 + 1);
	assert_int_equal(populated[16], WINDOW_AT + 480 * PAGE_SIZE);
}

/* The device is sent nowhere. */
static void not_through_it(void **state)
{
	(void)state;
	put_pages(1, 1, 1, 0, 0); /* the client has no window */
	attach_again(7);
	put_pages(2, 1, 6, 0, 0);
	put_pages(3, 1, 7, RAM_PAGES, 0);
	put_pages(4, 9, 7, 0, ~0u);
	put_pages(5, 129, 7, 0, 0);
	assert_int_equal(populated_count, 0);
	populate_left = 0;
	put_pages(6, 1, 7, 0, 0);
	assert_int_equal(given_count, 0);
	expect_answer(0, 2, BLOCK_COPY);
	expect_answer(0, 3, BLOCK_REFUSED);
	expect_answer(0, 4, BLOCK_REFUSED);
	expect_answer(0, 5, BLOCK_REFUSED);
	expect_answer(0, 6, BLOCK_COPY);
	assert_int_equal(shared.disk.counts[0].refused, 3);
}

/* As many pages at once as the disk takes, and never more than a request has room for. */
static void many_pages(void **state)
{
	struct block_request request = request_of(1, 256, 7);

	(void)state;
	attach_again(7);
	for (u32 i = 0; i < BLOCK_DIRECT_PAGES; i++)
		request.page[i] = RAM_PAGES - 1 - 2 * i;
	put(0, request);
	serve();
	shared.disk.unit[0].direct_pages = BLOCK_DIRECT_PAGES;
	request.id = 2;
	request.page[31] = RAM_PAGES;
	put(0, request);
	request.id = 3;
	request.page[31] = 0;
	put(0, request);
	serve();
	assert_int_equal(given_count, 1);
	for (u32 i = 0; i < BLOCK_DIRECT_PAGES - 1; i++)
		assert_int_equal(given[0]->address[i],
				 WINDOW_AT + (RAM_PAGES - 1 - 2 * i) * PAGE_SIZE);
	assert_int_equal(given[0]->address[31], WINDOW_AT);
	shared.disk.unit[0].direct_pages = ~0u;
	put_pages(4, 257, 7, 0, 0);
	/* the pool has room for no more than before */
	put_pages(5, 129, 0, 0, 0);
	assert_int_equal(given_count, 1);
	for (u64 id = 1; id <= 5; id++)
		if (id != 3)
			expect_answer(0, id, BLOCK_REFUSED);
}

/*
 * A window closes while the disk goes on: the manager hears of it when the last request has ended.
 */
static void taken_back(void **state)
{
	(void)state;
	attach_again(7);
	put_pages(1, 8, 7, 0, 0);
	put_pages(2, 8, 7, 1, 0);
	told = 0;
	open_window(0, 0);
	assert_int_equal(shared.disk.window[0], 7);
	put_pages(3, 8, 7, 2, 0);
	put_read(0, 4);
	serve();
	expect_answer(0, 3, BLOCK_COPY);
	assert_int_equal(given_count, 3);
	assert_non_null(given[2]->data);
	finish_first(BLOCK_OK);
	assert_int_equal(shared.disk.window[0], 7);
	assert_int_equal(told, 0);
	finish_first(BLOCK_OK);
	assert_int_equal(shared.disk.window[0], 0);
	assert_int_equal(told, 1);
	finish_first(BLOCK_OK);
}

/* The next window begins without any page, whatever the last window had. */
static void opened_again(void **state)
{
	(void)state;
	attach_again(7);
	put_pages(1, 8, 7, 0, 0);
	open_window(0, 0);
	finish_first(BLOCK_OK);
	open_window(0, 8);
	assert_int_equal(shared.disk.window[0], 8);
	populated_count = 0;
	put_pages(2, 8, 7, 0, 0);
	assert_int_equal(given_count, 0);
	put_pages(3, 8, 8, 0, 0);
	assert_int_equal(given_count, 1);
	assert_int_equal(populated_count, 2);
}

/* A request that the device had no room for is looked at again when the window closes. */
static void closed_while_held(void **state)
{
	(void)state;
	attach_again(7);
	device_room = 0;
	put_pages(1, 8, 7, 0, 0);
	assert_true(clients[0].has_held);
	open_window(0, 0);
	assert_int_equal(shared.disk.window[0], 0);
	device_room = 1;
	serve();
	assert_int_equal(given_count, 0);
	expect_answer(0, 1, BLOCK_COPY);
	put_read(0, 2);
	serve();
	assert_int_equal(given_count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pages_in_ram), TEST(small_pages),	TEST(not_through_it),	 TEST(many_pages),
		TEST(taken_back),   TEST(opened_again), TEST(closed_while_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
