/* SPDX-License-Identifier: MIT */
/*
 * The run queue's budgets: caps and reservations hold, alone and beside shares, and too much is
 * refused.
 */
#include "tests/unit/kernel/run_queue/run_queue_machine.h"

/* --- the arithmetic alone --- */

static void test_cap_arithmetic(void **state)
{
	struct budget_cap cap = {0};

	(void)state;
	now = 0ull - 150;
	budget_cap_run(&cap, 1, now);
	assert_int_equal(budget_cap_left(&cap, now), ~0ull);
	budget_cap_set(&cap, 50, 100, now);
	assert_int_equal(budget_cap_left(&cap, now + 10), 40);
	budget_cap_run(&cap, 2, now + 20);
	/* Three share the 30 that are left; another CPU's clock may be behind. */
	assert_int_equal(budget_cap_left(&cap, now + 20), 10);
	assert_int_equal(budget_cap_left(&cap, now + 15), 10);
	assert_int_equal(budget_cap_left(&cap, now + 29), 1);
	assert_int_equal(budget_cap_left(&cap, now + 30), 0);
	assert_int_equal(cap.period_end, now + 100);
	/* Over by 3 * 30 until 60, and by one thread until 100: a debt of 130, then 10 more. */
	budget_cap_run(&cap, -2, now + 60);
	assert_int_equal(budget_cap_left(&cap, now + 99), 0);
	budget_cap_run(&cap, -1, now + 110);
	assert_int_equal(cap.spent, 140);
	assert_int_equal(budget_cap_left(&cap, now + 299), 0);
	assert_int_equal(budget_cap_left(&cap, now + 399), 10);
	assert_int_equal(budget_cap_left(&cap, now + 400), 50);
	/* Unspent time is not saved, however many periods pass unnoticed. */
	assert_int_equal(budget_cap_left(&cap, now + 1050), 50);
	assert_int_equal(budget_cap_left(&cap, now + BIT(60)), 50);
	assert_int_equal(cap.period_end, now + BIT(60) + 100);
}

static void test_reservation_arithmetic(void **state)
{
	struct budget_reservation r = {.budget = 20, .period = 100};

	(void)state;
	now = 0ull - 150;
	r.deadline = now;
	budget_reservation_wake(&r, now);
	assert_int_equal(r.deadline, now + 100);
	assert_int_equal(budget_reservation_charge(&r, 15, now + 15), 0);
	assert_int_equal(r.remaining, 5);
	/* 5 left in 25 is its share, 5 in 24 is more. */
	budget_reservation_wake(&r, now + 75);
	assert_int_equal(r.remaining, 5);
	budget_reservation_wake(&r, now + 76);
	assert_int_equal(r.remaining, 20);
	assert_int_equal(r.deadline, now + 176);
	assert_int_equal(budget_reservation_charge(&r, 24, now + 100), 4);
	assert_int_equal(r.remaining, 0);
	/* The thread ran past its deadline: the time after that is charged to the next budget. */
	assert_int_equal(budget_reservation_charge(&r, 80, now + 180), 76);
	assert_int_equal(r.remaining, 16);
	assert_int_equal(r.deadline, now + 276);
	assert_int_equal(r.missed_count, 0);
	/*
	 * The thread got only 10 of 16 by the deadline, a miss; the 10 after it are the next
	 * budget's.
	 */
	assert_int_equal(budget_reservation_charge(&r, 20, now + 286), 0);
	assert_int_equal(r.missed_count, 1);
	assert_int_equal(r.remaining, 10);
	/* The thread was alone for many periods: 5 of the last one are spent. */
	assert_int_equal(budget_reservation_charge(&r, 9000 - 5, now + 286 + 8995), 8995 - 10 - 5);
	assert_int_equal(r.remaining, 15);
	assert_int_equal(r.deadline, now + 9376);
}

/* --- cap --- */

static void test_cap(void **state)
{
	const u64 percents[] = {1, 5, 25, 40, 60, 99};

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(percents); i++) {
		for (u32 neighbours = 0; neighbours < 2; neighbours++) {
			struct run_group *group;
			u64 expected = percents[i];

			if (neighbours != 0 && expected > 50)
				continue;
			sim_reset(1, START);
			latency_max = MS / 20;
			group = sim_group(256);
			run_group_set_cap(group, percents[i], CAP_PERIOD, now);
			for (u32 n = 0; n < 3; n++)
				sim_thread(group, 0);
			for (u32 n = 0; n < neighbours; n++)
				sim_thread(sim_group(256), 0);
			sim_run(10000 * MS);
			assert_near(group_served(group), 100 * MS * expected, 10);
			for (u32 n = 0; n < 3; n++)
				assert_near(threads[n].served, 100 * MS * expected / 3, 150);
			if (neighbours != 0)
				assert_int_equal(cpus[0].busy, 10000 * MS);
		}
	}
}

