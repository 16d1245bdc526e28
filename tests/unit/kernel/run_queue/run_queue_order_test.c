/* SPDX-License-Identifier: MIT */
/* Which thread is next: events, deadlines, moves between CPUs, yields; and the cost of picking. */
#include "tests/unit/kernel/run_queue/run_queue_machine.h"

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
	assert_null(run_queue_next(queue, NULL, now));
	assert_true(run_queue_next_event(queue, NULL, now) == ~0ull);

	/* A thread alone needs no timer. */
	run_queue_add(queue, &a->entity, now);
	assert_true(run_queue_preempts(queue, NULL, &a->entity));
	event = now + run_queue_next_event(queue, NULL, now);
	assert_int_equal(event, now);
	assert_ptr_equal(run_queue_next(queue, NULL, now), &a->entity);
	assert_true(run_queue_next_event(queue, &a->entity, now) == ~0ull);

	/* With another entity the slice of the first one ends. */
	run_queue_add(queue, &b->entity, now);
	assert_false(run_queue_preempts(queue, &a->entity, &b->entity));
	event = now + run_queue_next_event(queue, &a->entity, now);
	assert_int_equal(event, now + SLICE);
	run_queue_charge(queue, &a->entity, MS, now + MS);
	now += MS;
	assert_true(run_queue_preempts(queue, &a->entity, &b->entity));
	run_queue_remove(queue, &b->entity, now);
	assert_true(run_queue_next_event(queue, &a->entity, now) == ~0ull);

	/* A thread with a reservation preempts, and the end of its budget is the next event. */
	assert_true(sim_reserve(b, 2 * MS, 8 * MS));
	run_queue_add(queue, &b->entity, now);
	assert_true(run_queue_preempts(queue, &a->entity, &b->entity));
	event = now + run_queue_next_event(queue, &a->entity, now);
	assert_int_equal(event, now);
	assert_ptr_equal(run_queue_next(queue, &a->entity, now), &b->entity);
	event = now + run_queue_next_event(queue, &b->entity, now);
	assert_int_equal(event, now + 2 * MS);

	/*
	 * With the budget spent the entity shares by weight; at the deadline the budget is renewed.
	 */
	now += 2 * MS;
	run_queue_charge(queue, &b->entity, 2 * MS, now);
	assert_ptr_equal(run_queue_next(queue, &b->entity, now), &b->entity);
	assert_int_equal(queue->count, 2);
	assert_int_equal(queue->load, 2048);
	run_queue_charge(queue, &b->entity, 2 * MS, now + 2 * MS);
	now += 2 * MS;
	assert_ptr_equal(run_queue_next(queue, &b->entity, now), &a->entity);
	event = now + run_queue_next_event(queue, &a->entity, now);
	assert_int_equal(event, b->entity.reservation.deadline);
	assert_int_equal(event, now + 4 * MS);
	now = event;
	run_queue_charge(queue, &a->entity, 4 * MS, now);
	event = now + run_queue_next_event(queue, &a->entity, now);
	assert_int_equal(event, now);
	assert_true(run_queue_preempts(queue, &a->entity, &b->entity));
}

/* The earliest deadline runs. */
static void test_deadlines(void **state)
{
	struct run_queue *queue = &cpus[0].queue;
	struct sim_thread *late;
	struct sim_thread *soon;
	u64 event;

	sim_reset(1, 0ull - MS);
	late = sim_thread(sim_group(256), 0);
	soon = sim_thread(sim_group(256), 0);
	assert_true(sim_reserve(late, 2 * MS, 20 * MS));
	assert_true(sim_reserve(soon, 2 * MS, 10 * MS));
	run_queue_add(queue, &late->entity, now);
	assert_ptr_equal(run_queue_next(queue, NULL, now), &late->entity);
	run_queue_add(queue, &soon->entity, now);
	assert_true(run_queue_preempts(queue, &late->entity, &soon->entity));
	event = now + run_queue_next_event(queue, &late->entity, now);
	assert_int_equal(event, now);
	assert_ptr_equal(run_queue_next(queue, &late->entity, now), &soon->entity);
	assert_false(run_queue_preempts(queue, &soon->entity, &late->entity));
	event = now + run_queue_next_event(queue, &soon->entity, now);
	assert_int_equal(event, now + 2 * MS);

	/* A thread that has spent its budget waits with the others, but may not be stolen. */
	now += 3 * MS;
	run_queue_charge(queue, &soon->entity, 3 * MS, now);
	assert_ptr_equal(run_queue_next(queue, &soon->entity, now), &late->entity);
	assert_ptr_equal(soon->entity.node.heap, &soon->entity.share->waiting);
	assert_null(run_queue_next_waiting(queue, NULL));
}

