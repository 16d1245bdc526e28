/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/budget.c"
#include "kernel/heap.c"
#include "kernel/run_queue.c"

#define MS 2400000ull /* ticks: 2.4 GHz */
#define SLICE (5 * MS)
#define CAP_PERIOD (100 * MS)
#define CPU_MAX 4
#define THREAD_MAX 1100
#define GROUP_MAX 64
/* Starts before the wrap of 64 bits, which is passed within the first half second. */
#define START (0ull - 500 * MS)

static u64 random_state = 0x9e3779b97f4a7c15ull;

static u64 random_below(u64 limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return limit == 0 ? 0 : (random_state >> 11) % limit;
}

/* --- a machine that runs threads by the queue's word --- */

struct sim_thread {
	struct run_entity entity;
	u32 cpu;
	u64 served;
	bool asleep;
	u64 wake;        /* when asleep */
	u64 work;        /* left before it sleeps; ~0: busy for ever */
	u64 job_work;    /* of each job, and the time from release to release */
	u64 job_period;
	bool job_random; /* sleeps and works at random up to these */
	u64 release;
	u64 late_count;  /* jobs that took longer than their period */
	u64 job_count;
	u64 ready_since; /* when it last began to wait */
	u64 waited_max;
	/* A reserved thread that is always busy: what it got in the period that runs. */
	u64 window_start;
	u64 window_served;
	u64 window_missed;
};

static struct sim_cpu {
	struct run_queue queue;
	struct sim_thread *running;
	u64 charged;
	u64 busy;
	u64 virtual_time;
} cpus[CPU_MAX];

static struct sim_thread threads[THREAD_MAX];
static struct run_group groups[GROUP_MAX];
static u32 cpu_count;
static u32 thread_count;
static u32 group_count;
static u64 now;
static u64 begun;
static u64 pick_count;
static u64 latency_max; /* of each timer interrupt */

static void sim_reset(u32 count, u64 start)
{
	memset(threads, 0, sizeof(threads));
	memset(cpus, 0, sizeof(cpus));
	cpu_count = count;
	thread_count = 0;
	group_count = 0;
	latency_max = 0;
	now = start;
	begun = start;
	for (u32 i = 0; i < count; i++)
		run_queue_init(&cpus[i].queue, SLICE);
}

static struct run_group *sim_group(u64 weight)
{
	struct run_group *group = &groups[group_count++];

	run_group_init(group, weight);
	return group;
}

static struct sim_thread *sim_thread(struct run_group *group, u32 cpu)
{
	struct sim_thread *thread = &threads[thread_count++];

	assert_true(thread_count <= THREAD_MAX);
	thread->entity.group = group;
	thread->cpu = cpu;
	thread->work = ~0ull;
	thread->asleep = true;
	thread->wake = now;
	thread->release = now;
	thread->window_start = now;
	return thread;
}

static struct sim_thread *sim_of(struct run_entity *entity)
{
	return entity == NULL ? NULL : CONTAINER_OF(entity, struct sim_thread, entity);
}

static bool sim_reserve(struct sim_thread *thread, u64 budget, u64 period)
{
	u64 available;

	thread->window_start = now;
	thread->window_served = 0;
	return run_queue_reserve(&cpus[thread->cpu].queue, &thread->entity, budget, period, now,
				 &available);
}

/* Periods of a thread that is always busy are counted from the moment it got its reservation. */
static void window_count(struct sim_thread *thread, u64 ran)
{
	const struct budget_reservation *reservation = &thread->entity.reservation;

	if (reservation->budget == 0 || thread->work != ~0ull)
		return;
	while (!tick_before(now, thread->window_start + reservation->period)) {
		u64 late = MIN(now - thread->window_start - reservation->period, ran);

		thread->window_served += ran - late;
		ran = late;
		if (thread->window_served < reservation->budget)
			thread->window_missed++;
		thread->window_served = 0;
		thread->window_start += reservation->period;
	}
	thread->window_served += ran;
}