static void test_cap_many_cpus(void **state)
{
	const u64 percents[] = {10, 25, 150, 250, 390};

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(percents); i++) {
		struct run_group *group;
		u64 before = 0;

		sim_reset(4, START);
		latency_max = MS / 20;
		group = sim_group(256);
		run_group_set_cap(group, percents[i], CAP_PERIOD, now);
		for (u32 n = 0; n < 6; n++)
			sim_thread(group, n % 4);
		/* A rival on each CPU lets the group get the same share of each. */
		sim_thread(sim_group(1), 2);
		for (u32 period = 0; period < 100; period++) {
			sim_run(CAP_PERIOD);
			/* Each single period is close to the cap, too. */
			assert_near(group_served(group) - before, MS * percents[i], 40);
			before = group_served(group);
		}
		assert_near(group_served(group), 100 * MS * percents[i], 10);
	}
}

static void test_cap_lifted(void **state)
{
	struct run_group *group;
	struct sim_thread *late;
	u64 event;

	(void)state;
	sim_reset(1, START);
	group = sim_group(256);
	sim_thread(group, 0);
	late = sim_thread(group, 0);
	late->wake = now + BIT(62);
	run_group_set_cap(group, 25, CAP_PERIOD, now);
	sim_run(50 * MS);
	assert_null(cpus[0].running);
	/* An idle CPU with a parked entity waits for the end of the period. */
	event = now + run_queue_next_event(&cpus[0].queue, NULL, now);
	assert_int_equal(event, begun + CAP_PERIOD);
	/* Another thread of the group that wakes up has no time to run either. */
	run_queue_add(&cpus[0].queue, &late->entity, now);
	assert_false(run_queue_preempts(&cpus[0].queue, NULL, &late->entity));
	assert_null(run_queue_next(&cpus[0].queue, NULL, now));
	run_queue_remove(&cpus[0].queue, &late->entity, now);
	run_group_set_cap(group, 0, CAP_PERIOD, now);
	sim_run(950 * MS);
	assert_near(threads[0].served, 925 * MS, 1);
	assert_true(run_queue_next_event(&cpus[0].queue, &threads[0].entity, now) == ~0ull);

	/* A cap above what the group can use never stops it, however long it runs. */
	sim_reset(1, START);
	group = sim_group(256);
	sim_thread(group, 0);
	run_group_set_cap(group, 400, CAP_PERIOD, now);
	pick_count = 0;
	sim_run(100000 * MS);
	assert_int_equal(threads[0].served, 100000 * MS);
	assert_true(pick_count < 400);
}

/* Entities gain no precedence while they are parked. */
static void test_cap_burst(void **state)
{
	struct run_group *group;
	struct sim_thread *neighbour;

	(void)state;
	sim_reset(1, START);
	group = sim_group(256);
	run_group_set_cap(group, 20, CAP_PERIOD, now);
	sim_thread(group, 0);
	neighbour = sim_thread(sim_group(256), 0);
	sim_run(100000 * MS);
	assert_true(neighbour->waited_max <= 2 * SLICE);
	assert_near(group_served(group), 20000 * MS, 10);
}

/* --- reservation --- */

static void assert_reservations_kept(void)
{
	for (u32 i = 0; i < thread_count; i++) {
		assert_int_equal(threads[i].entity.reservation.missed_count, 0);
		assert_int_equal(threads[i].window_missed, 0);
	}
}

static void test_reservation_busy(void **state)
{
	for (u32 neighbours = 0; neighbours <= 200; neighbours = neighbours * 3 + 1) {
		struct sim_thread *thread;

		(void)state;
		sim_reset(1, START);
		thread = sim_thread(sim_group(1), 0);
		assert_true(sim_reserve(thread, 2 * MS, 10 * MS));
		for (u32 n = 0; n < neighbours; n++)
			sim_thread(n % 8 == 0 ? sim_group(1 + random_below(5000))
					      : &groups[random_below(group_count)],
				   0);
		for (u32 n = 1; n < thread_count; n++) {
			if (n % 3 != 0)
				continue;
			threads[n].job_random = true;
			threads[n].job_period = 30 * MS;
			threads[n].job_work = 4 * MS;
		}
		sim_run(10000 * MS);
		assert_reservations_kept();
		assert_true(thread->served >= 2000 * MS);
		assert_int_equal(cpus[0].busy, 10000 * MS);
	}
}

