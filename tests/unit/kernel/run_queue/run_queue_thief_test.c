/* SPDX-License-Identifier: MIT */
/*
 * Time thieves, on as many CPUs as no emulator has: sleepers whose group is busy elsewhere, crowds
 * that wake up together, and reservations that cost more to serve than they are worth.
 */
#define CPU_MAX 256
#include "tests/unit/kernel/run_queue/run_queue_machine.h"

#define US    (MS / 1000)
#define PAUSE (20 * US) /* between two sleepers' turns */
#define TURN  (SLICE / 2 + PAUSE)
/* The share of a CPU that a victim must keep beside one rival of the same weight. */
#define HALF_KEPT_PERMILLE 490u
/* The delay that a wake-up may have, and the wait of a thread that always wants the CPU. */
#define LIGHT_WAITS  MS
#define VICTIM_WAITS (2 * SLICE)
/*
 * The share that a victim must keep beside reservations: here a switch back costs it more than in
 * the kernel.
 */
#define HALF_RESERVED_PERMILLE 480u
/* A switch with all that belongs to it, the interrupt above all: about 1,500 instructions. */
#define SWITCH_TICKS (3 * US / 2)
/* The smallest reservation that the kernel admits, and what it adds for switches: a permille. */
#define LEAST_BUDGET (50 * US)
#define LEAST_ADDED  (6 * US)
#define LEAST_PERIOD (50 * MS)

static struct sim_thread *victim;

/*
 * Sleepers of one group take turns on CPU 0, beside the victim: each wants half a slice, which is
 * what a sleeper may be credited with, then sleeps until all the others had theirs and the victim a
 * slice. Meanwhile a thread of their group comes and goes on another CPU, all the time.
 */
static void play_sleepers(u32 sleepers, u32 other, u32 rounds)
{
	u64 period = sleepers * TURN + SLICE;
	struct run_group *attacker;
	struct sim_thread *restless;
	u64 before;

	sim_reset(other + 1, START);
	victim = sim_thread(sim_group(256), 0);
	attacker = sim_group(256);
	for (u32 i = 0; i < sleepers; i++) {
		struct sim_thread *sleeper = sim_thread(attacker, 0);

		sleeper->job_work = SLICE / 2;
		sleeper->job_period = period;
		sleeper->release += SLICE + i * TURN;
		sleeper->wake = sleeper->release;
	}
	restless = sim_thread(attacker, other);
	restless->job_work = PAUSE / 4;
	restless->job_period = PAUSE / 2;
	sim_run(period);
	before = victim->served;
	begun = now;
	sim_run(rounds * period);
	victim->served -= before;
}

static void check_sleepers(u32 sleepers, u32 other, u32 rounds, u64 least)
{
	u64 kept;

	play_sleepers(sleepers, other, rounds);
	kept = victim->served * 1000 / (now - begun);
	if (kept < least)
		fail_msg("%u sleepers, a thread on CPU %u: the victim keeps %llu permille",
			 sleepers, other, (unsigned long long)kept);
}

static void test_sleepers_11(void **state)
{
	(void)state;
	check_sleepers(5, 10, 60, HALF_KEPT_PERMILLE);
	check_sleepers(250, 10, 8, HALF_KEPT_PERMILLE);
}

static void test_sleepers_16(void **state)
{
	(void)state;
	for (u32 other = 1; other < 16; other++)
		check_sleepers(40, other, 20, HALF_KEPT_PERMILLE);
}

/*
 * The attack is tried wherever the other CPU's queue lies: no two groups may share what is known of
 * a group.
 */
static void test_sleepers_250(void **state)
{
	static const u32 others[] = {1, 8, 10, 16, 20, 32, 64, 80, 128, 160, 200, 240, 249};

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(others); i++)
		check_sleepers(5, others[i], 10, HALF_KEPT_PERMILLE);
}