static bool sim_charge(struct sim_cpu *cpu)
{
	struct sim_thread *thread = cpu->running;
	u64 ran = now - cpu->charged;
	bool stop;

	cpu->charged = now;
	if (thread == NULL)
		return false;
	thread->served += ran;
	cpu->busy += ran;
	window_count(thread, ran);
	if (thread->work != ~0ull)
		thread->work -= ran;
	stop = run_queue_charge(&cpu->queue, &thread->entity, ran, now);
	assert_false(tick_before(cpu->queue.virtual_time, cpu->virtual_time));
	cpu->virtual_time = cpu->queue.virtual_time;
	return stop;
}

static void sim_pick(struct sim_cpu *cpu)
{
	if (cpu->running != NULL) {
		cpu->running->ready_since = now;
		run_queue_put_back(&cpu->queue, &cpu->running->entity, now);
	}
	cpu->running = sim_of(run_queue_pick(&cpu->queue, now));
	cpu->charged = now;
	pick_count++;
	/* Work-conserving: nobody runs only when nobody may. */
	if (cpu->running == NULL) {
		assert_null(cpu->queue.fair.first);
		assert_null(cpu->queue.deadline.first);
		return;
	}
	window_count(cpu->running, 0);
	cpu->running->waited_max =
		MAX(cpu->running->waited_max, now - cpu->running->ready_since);
}

static void sim_sleep(struct sim_cpu *cpu)
{
	struct sim_thread *thread = cpu->running;

	run_queue_remove(&cpu->queue, &thread->entity, now);
	cpu->running = NULL;
	thread->asleep = true;
	thread->job_count++;
	if (tick_before(thread->release + thread->job_period, now))
		thread->late_count++;
	if (thread->job_random)
		thread->release = now + random_below(thread->job_period);
	else
		thread->release += thread->job_period;
	thread->wake = tick_before(thread->release, now) ? now : thread->release;
}

static void sim_wake(struct sim_thread *thread)
{
	struct sim_cpu *cpu = &cpus[thread->cpu];

	thread->asleep = false;
	thread->ready_since = now;
	if (thread->job_period != 0)
		thread->work =
			thread->job_random ? 1 + random_below(thread->job_work) : thread->job_work;
	run_queue_add(&cpu->queue, &thread->entity, now);
	if (cpu->running == NULL ||
	    sim_charge(cpu) ||
	    run_queue_preempts(&cpu->queue, &cpu->running->entity, &thread->entity))
		sim_pick(cpu);
}

/* The earliest of the two, when both are at or after now. */
static u64 sooner(u64 a, u64 b)
{
	return a - now < b - now ? a : b;
}

/* Whether anything is due on the CPU now; else *next may become earlier. */
static bool cpu_due(struct sim_cpu *cpu, u64 *next)
{
	struct sim_thread *thread = cpu->running;
	u64 event;

	if (thread != NULL && thread->work != ~0ull) {
		if (thread->work == now - cpu->charged)
			return true;
		*next = sooner(*next, cpu->charged + thread->work);
	}
	if (!run_queue_next_event(&cpu->queue, thread == NULL ? NULL : &thread->entity,
				  thread == NULL ? now : cpu->charged, &event))
		return false;
	if (!tick_before(now, event))
		return true;
	*next = sooner(*next, event + random_below(latency_max + 1));
	return false;
}

static void sim_run(u64 ticks)
{
	u64 end = now + ticks;

	for (;;) {
		u64 next = end;
		bool due = false;

		for (u32 i = 0; i < thread_count; i++) {
			if (!threads[i].asleep)
				continue;
			if (threads[i].wake == now)
				sim_wake(&threads[i]);
			else
				next = sooner(next, threads[i].wake);
		}
		for (u32 i = 0; i < cpu_count; i++) {
			if (!cpu_due(&cpus[i], &next))
				continue;
			due = true;
			sim_charge(&cpus[i]);
			if (cpus[i].running != NULL && cpus[i].running->work == 0)
				sim_sleep(&cpus[i]);
			sim_pick(&cpus[i]);
		}
		if (due)
			continue;
		if (now == end)
			break;
		now = next;
	}
	for (u32 i = 0; i < cpu_count; i++)
		sim_charge(&cpus[i]);
}

