/* SPDX-License-Identifier: MIT */
/* What each group and thread gets of a CPU. */
#include "tests/unit/kernel/run_queue/run_queue_machine.h"

static void test_weights(void **state)
{
	struct run_group *light;
	struct run_group *heavy;

	(void)state;
	sim_reset(1, START);
	light = sim_group(256);
	heavy = sim_group(512);
	sim_thread(light, 0);
	sim_thread(heavy, 0);
	sim_run(10000 * MS);
	assert_near(group_served(light), 10000 * MS / 3, 10);
	assert_near(group_served(heavy), 10000 * MS * 2 / 3, 10);

	/* The weight changes while it runs. */
	light->weight = 1024;
	threads[0].served = threads[1].served = 0;
	sim_run(9000 * MS);
	assert_near(group_served(light), 6000 * MS, 10);
}

/* Many groups of any weight and any number of threads. */
static void test_weights_random(void **state)
{
	(void)state;
	for (u32 round = 0; round < 30; round++) {
		u32 count = 2 + (u32)random_below(12);
		u64 sum = 0;

		sim_reset(1, random_below(2) ? START : random_state);
		for (u32 i = 0; i < count; i++) {
			struct run_group *group = sim_group(128 + random_below(1000));

			sum += group->weight;
			for (u64 n = random_below(5) + 1; n > 0; n--)
				sim_thread(group, 0);
		}
		sim_run(200000 * MS);
		for (u32 i = 0; i < count; i++)
			assert_near(group_served(&groups[i]),
				    mul_div(200000 * MS, groups[i].weight, sum), 10);
		for (u32 i = 0; i < thread_count; i++)
			assert_near(threads[i].served,
				    group_served(threads[i].entity.group) /
					    threads[i].entity.group->runnable,
				    20);
	}
}

static void test_weight_extremes(void **state)
{
	struct run_group *light;
	struct run_group *heavy;

	(void)state;
	sim_reset(1, START);
	light = sim_group(1);
	heavy = sim_group(RUN_WEIGHT_MAX);
	for (u32 i = 0; i < 4; i++)
		sim_thread(light, 0);
	sim_thread(heavy, 0);
	sim_run(5000000 * MS);
	assert_near(group_served(light), 5000000 * MS / 65536, 300);
	for (u32 i = 0; i < 4; i++)
		assert_true(threads[i].served >= 3 * SLICE && threads[i].served <= 5 * SLICE);
}

/* Being charged every few ticks (a guest that exits all the time) gains nothing. */
static void test_small_charges(void **state)
{
	struct sim_thread *often;
	struct sim_thread *seldom;
	struct run_queue *queue = &cpus[0].queue;
	struct run_entity *running = NULL;

	(void)state;
	sim_reset(1, START);
	often = sim_thread(sim_group(RUN_WEIGHT_MAX), 0);
	seldom = sim_thread(sim_group(RUN_WEIGHT_MAX), 0);
	run_queue_add(queue, &often->entity, now);
	run_queue_add(queue, &seldom->entity, now);
	for (u32 round = 0; round < 2000000; round++) {
		struct sim_thread *thread = sim_of(run_queue_next(queue, running, now));
		u64 ran = thread == often ? 100 : 10000;

		now += ran;
		thread->served += ran;
		run_queue_charge(queue, &thread->entity, ran, now);
		running = &thread->entity;
	}
	assert_near(often->served, seldom->served, 2);
}

/* A sleeper is served at once, but takes no more than its share from busy threads. */
static void test_sleepers(void **state)
{
	struct run_group *busy;
	struct run_group *sleepy;
	struct sim_thread *sleeper;

	(void)state;
	sim_reset(1, START);
	busy = sim_group(256);
	sleepy = sim_group(256);
	sim_thread(busy, 0);
	sleeper = sim_thread(sleepy, 0);
	sleeper->job_period = 20 * MS;
	sleeper->job_work = 2 * MS;
	sim_run(20000 * MS);
	assert_near(group_served(sleepy), 2000 * MS, 10);
	assert_true(sleeper->waited_max <= SLICE);
	assert_int_equal(sleeper->late_count, 0);

	/* The thread wants 90 %, and gets half. */
	sim_reset(1, START);
	busy = sim_group(256);
	sleepy = sim_group(256);
	sim_thread(busy, 0);
	sleeper = sim_thread(sleepy, 0);
	sleeper->job_period = 20 * MS;
	sleeper->job_work = 18 * MS;
	sim_run(20000 * MS);
	assert_near(group_served(sleepy), 10000 * MS, 10);

	/*
	 * After any long sleep a thread gets its share: the others' virtual time passes the
	 * sleeper's by 2^63 and more, as it would with 4096 runnable threads in a group of weight
	 * 1.
	 */
	for (u32 count = 1; count < 600; count += 7) {
		sim_reset(1, START);
		busy = sim_group(1);
		sleepy = sim_group(1);
		sim_thread(busy, 0);
		sleeper = sim_thread(sleepy, 0);
		sleeper->job_period = BIT(62);
		sleeper->job_work = 2 * MS;
		sim_run(20 * MS);
		assert_true(sleeper->asleep);
		busy->runnable += 4095;
		for (u32 i = 0; i < count; i++) {
			now += CHARGED_TICKS_MAX;
			sim_charge(&cpus[0]);
		}
		busy->runnable -= 4095;
		sleeper->wake = now;
		sleeper->job_period = 0;
		sleeper->work = ~0ull;
		sim_run(0);
		threads[0].served = threads[1].served = 0;
		sim_run(2000 * MS);
		assert_near(sleeper->served, 1000 * MS, 10);
	}
}

