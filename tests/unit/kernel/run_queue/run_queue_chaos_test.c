/* SPDX-License-Identifier: MIT */
/*
 * The run queue with everything at once: weights, caps, reservations and changes at random keep its
 * invariants.
 */
#include "tests/unit/kernel/run_queue/run_queue_machine.h"

/* --- everything at once --- */

/* Every group that waits is in one of the two heaps; returns for how many entities. */
static u64 shares_check(const struct run_queue *queue)
{
	u64 present = heap_check(&queue->fair, queue->fair.first) +
		      heap_check(&queue->parked, queue->parked.first);
	u64 waiting = 0;

	for (u32 g = 0; g < group_count; g++) {
		const struct run_share *share = &groups[g].shares[queue->number];
		u64 count = heap_check(&share->waiting, share->waiting.first);
		u64 runnable = 0;

		for (u32 i = 0; i < thread_count; i++) {
			const struct run_entity *entity = &threads[i].entity;

			runnable += entity->share == share && entity->queue == queue &&
				    entity->runnable;
		}
		assert_int_equal(share->runnable, runnable);
		assert_int_equal(share->node.heap != NULL, count != 0);
		if (share->node.heap == &queue->fair)
			assert_int_equal(share->node.key, share->virtual_time);
		present -= count != 0;
		waiting += count;
	}
	assert_int_equal(present, 0);
	return waiting;
}

static void assert_consistent(void)
{
	for (u32 c = 0; c < cpu_count; c++) {
		struct run_queue *queue = &cpus[c].queue;
		u64 load = 0;
		u64 reserved = 0;
		u64 waiting =
			shares_check(queue) + heap_check(&queue->deadline, queue->deadline.first);
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
		entity->group->weight = 1 + random_below(RUN_WEIGHT_MAX);
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
		if (!run_queue_admit(cpus[thread->cpu].queue.reserved, entity->reservation.budget,
				     entity->reservation.period, &available))
			assert_true(
				run_queue_reserve(entity->queue, entity, 0, 0, now, &available));
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
			struct sim_thread *thread =
				sim_thread(&groups[random_below(8)], (u32)random_below(cpu_count));

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chaos),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
