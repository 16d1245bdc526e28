/* SPDX-License-Identifier: MIT */
/* Both ends of a link in one process: what passes, who is woken, and what a broken peer can do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/random.h"

/* Makes a step of another end at an access to an index: see take_turns. */
static void step(void);
#define __atomic_load_n(from, order)	   (step(), __atomic_load_n(from, order))
#define __atomic_store_n(to, value, order) (step(), __atomic_store_n(to, value, order))
#include "vmm/io/link.c"
#include "vmm/io/slots.c"
#undef __atomic_load_n
#undef __atomic_store_n

static struct slot_memory slots;
#define memory slots.link
static struct link_end client;
static struct link_end server;

struct request {
	u64 number;
	u8 rest[SLOT_REQUEST_BYTES - 8];
};

struct answer {
	u64 number;
	u64 rest;
};

/* Raises the generation, as the manager does; both ends notice. */
static void raise_generation(void)
{
	memory.generation++;
	assert_true(link_renewed(&client));
	assert_true(link_renewed(&server));
	assert_false(link_renewed(&client));
	assert_false(link_renewed(&server));
}

/* Sets both rings empty, with these indices. */
static void set_indices(u32 requests, u32 answers)
{
	memory.line[LINK_CLIENT].written = requests;
	memory.line[LINK_CLIENT].read = answers;
	memory.line[LINK_CLIENT].wake_at = answers;
	memory.line[LINK_SERVER].written = answers;
	memory.line[LINK_SERVER].read = requests;
	memory.line[LINK_SERVER].wake_at = requests;
	client.written = client.published = server.read = server.returned = requests;
	server.written = server.published = client.read = client.returned = answers;
}

static int setup(void **state)
{
	(void)state;
	memset(&slots, 0, sizeof(slots));
	slot_open(&client, &memory, LINK_CLIENT);
	slot_open(&server, &memory, LINK_SERVER);
	raise_generation();
	return 0;
}

static void put_request(u64 number)
{
	struct request request = {.number = number};

	memset(request.rest, (int)number, sizeof(request.rest));
	assert_true(link_room(&client) != 0);
	slot_put(&client, &request);
}

static void put_answer(u64 number)
{
	const struct answer answer = {number, ~number};

	assert_true(link_room(&server) != 0);
	slot_put(&server, &answer);
}

static void expect_request(u64 number)
{
	struct request request;

	assert_true(slot_take(&server, &request));
	assert_int_equal(request.number, number);
	for (u32 i = 0; i < sizeof(request.rest); i++)
		assert_int_equal(request.rest[i], (u8)number);
}

static void expect_answer(u64 number)
{
	struct answer answer;

	assert_true(slot_take(&client, &answer));
	assert_int_equal(answer.number, number);
	assert_true(answer.rest == ~number);
}

static void expect_nothing(void)
{
	struct request request;
	struct answer answer;

	assert_false(slot_take(&server, &request));
	assert_false(slot_take(&client, &answer));
}

static void in_order_and_once(void **state)
{
	(void)state;
	expect_nothing();
	for (u64 i = 1; i <= 3; i++)
		put_request(i);
	expect_nothing(); /* no request comes before it is shown */
	(void)!link_publish(&client);
	for (u64 i = 1; i <= 3; i++)
		expect_request(i);
	expect_nothing();
	put_answer(7);
	put_answer(8);
	(void)!link_publish(&server);
	expect_answer(7);
	expect_answer(8);
	expect_nothing();
}

static void indices_wrap(void **state)
{
	(void)state;
	set_indices(~0u - 2, ~0u - 300);
	for (u64 i = 0; i < 1000; i++) {
		put_request(i);
		(void)!link_publish(&client);
		expect_request(i);
		put_answer(i);
		(void)!link_publish(&server);
		expect_answer(i);
		assert_true(link_may_wait(&client));
		assert_true(link_may_wait(&server));
	}
	expect_nothing();
	assert_int_equal(client.written, 997);
}

/* All slots can be used, and one comes free when its taking has been shown. */
static void room_is_what_the_peer_has_emptied(void **state)
{
	(void)state;
	for (u32 at = 0; at < 2; at++) {
		set_indices(at == 0 ? 0 : ~0u - 100, 0);
		for (u32 i = 0; i < SLOT_COUNT; i++) {
			assert_int_equal(link_room(&client), SLOT_COUNT - i);
			put_request(i);
		}
		assert_int_equal(link_room(&client), 0);
		(void)!link_publish(&client);
		expect_request(0);
		expect_request(1);
		assert_int_equal(link_room(&client), 0);
		(void)!link_publish(&server);
		assert_int_equal(link_room(&client), 2);
		for (u32 i = 2; i < SLOT_COUNT; i++)
			expect_request(i);
		/* asking whether to wait shows the taking as well */
		assert_true(link_may_wait(&server));
		assert_int_equal(link_room(&client), SLOT_COUNT);
		assert_int_equal(link_room(&server), SLOT_COUNT);
	}
}