/* Reservations come first, the rest is shared by weight. */
static void test_reservation_and_share(void **state)
{
	struct sim_thread *thread;

	(void)state;
	sim_reset(1, START);
	thread = sim_thread(sim_group(256), 0);
	assert_true(sim_reserve(thread, 2 * MS, 10 * MS));
	sim_thread(sim_group(256), 0);
	sim_run(10000 * MS);
	assert_near(thread->served, 6000 * MS, 10);
	assert_near(threads[1].served, 4000 * MS, 10);
	assert_reservations_kept();

	/* The reservation is given up. */
	assert_true(sim_reserve(thread, 0, 0));
	thread->served = threads[1].served = 0;
	sim_run(10000 * MS);
	assert_near(thread->served, 5000 * MS, 10);
}

/*
 * With reservations up to the limit, of any periods, busy threads get each period's budget, and
 * jobs are in time.
 */
static void test_reservation_full(void **state)
{
	(void)state;
	for (u32 round = 0; round < 60; round++) {
		struct run_queue *queue = &cpus[0].queue;
		u64 available;

		sim_reset(1, START);
		for (u32 i = 0; i < 40; i++) {
			struct sim_thread *thread = sim_thread(sim_group(1 + random_below(999)), 0);
			u64 period = MS + random_below(100 * MS);
			u64 budget = 1 + random_below(period / (1 + random_below(10)));

			if (!run_queue_admit(queue->reserved, budget, period, &available) &&
			    available != 0)
				budget = period / 1000 * available;
			if (budget == 0 ||
			    !run_queue_admit(queue->reserved, budget, period, &available)) {
				if (i % 2 != 0)
					continue;
			} else {
				assert_true(sim_reserve(thread, budget, period));
			}
			if (random_below(2) == 0)
				continue;
			thread->job_period = period;
			thread->job_work = budget;
			thread->job_random =
				thread->entity.reservation.budget == 0 || random_below(3) == 0;
		}
		assert_true(queue->reserved > 900000000);
		assert_true(queue->reserved <= 950000000);
		sim_run(3000 * MS);
		assert_reservations_kept();
		for (u32 i = 0; i < thread_count; i++) {
			if (threads[i].entity.reservation.budget != 0 && !threads[i].job_random)
				assert_int_equal(threads[i].late_count, 0);
		}
	}
}

/* If timers are late, the unreserved 5 % of the CPU are the margin. */
static void test_reservation_latency(void **state)
{
	(void)state;
	sim_reset(1, START);
	latency_max = MS / 50;
	for (u32 i = 0; i < 4; i++) {
		struct sim_thread *thread = sim_thread(sim_group(256), 0);

		assert_true(sim_reserve(thread, 2 * MS, 10 * MS));
		sim_thread(thread->entity.group, 0);
	}
	sim_run(20000 * MS);
	for (u32 i = 0; i < thread_count; i++)
		assert_int_equal(threads[i].entity.reservation.missed_count, 0);
}

/* Time that a thread ran while it was alone does not count against it later. */
static void test_reservation_alone(void **state)
{
	(void)state;
	for (u32 round = 0; round < 200; round++) {
		struct sim_thread *thread;

		sim_reset(1, START);
		thread = sim_thread(sim_group(256), 0);
		assert_true(sim_reserve(thread, 2 * MS, 10 * MS));
		sim_run(1);
		assert_true(run_queue_next_event(&cpus[0].queue, &thread->entity, now) == ~0ull);
		now += random_below(BIT(40));
		for (u32 i = 0; i < 20; i++)
			sim_thread(sim_group(60000), 0);
		sim_run(500 * MS);
		assert_int_equal(thread->window_missed, 0);
		assert_int_equal(thread->entity.reservation.missed_count, 0);
	}
}

/* A sleeper cannot have more than its share by waking up at the right moment. */
static void test_reservation_sleeper_takes_no_more(void **state)
{
	struct sim_thread *thread;
	u64 begin;

	(void)state;
	sim_reset(1, START);
	thread = sim_thread(sim_group(1), 0);
	assert_true(sim_reserve(thread, 2 * MS, 10 * MS));
	thread->job_random = true;
	thread->job_work = 3 * MS;
	thread->job_period = 6 * MS;
	for (u32 i = 0; i < 20; i++)
		sim_thread(sim_group(60000), 0);
	sim_run(MS);
	begin = thread->served;
	sim_run(20000 * MS);
	assert_true(thread->served - begin < 20000 * MS / 5 * 102 / 100);
	assert_int_equal(thread->entity.reservation.missed_count, 0);
}

/* Reserved time counts towards the group's cap, but a spent cap stops only the other threads. */
static void test_reservation_in_capped_group(void **state)
{
	struct run_group *group;
	struct sim_thread *thread;

	(void)state;
	sim_reset(2, START);
	group = sim_group(256);
	run_group_set_cap(group, 25, CAP_PERIOD, now);
	thread = sim_thread(group, 0);
	assert_true(sim_reserve(thread, 2 * MS, 10 * MS));
	for (u32 i = 0; i < 6; i++)
		sim_thread(group, i % 2);
	sim_thread(sim_group(256), 0);
	sim_run(10000 * MS);
	assert_reservations_kept();
	assert_near(group_served(group), 2500 * MS, 10);
	assert_near(thread->served, 2000 * MS, 60);
}