/*
 * Threads of one group that wake up in turns get no more than the group's share, however briefly
 * they run: the share that one leaves unused while it sleeps goes to the others.
 */
static void test_taking_turns(void **state)
{
	static const u64 periods[] = {MS / 20, MS / 5, MS, 4 * MS, 20 * MS};

	(void)state;
	for (u32 round = 0; round < 5 * 2 * 2 * 3; round++) {
		u64 period = periods[round % 5];
		bool spins = round / 5 % 2; /* one thread more, which never sleeps */
		bool random = round / 10 % 2;
		u32 count = 1 + round / 20 * 3;
		struct run_group *one, *many;

		sim_reset(1, START);
		one = sim_group(256);
		many = sim_group(256);
		sim_thread(one, 0);
		for (u32 i = 0; i < count; i++) {
			struct sim_thread *thread = sim_thread(many, 0);

			thread->job_period = period;
			thread->job_work = period * (spins ? 60 : 110) / 100 / count;
			thread->job_work *= random ? 2 : 1;
			thread->job_random = random;
			thread->wake += i * period / count;
			thread->release = thread->wake;
		}
		if (spins)
			sim_thread(many, 0);
		sim_run(1000 * MS);
		assert_true(group_served(one) > 490 * MS);
		/* A thread that never sleeps keeps its group's share up. */
		assert_true(!spins || group_served(many) > 430 * MS);
	}
}

/* However long a thread was alone, it has neither gained nor lost by it afterwards. */
static void test_alone_for_long(void **state)
{
	for (u32 shift = 30; shift < 62; shift++) {
		sim_reset(1, START);
		sim_thread(sim_group(1), 0);
		sim_run(MS);
		groups[0].runnable = 4096;
		now += BIT(shift);
		sim_charge(&cpus[0]);
		groups[0].runnable = 1;
		sim_thread(sim_group(1), 0);
		threads[0].served = 0;
		sim_run(2000 * MS);
		assert_near(threads[0].served, 1000 * MS, 10);
	}
}

static void test_credit(void **state)
{
	const u64 weights[] = {1, 77, 256, 4096, RUN_WEIGHT_MAX};

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(weights); i++) {
		struct sim_thread *sleeper;
		u64 served;

		sim_reset(1, START);
		sim_thread(sim_group(weights[i]), 0);
		sleeper = sim_thread(sim_group(weights[i]), 0);
		sleeper->job_period = 1000000 * MS;
		sleeper->job_work = MS;
		sim_run(900000 * MS);
		served = sleeper->served;
		sleeper->wake = now;
		sleeper->job_period = 0;
		sleeper->work = ~0ull;
		sim_run(1000 * MS);
		assert_true(sleeper->served - served >= 500 * MS);
		assert_true(sleeper->served - served <= 500 * MS + SLICE / 2 + SLICE);
	}
}

static void test_no_starvation(void **state)
{
	(void)state;
	sim_reset(1, START);
	for (u32 i = 0; i < 50; i++)
		sim_thread(sim_group(256), 0);
	for (u32 i = 0; i < 200; i++) {
		struct sim_thread *thread = sim_thread(sim_group(256 - group_count), 0);

		group_count = 50 + group_count % 10;
		thread->entity.group = &groups[i % 50];
		thread->job_random = true;
		thread->job_period = 50 * MS;
		thread->job_work = 3 * MS;
	}
	pick_count = 0;
	sim_run(60000 * MS);
	for (u32 i = 0; i < thread_count; i++) {
		/* The wait is at most one round of all slices and a little more. */
		assert_true(threads[i].waited_max < 6 * 250 * SLICE);
		assert_true(threads[i].served > 0);
	}
	for (u32 i = 0; i < 50; i++)
		assert_near(group_served(&groups[i]), 60000 * MS / 50, 100);
	assert_true(pick_count > 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_weights),		cmocka_unit_test(test_weights_random),
		cmocka_unit_test(test_weight_extremes), cmocka_unit_test(test_small_charges),
		cmocka_unit_test(test_sleepers),	cmocka_unit_test(test_taking_turns),
		cmocka_unit_test(test_alone_for_long),	cmocka_unit_test(test_credit),
		cmocka_unit_test(test_no_starvation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
