/* SPDX-License-Identifier: MIT */
/* A client's ends of a link, which outlast the link when the client goes over to another driver. */
#include "tests/unit/vmm/manager/driver/driver_link_fixture.h"
#include "vmm/io/link.h"

/* A client goes over to another link with what it has: it notices a new generation, and no more. */
static void another_link_of_the_same_ends(void **state)
{
	struct driver_link *link = make();
	struct driver_link wanted = {.user = "vm"};
	struct link_ends ends;
	u32 generation;

	(void)state;
	assert_non_null(link);
	assert_false(driver_link_end_keeping(link, &ends)); /* the driver has not seen it yet */
	channel.served[0] = link->number;
	assert_false(driver_link_end_keeping(link, &ends));
	channel.served[0] = 0;
	assert_true(driver_link_end_keeping(link, &ends));
	assert_false(link->used);
	assert_ptr_equal(ends.at, &memory);
	generation = memory.generation;
	made_bytes = 0;
	wanted.ends = ends;
	/* if the link cannot be made, the ends stay the caller's, who can try again */
	grants_left = 0;
	assert_null(driver_link_make(driver, CLIENTS, &wanted, problem, sizeof(problem)));
	assert_int_equal(wanted.ends.memory, ends.memory);
	grants_left = 2;
	link = driver_link_make(driver, CLIENTS, &wanted, problem, sizeof(problem));
	assert_non_null(link);
	assert_int_equal(made_bytes, 0);
	assert_int_equal(link->ends.bell, ends.bell);
	assert_int_not_equal(memory.generation, generation);
	link_ends_close(&ends);
	assert_int_equal(ends.memory, HANDLE_NONE);
	assert_null(ends.at);
}

/* What a hostile driver leaves for the next generation closes no link to the next driver. */
static void nothing_of_the_last_server(void **state)
{
	struct driver_link *link = make();
	struct driver_link wanted = {.user = "vm"};
	struct link_end client;
	struct link_ends ends;

	(void)state;
	assert_non_null(link);
	link_open(&client, &memory, LINK_CLIENT, 8);
	assert_true(link_renewed(&client));
	channel.served[0] = link->number;
	assert_false(driver_link_end_keeping(link, &ends));
	memory.line[LINK_SERVER].generation = memory.generation + 1;
	memory.line[LINK_SERVER].written = 9;
	channel.served[0] = 0;
	assert_true(driver_link_end_keeping(link, &ends));
	wanted.ends = ends;
	link = driver_link_make(driver, CLIENTS, &wanted, problem, sizeof(problem));
	assert_non_null(link);
	/* the client looks before the next driver has joined, and again once it has */
	assert_true(link_renewed(&client));
	assert_int_equal(link_waiting(&client), 0);
	memory.line[LINK_SERVER] =
		(struct link_line){.generation = memory.generation, .written = 1};
	assert_int_equal(link_waiting(&client), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(another_link_of_the_same_ends),
		TEST(nothing_of_the_last_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
