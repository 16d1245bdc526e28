/* SPDX-License-Identifier: MIT */
/* Links as the manager makes and ends them, with a kernel that refuses and a driver that is bad. */
#include "tests/unit/vmm/manager/driver/driver_link_fixture.h"

static void driver_dies(void)
{
	driver_process_ended(driver->starts * DRIVER_MAX + driver_number(driver));
	now = MAX(now, driver_deadline());
	while (driver_step())
		;
	assert_int_equal(driver->life, DRIVER_LIFE_STARTING);
}

static void ends_when_the_driver_says_so(void **state)
{
	struct driver_link *link = make();

	(void)state;
	assert_non_null(link);
	assert_int_equal(mapped, 1);
	assert_false(driver_link_end(link));
	channel.served[0] = channel.client[0].number;
	assert_false(driver_link_end(link));
	assert_int_equal(channel.client[0].number, 0);
	assert_int_equal(mapped, 1);
	channel.served[0] = 0;
	assert_true(driver_link_end(link));
	assert_int_equal(mapped, 0);
	assert_false(link->used);
}

static void refused_when_it_is_made(void **state)
{
	(void)state;
	for (u32 grants = 0; grants < 2; grants++) {
		grants_left = grants;
		assert_null(make());
		assert_int_equal(mapped, 0);
		assert_false(driver->link[0].used);
	}
}

/* An object that the kernel does not hand to a new process is not waited for there. */
static void refused_to_the_next_process(void **state)
{
	struct driver_link *link = make();

	(void)state;
	assert_non_null(link);
	channel.served[0] = channel.client[0].number;
	driver_dies();
	assert_int_equal(mapped, 0);
	grants_left = 1;
	driver_says_ready();
	assert_int_equal(mapped, 0);
	assert_true(driver_link_end(link));
}

/* A driver that never lets go of a client goes on with its other clients, and keeps this one. */
static void never_lets_it_go(void **state)
{
	struct driver_link *link = make();

	(void)state;
	assert_non_null(link);
	channel.served[0] = channel.client[0].number;
	for (u32 i = 0; i < 100 && !driver_link_end(link); i++) {
		now += NS_PER_S;
		channel.finished++;
		driver_step();
	}
	assert_false(link->used);
	assert_int_equal(mapped, 0);
	assert_int_equal(builds, 2);
	assert_int_equal(driver->deaths, 1);
}

/* Nobody waits for what a switch does: it says now and then that it lives, or is started anew. */
static void answers_now_and_then(void **state)
{
	static const struct driver_class asked = {
		.describe = say_nothing, .fill = fill_nothing, .asked = true};
	static const struct driver_kind bridge = {.image = "switch", .class = &asked};

	(void)state;
	driver->kind = &bridge;
	for (u32 i = 1; i <= 10; i++) {
		assert_in_range(driver_deadline(), now, now + DRIVER_ASK_NS);
		now += DRIVER_ASK_NS;
		driver_step();
		assert_int_equal(channel.asked, i);
		channel.answered = i;
	}
	assert_int_equal(builds, 1);
	for (u64 end = now + DRIVER_ASK_NS + DRIVER_HANG_NS + 2 * NS_PER_S; now < end;) {
		now = MAX(now + 1, driver_deadline());
		driver_step();
	}
	assert_int_equal(builds, 2);
	assert_int_equal(driver->deaths, 1);
}

/*
 * A look that comes late is no hang: nobody has looked for long, and just now the driver has work.
 */
static void a_late_look_is_no_hang(void **state)
{
	(void)state;
	driver_step();
	now += 100 * NS_PER_S;
	channel.waiting = 1;
	for (u32 i = 0; i < 4; i++) {
		assert_int_equal(builds, 1);
		driver_step();
		now += NS_PER_S;
	}
	for (u32 i = 0; i < 4 && builds == 1; i++) {
		now += NS_PER_S;
		driver_step();
	}
	assert_int_equal(builds, 2);
}

/* A driver may die as often as it likes, but pauses between short lives. */
static void a_pause_between_short_lives(void **state)
{
	u64 begin = now;

	(void)state;
	for (u32 i = 0; i < 20; i++) {
		if (i % 2 == 0)
			driver_says_ready();
		driver_dies();
	}
	assert_in_range(now - begin, 10 * DRIVER_PAUSE_NS << DRIVER_PAUSES,
			20 * DRIVER_PAUSE_NS << DRIVER_PAUSES);
	driver_says_ready();
	now += DRIVER_SHORT_NS;
	begin = now;
	driver_dies();
	assert_int_equal(now, begin);
	driver_dies();
	assert_int_equal(now, begin + DRIVER_PAUSE_NS);
}