/* A thread takes along its place among its group's, its deadline and its budget. */
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
	ahead = 3 * MS;
	thread->entity.virtual_time += ahead;
	assert_int_equal(from->count, 4);
	assert_int_equal(from->load, 4096);
	run_queue_detach(from, &thread->entity, now);
	thread->cpu = 1;
	run_queue_add(to, &thread->entity, now);
	assert_int_equal(thread->entity.virtual_time - thread->entity.share->entities_time, ahead);
	assert_int_equal(thread->entity.group->runnable, 1);
	assert_int_equal(from->count, 3);
	assert_int_equal(from->load, 3072);
	assert_int_equal(to->count, 3);
	for (u32 i = 0; i < thread_count; i++)
		threads[i].served = 0;
	sim_run(9000 * MS);
	assert_near(thread->served, 9000 * MS * 256 / 260, 10);

	/* A waiting thread with a reservation is not offered; moved, it keeps its deadline. */
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

/* The cost of picking, charging and putting back, with `count` runnable threads. */
struct cost {
	u64 comparisons; /* mean over thousands of decisions */
	u64 comparisons_worst;
	u64 instructions; /* the instructions of one decision, the sanitizers' included */
};

static struct cost cost(u32 count)
{
	struct run_queue *queue = &cpus[0].queue;
	const u32 rounds = 4 * count + 4000;
	const u32 stepped = 1;
	struct run_entity *entity;
	struct cost result = {0};

	sim_reset(1, START);
	for (u32 i = 0; i < 32; i++)
		sim_group(100 + random_below(1000));
	for (u32 i = 0; i < count; i++)
		run_queue_add(queue, &sim_thread(&groups[i % 32], 0)->entity, now);
	steps = 0;
	entity = NULL;
	for (u32 i = 0; i < rounds; i++) {
		u64 ran = 1 + random_below(SLICE);

		comparison_count = 0;
		trap_flag(i >= rounds - stepped);
		entity = run_queue_next(queue, entity, now);
		now += ran;
		run_queue_charge(queue, entity, ran, now);
		trap_flag(false);
		result.comparisons += comparison_count;
		result.comparisons_worst = MAX(result.comparisons_worst, comparison_count);
	}
	result.comparisons /= rounds;
	result.instructions = steps / stepped;
	return result;
}

/* A yield swaps places with a thread of the same group; other groups' shares do not change. */
static void test_yield_to(void **state)
{
	struct run_entity *a = &threads[0].entity;
	struct run_entity *b = &threads[1].entity;
	struct run_entity *other = &threads[2].entity;
	struct run_group *group;
	struct run_queue *queue;
	u64 sum;

	(void)state;
	sim_reset(1, START);
	queue = &cpus[0].queue;
	group = sim_group(256);
	sim_thread(group, 0);
	sim_thread(group, 0);
	sim_thread(sim_group(256), 0);
	for (u32 i = 0; i < 3; i++)
		run_queue_add(queue, &threads[i].entity, now);
	assert_ptr_equal(run_queue_next(queue, NULL, now), a);
	run_queue_charge(queue, a, MS, now + MS);
	assert_false(run_queue_yield_to(a, other));
	b->virtual_time = a->virtual_time + MS; /* by its virtual time, b would come after a */
	heap_remove(&b->node);
	heap_insert(&b->share->waiting, &b->node, b->virtual_time);
	sum = a->virtual_time + b->virtual_time;
	assert_true(run_queue_yield_to(a, b));
	assert_true(heap_tick_before(b->virtual_time, a->virtual_time));
	assert_int_equal(a->virtual_time + b->virtual_time, sum);
	/* b is ahead by now: nothing is swapped */
	assert_true(run_queue_yield_to(a, b));
	assert_int_equal(a->virtual_time - b->virtual_time, MS);
	assert_ptr_equal(run_queue_next(queue, a, now + MS), other);
	run_queue_charge(queue, other, 10 * MS, now + 11 * MS);
	assert_ptr_equal(run_queue_next(queue, other, now + 11 * MS), b);
	/* not to a thread that runs or is not runnable */
	assert_false(run_queue_yield_to(b, b));
	run_queue_remove(queue, a, now + 11 * MS);
	assert_false(run_queue_yield_to(b, a));
}

static void test_cost(void **state)
{
	struct cost costs[4];
	u32 count = 1;

	(void)state;
	signal(SIGTRAP, step_trap);
	for (u32 i = 0; i < 4; i++, count *= 10) {
		costs[i] = cost(count);
		print_message("%4u runnable: %llu instructions and %llu comparisons per decision, "
			      "at most %llu\n",
			      count, (unsigned long long)costs[i].instructions,
			      (unsigned long long)costs[i].comparisons,
			      (unsigned long long)costs[i].comparisons_worst);
		/* Removing and inserting merge heaps: 2 log2(n) comparisons each. */
		assert_true(costs[i].comparisons_worst <=
			    costs[0].comparisons_worst + 4 * (bit_highest(count) + 1));
		assert_true(costs[i].instructions != 0);
	}
	for (u32 i = 2; i < 4; i++)
		assert_true(costs[i].instructions < 4 * costs[1].instructions);
	/* Each tenfold increase adds about the same cost, instead of multiplying it. */
	assert_true(costs[3].comparisons - costs[2].comparisons <=
		    2 * (costs[2].comparisons - costs[1].comparisons) + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_events),	  cmocka_unit_test(test_deadlines),
		cmocka_unit_test(test_migration), cmocka_unit_test(test_yield_to),
		cmocka_unit_test(test_cost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
