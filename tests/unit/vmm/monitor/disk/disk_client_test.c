/* SPDX-License-Identifier: MIT */
/* The monitor's end of a link to a disk: its pool, its requests, and which answers it believes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "lib/string.h"
#include "vmm/io/link.h"
#include "vmm/io/slots.h"
#include "vmm/monitor/disk/disk_client.c"
#include "tests/unit/disk_fixture.h"

static struct disk_client client;

static int setup(void **state)
{
	(void)state;
	disk_make(0);
	disk_client_open(&client, disk_memory, disk_ring, NULL);
	assert_true(disk_client_renewed(&client));
	assert_int_equal(disk_rings, 1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	disk_end();
	return 0;
}

static int take(u32 bytes)
{
	u8 *data = NULL;
	int piece = disk_client_take(&client, bytes, &data);

	if (piece >= 0)
		memset(data, piece, bytes); /* ASan sees it if not all of the data are there */
	return piece;
}

/* A request to flush; its answer carries the tag. */
static struct block_request ask(u32 tag)
{
	int piece = take(0);

	assert_true(piece >= 0);
	disk_client_ask(&client, piece, BLOCK_FLUSH, 0, 0, tag);
	disk_client_flush(&client);
	return disk_take();
}

static bool answered(u32 *tag, enum block_status *status)
{
	const u8 *data;
	int piece;

	if (!disk_client_answer(&client, tag, status, &data, &piece))
		return false;
	disk_client_give_back(&client, piece);
	return true;
}

static void expect_answer(u32 wanted_tag, enum block_status wanted)
{
	enum block_status status;
	u32 tag;

	assert_true(answered(&tag, &status));
	assert_int_equal(tag, wanted_tag);
	assert_int_equal(status, wanted);
}

static void expect_no_answer(void)
{
	enum block_status status;
	u32 tag;

	assert_false(answered(&tag, &status));
}

static void asks_and_hears(void **state)
{
	struct block_request request;
	enum block_status status;
	const u8 *read;
	u8 *data;
	int piece = disk_client_take(&client, 1000, &data);
	int answer;
	u32 tag;

	(void)state;
	memset(data, 0x55, 1000);
	disk_client_ask(&client, piece, BLOCK_WRITE, 77, 2, 5);
	disk_expect_nothing(); /* no request comes before it is shown */
	disk_client_flush(&client);
	request = disk_take();
	assert_int_equal(request.operation, BLOCK_WRITE);
	assert_int_equal(request.sector, 77);
	assert_int_equal(request.sectors, 2);
	assert_int_equal(disk_pool(&request)[999], 0x55);
	expect_no_answer();
	disk_pool(&request)[0] = 0x66;
	disk_answer(request.id, BLOCK_OK);
	assert_true(disk_client_answer(&client, &tag, &status, &read, &answer));
	assert_int_equal(tag, 5);
	assert_int_equal(status, BLOCK_OK);
	assert_int_equal(answer, piece);
	assert_int_equal(read[0], 0x66);
	disk_client_give_back(&client, answer);
	assert_int_equal(client.outstanding, 0);
	expect_no_answer();
}

static void in_any_order_with_any_status(void **state)
{
	struct block_request request[4];

	(void)state;
	for (u32 i = 0; i < 4; i++)
		request[i] = ask(10 + i);
	disk_answer(request[2].id, BLOCK_REFUSED);
	disk_answer(request[0].id, BLOCK_UNSUPPORTED);
	disk_answer(request[3].id, BLOCK_STATUS_COUNT);
	disk_answer(request[1].id, ~0u);
	expect_answer(12, BLOCK_REFUSED);
	expect_answer(10, BLOCK_UNSUPPORTED);
	expect_answer(13, BLOCK_ERROR);
	expect_answer(11, BLOCK_ERROR);
	expect_no_answer();
}

