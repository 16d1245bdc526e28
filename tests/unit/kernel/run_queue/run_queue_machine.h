/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A machine for the scheduler's arithmetic: CPUs whose timers fire when their queues ask, threads
 * that are busy or sleep and work in a pattern, time that jumps from event to event.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/run_queue/heap.h"

static UNUSED u64 comparison_count;
#define tick_before(a, b) (comparison_count++, tick_before(a, b))

#include "kernel/run_queue/budget.c"
#include "kernel/run_queue/heap.c"
#include "kernel/run_queue/run_queue.c"
#include "tests/random.h"

#define MS	   2400000ull /* ticks: 2.4 GHz */
#define SLICE	   (5 * MS)
#define CAP_PERIOD (100 * MS)
#ifndef CPU_MAX
#define CPU_MAX 4
#endif
#define THREAD_MAX 1100
#define GROUP_MAX  64
/* Starts half a second before the 64-bit time wraps. */
#define START (0ull - 500 * MS)

static u64 random_state = 0x9e3779b97f4a7c15ull;

static u64 random_below(u64 limit)
{
	u64 value = random_step(&random_state) >> 11;

	return limit == 0 ? 0 : value % limit;
}

/* --- a machine that runs the threads that the queue picks --- */

struct sim_thread {
	struct run_entity entity;
	u32 cpu;
	u64 served;
	bool asleep;
	u64 wake;     /* when the thread wakes up, if it is asleep */
	u64 work;     /* the work left before the thread sleeps; ~0: busy for ever */
	u64 job_work; /* the work of each job, and the time from release to release */
	u64 job_period;
	bool job_random; /* work and sleep are random, up to these values */
	u64 release;
	u64 late_count; /* the jobs that took longer than their period */
	u64 job_count;
	u64 ready_since; /* the time since when the thread waits */
	u64 waited_max;
	u64 switch_count; /* how often the thread was picked after another one */
	/*
	 * For an always busy thread with a reservation: what the thread got in the current period.
	 */
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
	u64 dispatched;	      /* the time until which the CPU switches, deaf to all else */
	bool must_pick;	      /* something has happened during the switch */
} ALIGNED(128) cpus[CPU_MAX]; /* the CPUs, as far apart as the kernel's queues */

static struct sim_thread threads[THREAD_MAX];
static struct run_group groups[GROUP_MAX];
static u32 cpu_count;
static u32 thread_count;
static u32 group_count;
static u64 now;
static u64 begun;
static u64 pick_count;
static u64 latency_max; /* the longest latency of a timer interrupt */
/* the time that a switch takes, at the cost of the thread that comes next */
static u64 switch_ticks;

static UNUSED void sim_reset(u32 count, u64 start)
{
	memset(threads, 0, sizeof(threads));
	memset(cpus, 0, sizeof(cpus));
	cpu_count = count;
	thread_count = 0;
	group_count = 0;
	latency_max = 0;
	switch_ticks = 0;
	now = start;
	begun = start;
	for (u32 i = 0; i < count; i++) {
		run_queue_init(&cpus[i].queue, i, SLICE);
		cpus[i].dispatched = start;
	}
}

static UNUSED struct run_group *sim_group(u64 weight)
{
	static struct run_share shares[GROUP_MAX][CPU_MAX];
	struct run_group *group = &groups[group_count++];

	memset(shares[group - groups], 0, sizeof(shares[0]));
	run_group_init(group, weight, shares[group - groups]);
	return group;
}

static UNUSED struct sim_thread *sim_thread(struct run_group *group, u32 cpu)
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

static UNUSED bool sim_reserve(struct sim_thread *thread, u64 budget, u64 period)
{
	u64 available;

	thread->window_start = now;
	thread->window_served = 0;
	return run_queue_reserve(&cpus[thread->cpu].queue, &thread->entity, budget, period, now,
				 &available);
}