static u64 group_served(const struct run_group *group)
{
	u64 sum = 0;

	for (u32 i = 0; i < thread_count; i++)
		sum += threads[i].entity.group == group ? threads[i].served : 0;
	return sum;
}

static void assert_near(u64 value, u64 expected, u64 permille)
{
	u64 margin = expected * permille / 1000;

	if (value < expected - margin || value > expected + margin)
		fail_msg("%llu is not within %llu permille of %llu", (unsigned long long)value,
			 (unsigned long long)permille, (unsigned long long)expected);
}

/* --- heap --- */

static u64 heap_check(const struct heap *heap, const struct heap_node *node)
{
	u64 left;
	u64 right;

	if (node == NULL)
		return 0;
	assert_ptr_equal(node->heap, heap);
	left = heap_check(heap, node->left);
	right = heap_check(heap, node->right);
	assert_true(rank(node->left) >= rank(node->right));
	assert_int_equal(node->rank, rank(node->right) + 1);
	for (u32 i = 0; i < 2; i++) {
		const struct heap_node *child = i == 0 ? node->left : node->right;

		if (child == NULL)
			continue;
		assert_ptr_equal(child->parent, node);
		assert_false(tick_before(child->key, node->key));
	}
	return left + right + 1;
}

static void test_heap(void **state)
{
	static struct heap_node nodes[500];
	struct heap heap = {NULL};
	u64 count = 0;

	(void)state;
	for (u32 round = 0; round < 200000; round++) {
		struct heap_node *node = &nodes[random_below(ARRAY_COUNT(nodes))];
		u64 seen = 0;

		if (node->heap == NULL) {
			heap_insert(&heap, node, random_below(2000) - 1000);
			count++;
		} else {
			heap_remove(random_below(3) == 0 ? heap.first : node);
			count--;
		}
		if (round % 97 != 0)
			continue;
		assert_int_equal(heap_check(&heap, heap.first), count);
		for (const struct heap_node *n = heap.first; n != NULL; n = heap_next(n))
			seen++;
		assert_int_equal(seen, count);
	}
	for (u64 last = 0ull - 1000; count != 0; count--) {
		struct heap_node *node = heap.first;

		assert_false(tick_before(node->key, last));
		last = node->key;
		heap_remove(node);
		heap_remove(node);
	}
	assert_null(heap.first);
}

/* --- share --- */

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

	/* Changed while it runs. */
	run_group_set_weight(light, 1024);
	threads[0].served = threads[1].served = 0;
	sim_run(9000 * MS);
	assert_near(group_served(light), 6000 * MS, 10);
}