/* Without a race there is one signal for each wait, when the first slot after it is shown. */
static void signalled_when_asked(void **state)
{
	(void)state;
	for (u32 at = 0; at < 2; at++) {
		set_indices(at == 0 ? 0 : ~0u - 1, 0);
		assert_false(link_publish(&client)); /* there is nothing new */
		assert_true(link_may_wait(&server));
		put_request(1);
		put_request(2);
		assert_true(link_publish(&client));
		put_request(3);
		assert_false(link_publish(&client));  /* the server has not asked again */
		assert_false(link_may_wait(&server)); /* there is a request */
		for (u64 i = 1; i <= 3; i++)
			expect_request(i);
		put_request(4);
		assert_false(link_publish(&client)); /* the server has seen that there is more */
		expect_request(4);
		assert_true(link_may_wait(&server));
		assert_true(link_may_wait(&server)); /* the server may ask as often as it likes */
		put_request(5);
		assert_true(link_publish(&client));
		expect_request(5);
	}
}

/* The client is signalled for answers in the same way. */
static void client_is_signalled(void **state)
{
	(void)state;
	assert_true(link_may_wait(&client));
	put_answer(1);
	assert_true(link_publish(&server));
	put_answer(2);
	assert_false(link_publish(&server));
	assert_false(link_may_wait(&client));
	expect_answer(1);
	assert_false(link_may_wait(&client));
	expect_answer(2);
	assert_true(link_may_wait(&client));
}

/* An end that looks for itself is not signalled until it asks for that again. */
static void not_signalled_when_hushed(void **state)
{
	(void)state;
	for (u32 at = 0; at < 3; at++) {
		set_indices(0, at == 0 ? 0 : ~0u - at + 1);
		assert_true(link_may_wait(&client));
		link_hush(&client);
		put_answer(3);
		assert_false(link_publish(&server));
		expect_answer(3);
		assert_true(link_may_wait(&client));
		put_answer(4);
		assert_true(link_publish(&server));
		expect_answer(4);
	}
}

/* --- two threads that take turns, one access to the indices at a time --- */

static sem_t go[2];
static sem_t stopped;
static bool ended[2];
static bool stepping;
static __thread int self = -1;
static void (*act[2])(void);

static void step(void)
{
	if (!stepping || self < 0)
		return;
	sem_post(&stopped);
	sem_wait(&go[self]);
}

static void *run(void *number)
{
	self = (int)(intptr_t)number;
	sem_wait(&go[self]);
	act[self]();
	ended[self] = true;
	sem_post(&stopped);
	return NULL;
}