/* The periods of an always busy thread are counted from when it got its reservation. */
static void window_count(struct sim_thread *thread, u64 ran)
{
	const struct budget_reservation *reservation = &thread->entity.reservation;

	if (reservation->budget == 0 || thread->work != ~0ull)
		return;
	while (!heap_tick_before(now, thread->window_start + reservation->period)) {
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

static void sim_charge(struct sim_cpu *cpu)
{
	struct sim_thread *thread = cpu->running;
	u64 ran = now - cpu->charged;

	cpu->charged = now;
	if (thread == NULL)
		return;
	thread->served += ran;
	cpu->busy += ran;
	window_count(thread, ran);
	if (thread->work != ~0ull)
		thread->work -= MIN(ran, thread->work); /* a switch may take longer than that */
	run_queue_charge(&cpu->queue, &thread->entity, ran, now);
	assert_false(heap_tick_before(cpu->queue.virtual_time, cpu->virtual_time));
	cpu->virtual_time = cpu->queue.virtual_time;
}

static void sim_pick(struct sim_cpu *cpu)
{
	struct sim_thread *before = cpu->running;
	struct run_entity *running = NULL;

	if (before != NULL) {
		before->ready_since = now;
		running = &before->entity;
	}
	cpu->running = sim_of(run_queue_next(&cpu->queue, running, now));
	cpu->charged = now;
	cpu->dispatched = now;
	cpu->must_pick = false;
	if (cpu->running != NULL && cpu->running != before) {
		cpu->running->switch_count++;
		cpu->dispatched += switch_ticks;
	}
	pick_count++;
	/* Work-conserving: the CPU is idle only if no thread may run. */
	if (cpu->running == NULL) {
		assert_null(cpu->queue.fair.first);
		assert_null(cpu->queue.deadline.first);
		return;
	}
	/* A group that has spent its cap runs only on reserved time. */
	assert_true(cpu->running->entity.reservation.remaining != 0 ||
		    budget_cap_left(&cpu->running->entity.group->cap, now) != 0);
	/* The queue's virtual time, where groups start, has reached the thread's group's. */
	assert_true(cpu->running->entity.reservation.remaining != 0 ||
		    !heap_tick_before(cpu->queue.virtual_time,
				      cpu->running->entity.share->virtual_time));
	window_count(cpu->running, 0);
	cpu->running->waited_max = MAX(cpu->running->waited_max, now - cpu->running->ready_since);
	/* kernel/sched/sched.c: SCHED_SWITCH_NS */
	if (switch_ticks != 0 && before != NULL &&
	    before->entity.group != cpu->running->entity.group)
		run_queue_charge(&cpu->queue, &cpu->running->entity, MS / 500, now);
}

static void sim_sleep(struct sim_cpu *cpu)
{
	struct sim_thread *thread = cpu->running;

	run_queue_remove(&cpu->queue, &thread->entity, now);
	cpu->running = NULL;
	thread->asleep = true;
	thread->job_count++;
	if (heap_tick_before(thread->release + thread->job_period, now))
		thread->late_count++;
	if (thread->job_random)
		thread->release = now + random_below(thread->job_period);
	else
		thread->release += thread->job_period;
	thread->wake = heap_tick_before(thread->release, now) ? now : thread->release;
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
	sim_charge(cpu);
	if (cpu->running != NULL &&
	    !run_queue_preempts(&cpu->queue, &cpu->running->entity, &thread->entity))
		return;
	if (heap_tick_before(now, cpu->dispatched))
		cpu->must_pick = true;
	else
		sim_pick(cpu);
}

/* Returns the earlier of two times, both of which are now or later. */
static u64 sooner(u64 a, u64 b)
{
	return a - now < b - now ? a : b;
}

/* Returns whether anything is due on the CPU now; if not, *next may become earlier. */
static bool cpu_due(struct sim_cpu *cpu, u64 *next)
{
	struct sim_thread *thread = cpu->running;
	u64 from = thread == NULL ? now : cpu->charged;
	u64 delay;

	if (heap_tick_before(now, cpu->dispatched)) {
		*next = sooner(*next, cpu->dispatched);
		return false;
	}
	if (cpu->must_pick)
		return true;
	if (thread != NULL && thread->work != ~0ull) {
		if (thread->work <= now - cpu->charged)
			return true;
		*next = sooner(*next, cpu->charged + thread->work);
	}
	delay = run_queue_next_event(&cpu->queue, thread == NULL ? NULL : &thread->entity, from);
	if (delay == ~0ull)
		return false;
	if (!heap_tick_before(now, from + delay))
		return true;
	*next = sooner(*next, from + delay + random_below(latency_max + 1));
	return false;
}

static UNUSED void sim_run(u64 ticks)
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

static UNUSED u64 group_served(const struct run_group *group)
{
	u64 sum = 0;

	for (u32 i = 0; i < thread_count; i++)
		sum += threads[i].entity.group == group ? threads[i].served : 0;
	return sum;
}

static UNUSED void assert_near(u64 value, u64 expected, u64 permille)
{
	u64 margin = expected * permille / 1000;

	if (value < expected - margin || value > expected + margin)
		fail_msg("%llu is not within %llu permille of %llu", (unsigned long long)value,
			 (unsigned long long)permille, (unsigned long long)expected);
}

static UNUSED u64 heap_check(const struct heap *heap, const struct heap_node *node)
{
	u64 left;
	u64 right;

	if (node == NULL)
		return 0;
	assert_ptr_equal(node->heap, heap);
	left = heap_check(heap, node->left);
	right = heap_check(heap, node->right);
	assert_true(heap_rank(node->left) >= heap_rank(node->right));
	assert_int_equal(node->rank, heap_rank(node->right) + 1);
	for (u32 i = 0; i < 2; i++) {
		const struct heap_node *child = i == 0 ? node->left : node->right;

		if (child == NULL)
			continue;
		assert_ptr_equal(child->parent, node);
		assert_false(heap_tick_before(child->key, node->key));
	}
	return left + right + 1;
}