/* The data of two requests never overlaps, and all of the pool is of use. */
static void the_pool(void **state)
{
	u32 count = 0;
	int last = -1;

	(void)state;
	for (int piece; (piece = take(BLOCK_REQUEST_BYTES)) >= 0; count++)
		last = piece;
	assert_int_equal(count, BLOCK_POOL_PAGES / BLOCK_REQUEST_PAGES);
	assert_int_equal(take(1), -1);
	assert_true(take(0) >= 0); /* a flush needs none of the pool */
	disk_client_give_back(&client, last);
	for (count = 0; take(PAGE_SIZE) >= 0; count++)
		;
	assert_int_equal(count, BLOCK_REQUEST_PAGES);
}

/* Three pages and a byte take four, from a multiple of four on. */
static void pieces_lie_at_multiples_of_their_size(void **state)
{
	int one = take(1);
	int four = take(3 * PAGE_SIZE + 1);
	int two = take(2 * PAGE_SIZE);

	(void)state;
	assert_int_equal(client.piece[one].page, 0);
	assert_int_equal(client.piece[four].page, 4);
	assert_int_equal(client.piece[four].pages, 4);
	assert_int_equal(client.piece[two].page, 2);
	disk_client_give_back(&client, four);
	assert_int_equal(client.piece[take(4 * PAGE_SIZE)].page, 4);
}

/*
 * There are as many requests as the driver can answer without waiting; the link's own room is a
 * limit, too.
 */
static void as_many_as_there_are_slots(void **state)
{
	struct block_request first;

	(void)state;
	first = ask(0);
	for (u32 i = 1; i < SLOT_COUNT; i++)
		(void)ask(i);
	assert_int_equal(take(0), -1);
	disk_answer(first.id, BLOCK_OK);
	expect_answer(0, BLOCK_OK);
	(void)ask(1000);
	assert_int_equal(take(0), -1);
}

static void a_driver_that_takes_nothing(void **state)
{
	u32 count = 0;

	(void)state;
	disk_memory->line[LINK_SERVER].read = 0u - 200; /* this many requests are on their way */
	for (int piece; (piece = take(0)) >= 0; count++)
		disk_client_ask(&client, piece, BLOCK_FLUSH, 0, 0, count);
	assert_int_equal(count, SLOT_COUNT - 200);
}

static void answers_to_nothing(void **state)
{
	struct block_request request;
	u64 forged[6];

	(void)state;
	request = ask(1);
	forged[0] = request.id + 1; /* a piece that is free */
	forged[1] = request.id + SLOT_COUNT;
	forged[2] = request.id - SLOT_COUNT;
	forged[3] = request.id ^ 1ull << 40;
	forged[4] = ~0ull;
	forged[5] = 255;
	for (u32 i = 0; i < ARRAY_COUNT(forged); i++)
		disk_answer(forged[i], BLOCK_OK);
	expect_no_answer();
	assert_int_equal(client.impossible_count, ARRAY_COUNT(forged));
	assert_int_equal(client.outstanding, 1);
	disk_answer(request.id, BLOCK_OK);
	disk_answer(request.id, BLOCK_OK); /* the same answer twice */
	expect_answer(1, BLOCK_OK);
	expect_no_answer();
	assert_int_equal(client.impossible_count, ARRAY_COUNT(forged) + 1);
	(void)ask(2);			   /* the same piece again */
	disk_answer(request.id, BLOCK_OK); /* an answer to a request of before */
	expect_no_answer();
	assert_int_equal(client.impossible_count, ARRAY_COUNT(forged) + 2);
	assert_int_equal(client.outstanding, 1);
}

static void sequences_wrap(void **state)
{
	(void)state;
	client.next_sequence = ~0u - 1;
	for (u32 i = 0; i < 4; i++) {
		disk_answer(ask(i).id, BLOCK_OK);
		expect_answer(i, BLOCK_OK);
	}
	assert_int_equal(client.impossible_count, 0);
}