/* Many groups of any weight and any number of threads, some of them only now and then awake. */
static void test_weights_random(void **state)
{
	(void)state;
	for (u32 round = 0; round < 30; round++) {
		u32 count = 2 + (u32)random_below(12);
		u64 sum = 0;

		sim_reset(1, random_below(2) ? START : random_state);
		for (u32 i = 0; i < count; i++) {
			struct run_group *group = sim_group(64 + random_below(1000));

			sum += group->weight;
			for (u64 n = random_below(5) + 1; n > 0; n--)
				sim_thread(group, 0);
		}
		sim_run(100000 * MS);
		for (u32 i = 0; i < count; i++)
			assert_near(group_served(&groups[i]),
				    mul_div(100000 * MS, groups[i].weight, sum), 10);
		for (u32 i = 0; i < thread_count; i++)
			assert_near(threads[i].served, group_served(threads[i].entity.group) /
							       threads[i].entity.group->runnable, 20);
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

/* Being charged every few ticks (a guest that exits all the time) earns nothing. */
static void test_small_charges(void **state)
{
	struct sim_thread *often;
	struct sim_thread *seldom;
	struct run_queue *queue = &cpus[0].queue;

	(void)state;
	sim_reset(1, START);
	often = sim_thread(sim_group(RUN_WEIGHT_MAX), 0);
	seldom = sim_thread(sim_group(RUN_WEIGHT_MAX), 0);
	run_queue_add(queue, &often->entity, now);
	run_queue_add(queue, &seldom->entity, now);
	for (u32 round = 0; round < 2000000; round++) {
		struct sim_thread *thread = sim_of(run_queue_pick(queue, now));
		u64 ran = thread == often ? 100 : 10000;

		now += ran;
		thread->served += ran;
		run_queue_charge(queue, &thread->entity, ran, now);
		run_queue_put_back(queue, &thread->entity, now);
	}
	assert_near(often->served, seldom->served, 2);
}

/* A sleeper is served at once, but takes no more than its share from those who work. */
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

	/* It would take 90 %, and gets half. */
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
	 * After any long sleep, too: the others' virtual time passes the sleeper's by 2^63 and more,
	 * as it would with 4096 runnable threads in a group of weight 1.
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
		/* One round of everybody's slices and little more. */
		assert_true(threads[i].waited_max < 6 * 250 * SLICE);
		assert_true(threads[i].served > 0);
	}
	for (u32 i = 0; i < 50; i++)
		assert_near(group_served(&groups[i]), 60000 * MS / 50, 100);
	assert_true(pick_count > 10000);
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
		/* The group has the same share of each CPU. */
		sim_thread(sim_group(1), 2);
		for (u32 period = 0; period < 100; period++) {
			sim_run(CAP_PERIOD);
			/* No period is far off either. */
			assert_near(group_served(group) - before, MS * percents[i], 40);
			before = group_served(group);
		}
		assert_near(group_served(group), 100 * MS * percents[i], 10);
	}
}

static void test_cap_lifted(void **state)
{
	struct run_group *group;
	u64 event;

	(void)state;
	sim_reset(1, START);
	group = sim_group(256);
	sim_thread(group, 0);
	run_group_set_cap(group, 25, CAP_PERIOD, now);
	sim_run(50 * MS);
	assert_null(cpus[0].running);
	/* An idle CPU with a parked entity waits for the end of the period. */
	assert_true(run_queue_next_event(&cpus[0].queue, NULL, now, &event));
	assert_int_equal(event, begun + CAP_PERIOD);
	run_group_set_cap(group, 0, CAP_PERIOD, now);
	sim_run(950 * MS);
	assert_near(threads[0].served, 925 * MS, 1);
	assert_false(run_queue_next_event(&cpus[0].queue, &threads[0].entity, now, &event));

	/* More than it can use: never stopped, however long it is left alone. */
	sim_reset(1, START);
	group = sim_group(256);
	sim_thread(group, 0);
	run_group_set_cap(group, 400, CAP_PERIOD, now);
	pick_count = 0;
	sim_run(100000 * MS);
	assert_int_equal(threads[0].served, 100000 * MS);
	assert_true(pick_count < 400);
}

/* Unparked entities have not saved up a right to be first. */
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
					      : &groups[random_below(group_count)], 0);
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

	/* Given up. */
	assert_true(sim_reserve(thread, 0, 0));
	thread->served = threads[1].served = 0;
	sim_run(10000 * MS);
	assert_near(thread->served, 5000 * MS, 10);
}

/* Up to the limit, any periods: busy ones get their budget in every period, jobs are in time. */
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

			if (!run_queue_admit(queue, budget, period, &available) && available != 0)
				budget = period / 1000 * available;
			if (budget == 0 || !run_queue_admit(queue, budget, period, &available)) {
				if (i % 2 != 0)
					continue;
			} else {
				assert_true(sim_reserve(thread, budget, period));
			}
			if (random_below(2) == 0)
				continue;
			thread->job_period = period;
			thread->job_work = budget;
			thread->job_random = thread->entity.reservation.budget == 0 ||
					     random_below(3) == 0;
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

/* With timers that come late the rest of the CPU, 5 %, is the margin. */
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