/* A restart waits for pages: the pages of processes that have died come back late. */
static void waits_for_pages_at_a_restart(void **state)
{
	u64 died;

	(void)state;
	driver_says_ready();
	now += 5 * DRIVER_SHORT_NS;
	pages_tsc = now + DRIVER_PAGES_NS / 2;
	driver_process_ended(driver->starts * DRIVER_MAX + driver_number(driver));
	while (builds == 1) {
		now = MAX(now + 1, driver_deadline());
		driver_step();
		assert_int_not_equal(driver->life, DRIVER_LIFE_FAILED);
	}
	assert_in_range(now, pages_tsc, pages_tsc + DRIVER_PAUSE_NS);
	driver_says_ready();
	now += 5 * DRIVER_SHORT_NS;
	died = now;
	pages_tsc = ~0ull;
	driver_process_ended(driver->starts * DRIVER_MAX + driver_number(driver));
	while (driver->life == DRIVER_LIFE_RESTARTING) {
		now = MAX(now + 1, driver_deadline());
		driver_step();
	}
	assert_int_equal(driver->life, DRIVER_LIFE_FAILED);
	assert_string_equal(driver->reason, "no pages");
	assert_in_range(now, died + DRIVER_PAGES_NS, died + DRIVER_PAGES_NS + 2 * DRIVER_PAUSE_NS);
}

/*
 * The driver looks at what a view's device brings before the client does: the device reaches hidden
 * memory, and not what the client has too.
 */
static void hidden_from_the_client(void **state)
{
	static const struct driver_class pools = {.link_bytes = 7 * PAGE_SIZE,
						  .pool_at = 3 * PAGE_SIZE,
						  .client_max = 4,
						  .describe = say_nothing,
						  .fill = fill_nothing};
	static const struct driver_kind device = {.image = "nvme", .class = &pools, .dma = true};
	const struct driver_link wanted = {.user = "vm", .hidden_bytes = 4 * PAGE_SIZE};
	static _Alignas(struct start_info) u8 page[START_BYTES];
	struct process_build build = {.info = (struct start_info *)(void *)page};
	struct driver_link *link;

	(void)state;
	driver->kind = &device;
	link = make();
	assert_int_equal(made_bytes, 7 * PAGE_SIZE);
	assert_int_equal(there_bytes, 7 * PAGE_SIZE);
	assert_int_equal(reached_at, 3 * PAGE_SIZE);
	assert_int_equal(reached_bytes, 4 * PAGE_SIZE);
	assert_non_null(link);
	link = driver_link_make(driver, CLIENTS, &wanted, problem, sizeof(problem));
	assert_non_null(link);
	assert_int_equal(made_bytes, 11 * PAGE_SIZE);
	assert_int_equal(there_bytes, 11 * PAGE_SIZE);
	assert_int_equal(reached_at, 7 * PAGE_SIZE);
	assert_int_equal(reached_bytes, 4 * PAGE_SIZE);
	driver_link_give(&build, link, START_DISK, 0, "data");
	assert_int_equal(given_bytes, 7 * PAGE_SIZE);
	/* a disk in memory copies there itself */
	driver->kind = &kind;
	reached_bytes = 0;
	link = driver_link_make(driver, CLIENTS, &wanted, problem, sizeof(problem));
	assert_non_null(link);
	assert_int_equal(made_bytes, 5 * PAGE_SIZE);
	assert_int_equal(there_bytes, 5 * PAGE_SIZE);
	assert_int_equal(reached_bytes, 0);
}

static void each_name_once(void **state)
{
	(void)state;
	assert_null(driver_create("lan.switch", &kind, 1, NULL, 0, problem, sizeof(problem)));
	assert_string_equal(problem,
			    "there is a driver lan.switch already; each name can be there once");
	assert_int_equal(builds, 1);
}

/* Each generation is another one, whatever the two ends have written where it stands. */
static void renews_by_its_own_count(void **state)
{
	struct driver_link link = {.ends.at = &memory};

	(void)state;
	for (u32 i = 1; i < 5; i++) {
		memory.generation = 7 * i;
		driver_link_renew(&link);
		assert_int_equal(memory.generation, i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ends_when_the_driver_says_so), TEST(refused_when_it_is_made),
		TEST(refused_to_the_next_process),  TEST(never_lets_it_go),
		TEST(answers_now_and_then),	    TEST(a_late_look_is_no_hang),
		TEST(a_pause_between_short_lives),  TEST(waits_for_pages_at_a_restart),
		TEST(hidden_from_the_client),	    TEST(each_name_once),
		TEST(renews_by_its_own_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