/* A request for which nobody waits keeps its memory until the driver has done it. */
static void forgotten(void **state)
{
	struct block_request request[3];

	(void)state;
	for (u32 i = 0; i < 3; i++)
		request[i] = ask(i);
	disk_answer(request[1].id, BLOCK_OK);
	expect_answer(1, BLOCK_OK);
	assert_true(disk_client_is_clear(&client));
	disk_client_forget(&client);
	disk_client_forget(&client); /* nothing is counted twice */
	assert_int_equal(client.forgotten, 2);
	assert_int_equal(client.outstanding, 2);
	disk_answer(request[0].id, BLOCK_ERROR);
	expect_no_answer();
	assert_false(disk_client_is_clear(&client));
	disk_answer(request[0].id, BLOCK_OK); /* the same answer twice */
	expect_no_answer();
	assert_false(disk_client_is_clear(&client));
	disk_answer(request[2].id, BLOCK_OK);
	expect_no_answer();
	assert_true(disk_client_is_clear(&client));
	assert_int_equal(client.outstanding, 0);
	assert_int_equal(client.impossible_count, 1);
}

/*
 * Another driver knows of no requests: all pieces are free, and what the old driver says is void.
 */
static void another_driver(void **state)
{
	struct block_request old;
	u32 rings;

	(void)state;
	assert_true(take(BLOCK_REQUEST_BYTES) >= 0);
	old = ask(1);
	disk_client_forget(&client);
	rings = disk_rings;
	disk_new_driver();
	assert_true(disk_client_renewed(&client));
	assert_false(disk_client_renewed(&client));
	assert_int_equal(disk_rings, rings + 1);
	assert_int_equal(client.outstanding, 0);
	assert_true(disk_client_is_clear(&client));
	disk_expect_nothing();
	assert_true(ask(2).id != old.id);
	disk_answer(old.id, BLOCK_OK);
	expect_no_answer();
	for (u32 i = 0; i < BLOCK_POOL_PAGES / BLOCK_REQUEST_PAGES; i++)
		assert_true(take(BLOCK_REQUEST_BYTES) >= 0);
}

/* Between two drivers there is nobody to ask. */
static void no_driver(void **state)
{
	u32 generation = disk_memory->generation;

	(void)state;
	(void)ask(1);
	disk_memory->generation = 0;
	assert_false(disk_client_renewed(&client));
	assert_int_equal(take(0), -1);
	expect_no_answer();
	disk_memory->generation = generation;
	disk_new_driver();
	assert_true(disk_client_renewed(&client));
	assert_true(take(0) >= 0);
}

/* The client is signalled after it has found nothing, and signals a driver that waits. */
static void bells(void **state)
{
	struct block_request request;
	u32 rings = disk_rings;

	(void)state;
	assert_true(link_may_wait(&disk_server));
	request = ask(1);
	assert_int_equal(disk_rings, rings + 1);
	(void)ask(2);
	assert_int_equal(disk_rings, rings + 1);
	expect_no_answer();
	slot_put(&disk_server, &(struct block_answer){.id = request.id});
	assert_true(link_publish(&disk_server));
	expect_answer(1, BLOCK_OK);
	slot_put(&disk_server, &(struct block_answer){.id = ~0ull});
	assert_false(link_publish(&disk_server)); /* the driver has not looked again */
	expect_no_answer();
	slot_put(&disk_server, &(struct block_answer){.id = ~0ull});
	assert_true(link_publish(&disk_server));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(asks_and_hears),
		TEST(in_any_order_with_any_status),
		TEST(the_pool),
		TEST(pieces_lie_at_multiples_of_their_size),
		TEST(as_many_as_there_are_slots),
		TEST(a_driver_that_takes_nothing),
		TEST(answers_to_nothing),
		TEST(sequences_wrap),
		TEST(forgotten),
		TEST(another_driver),
		TEST(no_driver),
		TEST(bells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
