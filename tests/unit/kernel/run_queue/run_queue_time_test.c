/* SPDX-License-Identifier: MIT */
/* Virtual times: whose moves the queue's and the group's, where one wakes up, ties; a cap's end. */
#include "tests/unit/kernel/run_queue/run_queue_machine.h"

/* Three entities that want to run: the first two of one group, the third of another. */
static struct run_queue *start(void)
{
	struct run_group *group;

	sim_reset(1, START);
	group = sim_group(256);
	sim_thread(group, 0);
	sim_thread(group, 0);
	sim_thread(sim_group(256), 0);
	for (u32 i = 0; i < 3; i++)
		run_queue_add(&cpus[0].queue, &threads[i].entity, now);
	return &cpus[0].queue;
}

/* Sets how far the group of an entity that waits has come. */
static void place(const struct run_entity *entity, u64 virtual_time)
{
	entity->share->virtual_time = virtual_time;
	heap_raise(&entity->queue->fair, &entity->share->node, virtual_time);
}

/* A thread that wakes up goes ahead of the running one at the same time only in its own group. */
static void test_tie(void **state)
{
	struct run_entity *running = &threads[0].entity;
	struct run_entity *fellow = &threads[1].entity;
	struct run_entity *other = &threads[2].entity;
	struct run_queue *queue = start();

	(void)state;
	assert_ptr_equal(run_queue_next(queue, NULL, now), running);
	assert_true(run_queue_preempts(queue, running, fellow));
	assert_false(run_queue_preempts(queue, running, other));
	running->share->virtual_time++;
	assert_true(run_queue_preempts(queue, running, other));
	running->virtual_time--;
	assert_false(run_queue_preempts(queue, running, fellow));
}

/* A time is that of the one furthest behind, whether it runs or waits. */
static void test_queue_follows(void **state)
{
	struct run_entity *running = &threads[0].entity;
	struct run_entity *fellow = &threads[1].entity;
	struct run_entity *other = &threads[2].entity;
	struct run_queue *queue = start();

	(void)state;
	assert_ptr_equal(run_queue_next(queue, NULL, now), running);
	fellow->virtual_time = 30 * MS;
	heap_raise(&fellow->share->waiting, &fellow->node, fellow->virtual_time);
	place(other, 50 * MS);
	run_queue_charge(queue, running, 20 * MS, now + 20 * MS);
	assert_int_equal(running->virtual_time, 20 * MS);
	assert_int_equal(running->share->entities_time, 20 * MS);
	assert_int_equal(running->share->virtual_time, 20 * MS);
	assert_int_equal(queue->virtual_time, 20 * MS);
	/* Half of the group's weight is elsewhere; its place among those that wait moves. */
	running->group->runnable *= 2;
	run_queue_charge(queue, running, 20 * MS, now + 40 * MS);
	assert_int_equal(running->share->entities_time, 30 * MS);
	assert_int_equal(running->share->virtual_time, 60 * MS);
	assert_int_equal(queue->virtual_time, 50 * MS);
	assert_ptr_equal(run_queue_next(queue, running, now + 40 * MS), other);
}

/* Reserved time does not count: a thread that runs on it does not take the queue's time along. */
static void test_reserved_leaves_it(void **state)
{
	struct run_entity *reserved = &threads[0].entity;
	struct run_queue *queue = start();
	u64 available;

	(void)state;
	place(reserved, 80 * MS);
	assert_true(run_queue_reserve(queue, reserved, 2 * MS, 10 * MS, now, &available));
	assert_ptr_equal(run_queue_next(queue, NULL, now), reserved);
	assert_int_equal(queue->virtual_time, 0);
	run_queue_charge(queue, reserved, MS, now + MS);
	assert_int_equal(queue->virtual_time, 0);
	assert_int_equal(reserved->virtual_time, 0);
	assert_int_equal(reserved->share->virtual_time, 80 * MS);
}

/*
 * How far a group has come on one queue says nothing about another queue, whatever their numbers.
 */
static void test_queues_apart(void **state)
{
	static struct run_share shares[CPU_MAX];
	static struct run_queue queues[CPU_MAX];
	struct run_queue *far = &queues[CPU_MAX - 1];
	struct run_entity first = {0};
	struct run_entity second = {0};
	struct run_group group;

	(void)state;
	run_group_init(&group, 256, shares);
	first.group = second.group = &group;
	run_queue_init(queues, 0, SLICE);
	run_queue_init(far, CPU_MAX - 1, SLICE);
	run_queue_add(queues, &first, START);
	assert_ptr_equal(run_queue_next(queues, NULL, START), &first);
	run_queue_charge(queues, &first, 30 * MS, START + 30 * MS);
	run_queue_add(far, &second, START + 30 * MS);
	assert_int_equal(second.virtual_time, 0);
	assert_int_equal(second.share->virtual_time, 0);
	run_queue_remove(far, &second, START + 30 * MS);
	run_queue_detach(far, &second, START + 30 * MS);
	run_queue_add(queues, &second, START + 30 * MS);
	assert_int_equal(second.virtual_time, 30 * MS);
	assert_int_equal(second.share->virtual_time, 30 * MS);
}

/* A lone entity of a capped group: looked at when that is spent, not in ever smaller steps. */
static void test_cap_events(void **state)
{
	struct run_queue *queue;
	struct run_group *group;
	struct run_entity *lone;
	u64 available;

	(void)state;
	sim_reset(1, START);
	queue = &cpus[0].queue;
	group = sim_group(256);
	lone = &sim_thread(group, 0)->entity;
	run_queue_add(queue, lone, now);
	assert_ptr_equal(run_queue_next(queue, NULL, now), lone);
	assert_int_equal(run_queue_next_event(queue, lone, now), ~0ull);
	run_group_set_cap(group, 25, CAP_PERIOD, now);
	assert_int_equal(run_queue_next_event(queue, lone, now), CAP_PERIOD / 4);
	assert_int_equal(run_queue_next_event(queue, lone, now + CAP_PERIOD / 4 - 1), SLICE / 64);
	assert_int_equal(run_queue_next_event(queue, lone, now + CAP_PERIOD / 4), 0);
	/* Reserved time may exceed the cap; what comes after it may not. */
	assert_true(run_queue_reserve(queue, lone, 2 * MS, 10 * MS, now, &available));
	assert_int_equal(run_queue_next_event(queue, lone, now), 2 * MS);
	run_group_set_cap(group, 0, CAP_PERIOD, now);
	assert_int_equal(run_queue_next_event(queue, lone, now), ~0ull);
	run_queue_remove(queue, lone, now);
	assert_int_equal(run_queue_next_event(queue, NULL, now), ~0ull);
	run_queue_add(queue, lone, now);
	assert_int_equal(run_queue_next_event(queue, NULL, now), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tie),
		cmocka_unit_test(test_queue_follows),
		cmocka_unit_test(test_reserved_leaves_it),
		cmocka_unit_test(test_queues_apart),
		cmocka_unit_test(test_cap_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