/* Alone for long, then not: what it ran before does not count against it. */
static void test_reservation_alone(void **state)
{
	(void)state;
	for (u32 round = 0; round < 200; round++) {
		struct sim_thread *thread;
		u64 event;

		sim_reset(1, START);
		thread = sim_thread(sim_group(256), 0);
		assert_true(sim_reserve(thread, 2 * MS, 10 * MS));
		sim_run(1);
		assert_false(run_queue_next_event(&cpus[0].queue, &thread->entity, now, &event));
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

/* A cap stops the group's other threads, not what one of them has reserved; it holds for both. */
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

static void test_admission(void **state)
{
	struct run_queue *queue = &cpus[0].queue;
	struct sim_thread *thread[20];
	u64 available;

	(void)state;
	sim_reset(2, START);
	assert_true(run_queue_admit(queue, 0, 0, &available));
	assert_int_equal(available, 950);
	assert_false(run_queue_admit(queue, 11 * MS, 10 * MS, &available));
	assert_false(run_queue_admit(queue, 951, 1000, &available));
	assert_true(run_queue_admit(queue, 950, 1000, &available));
	assert_false(run_queue_admit(queue, ~0ull, ~0ull, &available));
	assert_false(run_queue_admit(queue, ~0ull, 1, &available));
	for (u32 i = 0; i < 20; i++)
		thread[i] = sim_thread(sim_group(256), 0);
	for (u32 i = 0; i < 19; i++) {
		assert_true(sim_reserve(thread[i], 50 * MS / 7, 1000 * MS / 7));
		assert_true(run_queue_admit(queue, 0, 0, &available));
		assert_in_range(available, 950 - 50 * (i + 1), 950 - 50 * (i + 1) + 1);
	}
	assert_false(sim_reserve(thread[19], MS / 100, 10 * MS));
	assert_int_equal(thread[19]->entity.reservation.budget, 0);

	/* Its own is not counted when it changes; a refusal leaves the old one. */
	assert_true(sim_reserve(thread[3], 4 * MS, 100 * MS));
	assert_false(sim_reserve(thread[3], 6 * MS, 100 * MS));
	assert_int_equal(thread[3]->entity.reservation.budget, 4 * MS);
	assert_true(sim_reserve(thread[19], 1 * MS, 100 * MS));

	/* Asleep or running, it counts until it leaves. */
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

/* --- the rest of the interface --- */

static void test_events(void **state)
{
	struct run_queue *queue = &cpus[0].queue;
	struct sim_thread *a;
	struct sim_thread *b;
	u64 event;

	(void)state;
	sim_reset(1, 0ull - MS);
	a = sim_thread(sim_group(256), 0);
	b = sim_thread(sim_group(256), 0);
	assert_null(run_queue_pick(queue, now));
	assert_false(run_queue_next_event(queue, NULL, now, &event));

	/* Alone it needs no timer. */
	run_queue_add(queue, &a->entity, now);
	assert_true(run_queue_preempts(queue, NULL, &a->entity));
	assert_true(run_queue_next_event(queue, NULL, now, &event));
	assert_int_equal(event, now);
	assert_ptr_equal(run_queue_pick(queue, now), &a->entity);
	assert_false(run_queue_next_event(queue, &a->entity, now, &event));

	/* With another its slice ends. */
	run_queue_add(queue, &b->entity, now);
	assert_false(run_queue_preempts(queue, &a->entity, &b->entity));
	assert_true(run_queue_next_event(queue, &a->entity, now, &event));
	assert_int_equal(event, now + SLICE);
	run_queue_charge(queue, &a->entity, MS, now + MS);
	now += MS;
	assert_true(run_queue_preempts(queue, &a->entity, &b->entity));
	run_queue_remove(queue, &b->entity, now);
	assert_false(run_queue_next_event(queue, &a->entity, now, &event));

	/* One with a reservation preempts, and its budget is the next event. */
	assert_true(sim_reserve(b, 2 * MS, 8 * MS));
	run_queue_add(queue, &b->entity, now);
	assert_true(run_queue_preempts(queue, &a->entity, &b->entity));
	assert_true(run_queue_next_event(queue, &a->entity, now, &event));
	assert_int_equal(event, now);
	run_queue_put_back(queue, &a->entity, now);
	assert_ptr_equal(run_queue_pick(queue, now), &b->entity);
	assert_true(run_queue_next_event(queue, &b->entity, now, &event));
	assert_int_equal(event, now + 2 * MS);

	/* Spent: it shares, and is renewed at the deadline. */
	now += 2 * MS;
	run_queue_charge(queue, &b->entity, 2 * MS, now);
	run_queue_put_back(queue, &b->entity, now);
	assert_int_equal(queue->count, 2);
	assert_int_equal(queue->load, 2048);
	assert_ptr_equal(run_queue_pick(queue, now), &b->entity);
	run_queue_charge(queue, &b->entity, 2 * MS, now + 2 * MS);
	now += 2 * MS;
	run_queue_put_back(queue, &b->entity, now);
	assert_ptr_equal(run_queue_pick(queue, now), &a->entity);
	assert_true(run_queue_next_event(queue, &a->entity, now, &event));
	assert_int_equal(event, b->entity.reservation.deadline);
	assert_int_equal(event, now + 4 * MS);
	now = event;
	run_queue_charge(queue, &a->entity, 4 * MS, now);
	assert_true(run_queue_next_event(queue, &a->entity, now, &event));
	assert_int_equal(event, now);
	assert_true(run_queue_preempts(queue, &a->entity, &b->entity));
}

/* What one is ahead or behind, deadline and budget go with it. */
static void test_migration(void **state)
{
	struct run_queue *from = &cpus[0].queue;
	struct run_queue *to = &cpus[1].queue;
	struct sim_thread *thread;
	u64 ahead;

	(void)state;
	sim_reset(2, START);
	for (u32 i = 0; i < 4; i++)
		sim_thread(sim_group(256), 0);
	sim_thread(sim_group(1), 1);
	sim_thread(sim_group(3), 1);
	sim_run(3456 * MS);
	assert_null(run_queue_next_waiting(to, run_queue_next_waiting(to, NULL)));
	thread = sim_of(run_queue_next_waiting(from, run_queue_next_waiting(from, NULL)));
	assert_non_null(thread);
	ahead = thread->entity.virtual_time - from->virtual_time;
	assert_int_equal(from->count, 4);
	assert_int_equal(from->load, 4096);
	run_queue_detach(from, &thread->entity, now);
	thread->cpu = 1;
	run_queue_add(to, &thread->entity, now);
	assert_int_equal(thread->entity.virtual_time - to->virtual_time, ahead);
	assert_int_equal(thread->entity.group->runnable, 1);
	assert_int_equal(from->count, 3);
	assert_int_equal(from->load, 3072);
	assert_int_equal(to->count, 3);
	for (u32 i = 0; i < thread_count; i++)
		threads[i].served = 0;
	sim_run(9000 * MS);
	assert_near(thread->served, 9000 * MS * 256 / 260, 10);

	/* One with a reservation that waited does not get a later deadline, and is not offered. */
	assert_true(sim_reserve(thread, 2 * MS, 10 * MS));
	ahead = thread->entity.reservation.deadline;
	now += MS;
	sim_charge(&cpus[0]);
	sim_charge(&cpus[1]);
	for (struct run_entity *e = run_queue_next_waiting(to, NULL); e != NULL;
	     e = run_queue_next_waiting(to, e))
		assert_ptr_not_equal(e, &thread->entity);
	if (cpus[1].running == thread)
		cpus[1].running = NULL;
	run_queue_detach(to, &thread->entity, now + 8 * MS);
	run_queue_add(from, &thread->entity, now + 8 * MS);
	assert_int_equal(thread->entity.reservation.deadline, ahead);
}

/* --- everything at once --- */

static void assert_consistent(void)
{
	for (u32 c = 0; c < cpu_count; c++) {
		struct run_queue *queue = &cpus[c].queue;
		u64 load = 0;
		u64 reserved = 0;
		u64 waiting = heap_check(&queue->fair, queue->fair.first) +
			      heap_check(&queue->parked, queue->parked.first) +
			      heap_check(&queue->deadline, queue->deadline.first);
		u64 exhausted = heap_check(&queue->exhausted, queue->exhausted.first);
		u64 expected = 0;
		u64 expected_exhausted = 0;

		for (u32 i = 0; i < thread_count; i++) {
			const struct run_entity *entity = &threads[i].entity;
			const struct budget_reservation *r = &entity->reservation;

			if (entity->queue != queue)
				continue;
			load += entity->load;
			reserved += budget_reservation_share(r->budget, r->period);
			if (!entity->runnable || entity->running)
				continue;
			expected++;
			expected_exhausted += r->budget != 0 && r->remaining == 0;
		}
		assert_int_equal(queue->load, load);
		assert_int_equal(queue->reserved, reserved);
		assert_int_equal(waiting, expected);
		assert_int_equal(exhausted, expected_exhausted);
		assert_int_equal(queue->count, expected + (cpus[c].running != NULL));
		assert_true(queue->reserved <= RESERVABLE);
	}
	for (u32 g = 0; g < group_count; g++) {
		u64 runnable = 0;
		u64 running = 0;

		for (u32 i = 0; i < thread_count; i++) {
			const struct run_entity *entity = &threads[i].entity;

			runnable += entity->group == &groups[g] && entity->runnable;
			running += entity->group == &groups[g] && entity->running;
		}
		assert_int_equal(groups[g].runnable, runnable);
		assert_int_equal(groups[g].cap.running, running);
	}
}

static void disturb(void)
{
	struct sim_thread *thread = &threads[random_below(thread_count)];
	struct run_entity *entity = &thread->entity;
	struct sim_cpu *cpu = &cpus[thread->cpu];
	u64 period = MS + random_below(50 * MS);
	u64 available;

	switch (random_below(6)) {
	case 0:
		run_group_set_weight(entity->group, 1 + random_below(RUN_WEIGHT_MAX));
		break;
	case 1:
		run_group_set_cap(entity->group, random_below(3) == 0 ? 0 : 1 + random_below(400),
				  CAP_PERIOD, now);
		break;
	case 2:
		if (!sim_reserve(thread, random_below(period / 4), period))
			assert_true(sim_reserve(thread, 0, 0));
		break;
	case 3:
		now += random_below(20) == 0 ? random_below(BIT(44)) : 0;
		for (u32 i = 0; i < thread_count; i++) {
			if (threads[i].asleep)
				threads[i].wake = now + random_below(MS);
			threads[i].release = now;
			if (threads[i].work != ~0ull)
				threads[i].work += BIT(45);
		}
		for (u32 i = 0; i < cpu_count; i++)
			sim_charge(&cpus[i]);
		for (u32 i = 0; i < thread_count; i++) {
			if (threads[i].work != ~0ull)
				threads[i].work = 1 + random_below(MS);
		}
		break;
	default:
		thread->cpu = (u32)random_below(cpu_count);
		if (entity->queue == NULL || entity->queue == &cpus[thread->cpu].queue)
			break;
		if (!run_queue_admit(&cpus[thread->cpu].queue, entity->reservation.budget,
				     entity->reservation.period, &available))
			assert_true(run_queue_reserve(entity->queue, entity, 0, 0, now, &available));
		if (cpu->running == thread) {
			sim_charge(cpu);
			cpu->running = NULL;
		}
		run_queue_detach(&cpu->queue, entity, now);
		if (!thread->asleep)
			run_queue_add(&cpus[thread->cpu].queue, entity, now);
		else
			assert_true(sim_reserve(thread, entity->reservation.budget,
						entity->reservation.period));
	}
}

static void test_chaos(void **state)
{
	u64 picks = 0;

	(void)state;
	for (u32 round = 0; round < 12; round++) {
		sim_reset(1 + round % CPU_MAX, round % 2 ? START : random_state);
		pick_count = 0;
		for (u32 i = 0; i < 8; i++)
			sim_group(1 + random_below(2000));
		for (u32 i = 0; i < 40; i++) {
			struct sim_thread *thread = sim_thread(&groups[random_below(8)],
							       (u32)random_below(cpu_count));

			if (i % 4 == 0)
				continue;
			thread->job_random = true;
			thread->job_period = 1 + random_below(i % 8 == 1 ? 2 * MS : 200 * MS);
			thread->job_work = 1 + random_below(i % 8 == 1 ? MS / 4 : 10 * MS);
		}
		for (u32 step = 0; step < 2000; step++) {
			sim_run(random_below(20 * MS));
			disturb();
			assert_consistent();
		}
		picks += pick_count;
	}
	assert_true(picks > 100000);
	print_message("%llu decisions at random\n", (unsigned long long)picks);
}

/* --- cost --- */

static volatile u64 steps;

static void step_trap(int signal_number)
{
	(void)signal_number;
	steps++;
}

static void trap_flag(bool set)
{
	if (set)
		__asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq" ::: "memory", "cc");
	else
		__asm__ volatile("pushfq; andq $~0x100, (%%rsp); popfq" ::: "memory", "cc");
}

/* Instructions for picking, charging and putting back, with so many that want to run. */
static void cost(u32 count, u64 *mean, u64 *worst)
{
	struct run_queue *queue = &cpus[0].queue;
	u64 sum = 0;
	u64 most = 0;

	sim_reset(1, START);
	for (u32 i = 0; i < 32; i++)
		sim_group(100 + random_below(1000));
	for (u32 i = 0; i < count; i++)
		run_queue_add(queue, &sim_thread(&groups[i % 32], 0)->entity, now);
	for (u32 i = 0; i < 4 * count + 5; i++) {
		struct run_entity *entity;
		u64 ran = 1 + random_below(SLICE);

		steps = 0;
		if (i >= 4 * count)
			trap_flag(true);
		entity = run_queue_pick(queue, now);
		now += ran;
		run_queue_charge(queue, entity, ran, now);
		run_queue_put_back(queue, entity, now);
		trap_flag(false);
		sum += steps;
		most = MAX(most, steps);
	}
	*mean = sum / 5;
	*worst = most;
}

static void test_cost(void **state)
{
	u64 mean[4];
	u64 worst;
	u32 count = 1;

	(void)state;
	signal(SIGTRAP, step_trap);
	for (u32 i = 0; i < 4; i++, count *= 10) {
		cost(count, &mean[i], &worst);
		print_message("%4u runnable: %llu instructions per decision, at most %llu\n", count,
			      (unsigned long long)mean[i], (unsigned long long)worst);
		assert_true(mean[i] != 0);
	}
	/* Ten times as many cost the same more each time, not ten times as much. */
	assert_true(mean[3] - mean[1] < 3 * (mean[2] - mean[0]));
	assert_true(mean[3] < 4 * mean[0]);
}

/* The worst that a heap can be made into: all in ascending and in descending order. */
static void test_heap_depth(void **state)
{
	static struct heap_node nodes[4096];

	(void)state;
	for (u32 order = 0; order < 3; order++) {
		struct heap heap = {NULL};

		for (u32 i = 0; i < ARRAY_COUNT(nodes); i++) {
			u64 depth = 0;

			heap_insert(&heap, &nodes[i], order == 0   ? i
						      : order == 1 ? 0ull - i
								   : random_below(1000));
			for (const struct heap_node *n = heap.first; n != NULL; n = n->right)
				depth++;
			assert_true(BIT(depth) <= i + 2);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_heap),
		cmocka_unit_test(test_heap_depth),
		cmocka_unit_test(test_weights),
		cmocka_unit_test(test_weights_random),
		cmocka_unit_test(test_weight_extremes),
		cmocka_unit_test(test_small_charges),
		cmocka_unit_test(test_sleepers),
		cmocka_unit_test(test_credit),
		cmocka_unit_test(test_no_starvation),
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
		cmocka_unit_test(test_admission),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_migration),
		cmocka_unit_test(test_chaos),
		cmocka_unit_test(test_cost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