/*
 * Lets many threads of one group sleep together for a while and wake up together, each of which
 * wants two milliseconds. Beside them the victim is busy, a neighbour wants little, often and at
 * once, and another wakes up at the same instant as they, behind them.
 */
static void check_wave(u32 count, u64 pause)
{
	u64 period = 4 * count * MS + pause;
	struct run_group *attacker;
	struct sim_thread *light;
	struct sim_thread *last;
	u64 waited;

	sim_reset(1, START);
	victim = sim_thread(sim_group(256), 0);
	light = sim_thread(sim_group(256), 0);
	light->job_random = true;
	light->job_period = 3 * MS / 2;
	light->job_work = 20 * US;
	attacker = sim_group(256);
	for (u32 i = 0; i < count; i++) {
		struct sim_thread *thread = sim_thread(attacker, 0);

		thread->job_work = 2 * MS;
		thread->job_period = period;
	}
	last = sim_thread(sim_group(256), 0);
	last->job_work = 20 * US;
	last->job_period = period;
	sim_run(period - MS / 2); /* at first nobody is credited with anything */
	light->waited_max = last->waited_max = victim->waited_max = 0;
	sim_run(10 * period);
	waited = MAX(light->waited_max, last->waited_max);
	if (waited > LIGHT_WAITS || victim->waited_max > VICTIM_WAITS)
		fail_msg("%u wake together: the others wait for %llu and %llu us", count,
			 (unsigned long long)(waited / US),
			 (unsigned long long)(victim->waited_max / US));
	assert_true(victim->served * 1000 / (now - begun) >= HALF_KEPT_PERMILLE);
}

static void test_wave(void **state)
{
	(void)state;
	check_wave(1, 100 * MS);
	check_wave(10, MS);
	check_wave(235, MS);
	check_wave(235, 1000 * MS);
}

/*
 * Plays as many threads as are admitted, of `wanted`, each with the smallest reservation; `work` is
 * what each wants of each period. Returns what the victim is left with, without its own switches.
 */
static u64 play_reservations(u32 wanted, u64 work, u64 *reserved)
{
	struct run_group *attacker;

	sim_reset(1, START);
	switch_ticks = SWITCH_TICKS;
	victim = sim_thread(sim_group(256), 0);
	attacker = sim_group(256);
	for (u32 i = 0; i < wanted; i++) {
		struct sim_thread *thread = sim_thread(attacker, 0);

		if (work != ~0ull) {
			thread->job_work = work;
			thread->job_period = LEAST_PERIOD;
		}
		(void)sim_reserve(thread, LEAST_BUDGET + LEAST_ADDED, LEAST_PERIOD);
	}
	*reserved = cpus[0].queue.reserved / 1000000;
	sim_run(2000 * MS);
	return (victim->served - victim->switch_count * switch_ticks) * 1000 / (now - begun);
}

/*
 * Checks that reserved time is the attacker's, and that the victim gets half of the rest if it
 * wants that much.
 */
static void check_reservations(u32 wanted, u64 work)
{
	u64 reserved;
	u64 kept = play_reservations(wanted, work, &reserved);

	if (kept < (1000 - reserved) * HALF_RESERVED_PERMILLE / 1000)
		fail_msg("%u threads with %llu permille in all: the victim keeps %llu", wanted,
			 (unsigned long long)reserved, (unsigned long long)kept);
}

static void test_reservations_busy(void **state)
{
	(void)state;
	check_reservations(60, ~0ull);
	check_reservations(90, ~0ull);
}

static void test_reservations_short(void **state)
{
	(void)state;
	check_reservations(60, LEAST_BUDGET / 2);
	check_reservations(90, LEAST_BUDGET / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sleepers_11),	  cmocka_unit_test(test_sleepers_16),
		cmocka_unit_test(test_sleepers_250),	  cmocka_unit_test(test_wave),
		cmocka_unit_test(test_reservations_busy), cmocka_unit_test(test_reservations_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