/* Runs both ends: each bit of `schedule` says which is next, until one has ended. */
static void take_turns(void (*first)(void), void (*second)(void), u64 schedule)
{
	pthread_t thread[2];

	act[0] = first;
	act[1] = second;
	stepping = true;
	sem_init(&stopped, 0, 0);
	for (intptr_t i = 0; i < 2; i++) {
		ended[i] = false;
		sem_init(&go[i], 0, 0);
		assert_int_equal(pthread_create(&thread[i], NULL, run, (void *)i), 0);
	}
	for (; !ended[0] || !ended[1]; schedule >>= 1) {
		u32 next = schedule & 1;

		sem_post(&go[ended[next] ? !next : next]);
		sem_wait(&stopped);
	}
	for (u32 i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	stepping = false;
}

static u32 signals;
static bool sleeps;
static u32 taken;

static void ask_once(void)
{
	const struct request request = {.number = 1};

	slot_put(&client, &request);
	signals += link_publish(&client);
}

static void ask_thrice(void)
{
	for (u32 i = 0; i < 3; i++)
		ask_once();
}

static void wait_once(void)
{
	sleeps = link_may_wait(&server);
}

/* Serves as a server does: takes what there is, and sleeps when there is nothing. */
static void serve_until_asleep(void)
{
	struct request request;

	do {
		while (slot_take(&server, &request))
			taken++;
		sleeps = link_may_wait(&server);
	} while (!sleeps);
}

/* publish has 5 accesses, may_wait 4, and each thread starts before its first. */
#define SCHEDULE_BITS 11u

static void no_wakeup_is_lost(void **state)
{
	(void)state;
	for (u32 schedule = 0; schedule < 1u << SCHEDULE_BITS; schedule++) {
		setup(NULL);
		set_indices(schedule % 2 == 0 ? 5 : ~0u, 0);
		/* the server has not asked for this request yet */
		memory.line[LINK_SERVER].wake_at -= 3;
		signals = 0;
		take_turns(ask_once, wait_once, schedule);
		if (sleeps && signals == 0)
			fail_msg("nobody wakes the server, schedule 0x%x", schedule);
	}
}

/* An end that sleeps while there is something has been signalled after it asked to be. */
static void no_wakeup_is_lost_while_it_works(void **state)
{
	u64 random = 3;

	(void)state;
	for (u32 round = 0; round < 1500; round++) {
		u64 schedule = random_step(&random) & random_step(&random) << 17;

		setup(NULL);
		set_indices(~0u - 1, 0);
		memory.line[LINK_SERVER].wake_at -= 3;
		signals = 0;
		taken = 0;
		take_turns(ask_thrice, serve_until_asleep, schedule);
		if (taken < 3 && signals == 0)
			fail_msg("%u of 3 taken, nobody wakes the server, schedule 0x%lx", taken,
				 (unsigned long)schedule);
	}
}

/* --- other generations --- */

static void nothing_passes_before_both_are_there(void **state)
{
	(void)state;
	for (u32 first = 0; first < 2; first++) {
		struct link_end *early = first == 0 ? &client : &server;
		struct link_end *late = first == 0 ? &server : &client;

		put_request(1);
		put_answer(2);
		(void)!link_publish(&client);
		(void)!link_publish(&server);
		memory.generation++;
		assert_true(link_renewed(early));
		expect_nothing(); /* the requests of before do not come */
		assert_int_equal(link_room(early), SLOT_COUNT);
		assert_true(link_may_wait(early));
		if (early == &client)
			put_request(3);
		else
			put_answer(3);
		assert_false(link_publish(early));
		assert_true(link_renewed(late));
		if (early == &client)
			expect_request(3);
		else
			expect_answer(3);
		expect_nothing();
		/* what was asked for before the other end was there counts */
		if (early == &client)
			put_answer(4);
		else
			put_request(4);
		assert_true(link_publish(late));
	}
}

/* Generation 0 means that nobody is at the other end. */
static void without_a_manager_nothing_passes(void **state)
{
	(void)state;
	put_request(1);
	(void)!link_publish(&client);
	memory.generation = 0;
	assert_false(link_renewed(&client));
	assert_int_equal(link_room(&client), 0);
	assert_false(link_renewed(&server));
	expect_nothing();
	assert_true(link_may_wait(&server));
	memory.generation = 9;
	assert_true(link_renewed(&client));
	assert_true(link_renewed(&server));
	expect_nothing();
	put_request(2);
	(void)!link_publish(&client);
	expect_request(2);
}

/* --- a peer that breaks the rules --- */

static void impossible_indices(void **state)
{
	static const u32 beyond[] = {SLOT_COUNT + 1, 0x80000000, ~0u};
	struct request request;

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(beyond); i++) {
		set_indices(77, 0);
		/* this index is just possible */
		memory.line[LINK_CLIENT].written = 77 + SLOT_COUNT;
		assert_true(slot_take(&server, &request));
		server.read = 77;
		memory.line[LINK_CLIENT].written = 77 + beyond[i];
		assert_false(slot_take(&server, &request));
		assert_int_equal(link_room(&server), 0);
		assert_true(link_may_wait(&server));
		memory.line[LINK_CLIENT].written = 78; /* the correction comes too late */
		assert_false(slot_take(&server, &request));
		assert_true(link_may_wait(&server));
		raise_generation();
		put_request(1);
		(void)!link_publish(&client);
		expect_request(1);
	}
	for (u32 i = 0; i < ARRAY_COUNT(beyond); i++) {
		set_indices(0, 0);
		/* this many requests are on their way */
		memory.line[LINK_SERVER].read = 0u - beyond[i];
		assert_int_equal(link_room(&client), 0);
	}
}

/* The copy is what counts; and an end goes by its own indices, not by those that it has shown. */
static void slots_and_lines_that_change(void **state)
{
	struct request request;

	(void)state;
	put_request(1);
	put_request(2);
	(void)!link_publish(&client);
	assert_true(slot_take(&server, &request));
	memset(slots.requests[0], 0xff, SLOT_REQUEST_BYTES);
	assert_int_equal(request.number, 1);
	memory.line[LINK_SERVER] = (struct link_line){.generation = 77, .written = 5, .read = 9};
	expect_request(2);
	expect_nothing();
	(void)!link_publish(&server);
	assert_int_equal(memory.line[LINK_SERVER].read, 2);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(in_order_and_once),
		TEST(indices_wrap),
		TEST(room_is_what_the_peer_has_emptied),
		TEST(signalled_when_asked),
		TEST(client_is_signalled),
		TEST(not_signalled_when_hushed),
		TEST(no_wakeup_is_lost),
		TEST(no_wakeup_is_lost_while_it_works),
		TEST(nothing_passes_before_both_are_there),
		TEST(without_a_manager_nothing_passes),
		TEST(impossible_indices),
		TEST(slots_and_lines_that_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