/* The scheduler counts missed deadlines: here the CPU was away. */
static void test_reservation_missed(void **state)
{
	struct sim_thread *thread;

	(void)state;
	sim_reset(1, START);
	sim_thread(sim_group(256), 0);
	thread = sim_thread(sim_group(256), 0);
	assert_true(sim_reserve(thread, 2 * MS, 10 * MS));
	sim_run(10 * MS);
	run_queue_set_running(&cpus[0].running->entity, false, now);
	run_queue_enqueue(&cpus[0].queue, &cpus[0].running->entity, now);
	cpus[0].running = NULL;
	assert_int_equal(thread->entity.reservation.missed_count, 0);
	now += 12 * MS;
	assert_ptr_equal(run_queue_next(&cpus[0].queue, NULL, now), &thread->entity);
	assert_int_equal(thread->entity.reservation.missed_count, 1);
	assert_int_equal(thread->entity.reservation.deadline, now + 8 * MS);
}

static void test_admission(void **state)
{
	struct run_queue *queue = &cpus[0].queue;
	struct sim_thread *thread[20];
	u64 available;

	(void)state;
	sim_reset(2, START);
	assert_true(run_queue_admit(queue->reserved, 0, 0, &available));
	assert_int_equal(available, 950);
	assert_false(run_queue_admit(queue->reserved, 11 * MS, 10 * MS, &available));
	assert_false(run_queue_admit(queue->reserved, 951, 1000, &available));
	assert_false(run_queue_admit(queue->reserved, 1, 0, &available));
	assert_true(run_queue_admit(queue->reserved, 950, 1000, &available));
	assert_false(run_queue_admit(queue->reserved, ~0ull, ~0ull, &available));
	assert_false(run_queue_admit(queue->reserved, ~0ull, 1, &available));
	for (u32 i = 0; i < 20; i++)
		thread[i] = sim_thread(sim_group(256), 0);
	for (u32 i = 0; i < 19; i++) {
		assert_true(sim_reserve(thread[i], 50 * MS / 7, 1000 * MS / 7));
		assert_true(run_queue_admit(queue->reserved, 0, 0, &available));
		assert_in_range(available, 950 - 50 * (i + 1), 950 - 50 * (i + 1) + 1);
	}
	assert_false(sim_reserve(thread[19], MS / 100, 10 * MS));
	assert_int_equal(thread[19]->entity.reservation.budget, 0);

	/* A change does not count the thread's old reservation; a refusal keeps it. */
	assert_true(sim_reserve(thread[3], 4 * MS, 100 * MS));
	assert_false(sim_reserve(thread[3], 6 * MS, 100 * MS));
	assert_int_equal(thread[3]->entity.reservation.budget, 4 * MS);
	assert_true(sim_reserve(thread[19], 1 * MS, 100 * MS));

	/* Asleep or running, the reservation counts until the thread leaves. */
	sim_run(300 * MS);
	available = queue->reserved;
	sim_charge(&cpus[0]);
	if (cpus[0].running == thread[5])
		cpus[0].running = NULL;
	run_queue_detach(queue, &thread[5]->entity, now);
	assert_near(available - queue->reserved, 50000000, 1);
	run_queue_add(&cpus[1].queue, &thread[5]->entity, now);
	assert_near(cpus[1].queue.reserved, 50000000, 1);
	for (u32 i = 0; i < 20; i++) {
		struct run_queue *home = thread[i]->entity.queue;

		if (cpus[0].running == thread[i])
			cpus[0].running = NULL;
		run_queue_remove(home, &thread[i]->entity, now);
		assert_true(run_queue_reserve(home, &thread[i]->entity, 0, 0, now, &available));
	}
	assert_int_equal(cpus[0].queue.reserved, 0);
	assert_int_equal(cpus[1].queue.reserved, 0);
	assert_int_equal(queue->load, 0);
	assert_int_equal(queue->count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cap_arithmetic),
		cmocka_unit_test(test_reservation_arithmetic),
		cmocka_unit_test(test_cap),
		cmocka_unit_test(test_cap_many_cpus),
		cmocka_unit_test(test_cap_lifted),
		cmocka_unit_test(test_cap_burst),
		cmocka_unit_test(test_reservation_busy),
		cmocka_unit_test(test_reservation_and_share),
		cmocka_unit_test(test_reservation_full),
		cmocka_unit_test(test_reservation_latency),
		cmocka_unit_test(test_reservation_alone),
		cmocka_unit_test(test_reservation_sleeper_takes_no_more),
		cmocka_unit_test(test_reservation_in_capped_group),
		cmocka_unit_test(test_reservation_missed),
		cmocka_unit_test(test_admission),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
