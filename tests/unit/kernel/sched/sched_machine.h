/* SPDX-License-Identifier: MIT */
#pragma once

/* The scheduler on CPUs that run nothing; a clock that the test sets; this_cpu() is CPU 0. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define rdtsc rdtsc_of_cpu
#include "arch/x86_64/cpu/instructions.h"
#undef rdtsc
#define CPUS 3u
#include "tests/unit/fake_cpus.h"

static u64 now;
static bool has_memory;

static inline u64 rdtsc(void)
{
	return now;
}

#include "kernel/run_queue/budget.c"
#include "kernel/run_queue/heap.c"
#include "kernel/run_queue/run_queue.c"
#define sched_yield sched_yield_of_thread /* the sanitizer calls the C library's */
#include "lib/string.h"
#include "kernel/sched/sched.c"

static struct run_queue queues[CPUS];
static struct cpu_counters counters[CPUS];
static struct group_page pages[2];
static struct group groups[2];
static struct run_share shares[ARRAY_COUNT(groups)][CPUS];
static struct process processes[2];
static struct thread threads[8];
static u32 thread_count;
static const struct thread *unloaded; /* the thread that was unloaded last */
u8 log_threshold[LOG_CATEGORY_COUNT];

void log_write(enum log_level level, enum log_category category, const char *text,
	       const u64 *arguments, unsigned int count)
{
}

enum status cache_alloc(struct quota *quota, unsigned int kind, size_t bytes, void **piece)
{
	assert_int_equal(bytes, sizeof(queues[0]));
	if (!has_memory)
		return STATUS_NO_MEMORY;
	*piece = &queues[0];
	return STATUS_OK;
}

u64 tsc_from_ns(u64 ns)
{
	return ns;
}

void object_drop(struct object *object)
{
	assert_int_not_equal(object->references, 1); /* a group lives as long as its threads */
	object->references--;
}

void thread_unload(struct cpu *from, struct thread *thread)
{
	unloaded = thread;
}

static UNUSED void machine_start(void)
{
	now = NS_PER_MS;
	thread_count = 0;
	unloaded = NULL;
	for (u32 id = 0; id < CPUS; id++) {
		run_queue_init(&queues[id], id, SCHED_SLICE_NS);
		cpus[id] = (struct cpu){.id = id, .queue = &queues[id], .counters = &counters[id]};
		counters[id] = (struct cpu_counters){0};
	}
	for (u32 i = 0; i < ARRAY_COUNT(groups); i++) {
		pages[i] = (struct group_page){0};
		groups[i] = (struct group){.page = &pages[i],
					   .affinity = ~0ull,
					   .tag = i + 1,
					   .reservable_permille = 1000};
		memset(shares[i], 0, sizeof(shares[i]));
		run_group_init(&groups[i].run, RUN_WEIGHT_DEFAULT, shares[i]);
		processes[i] = (struct process){.group = &groups[i]};
	}
}

/* A thread of this group at home on this CPU; it does not want to run yet. */
static UNUSED struct thread *machine_thread(u32 group, u32 cpu)
{
	struct thread *thread = &threads[thread_count++];

	*thread = (struct thread){
		.process = &processes[group], .run.group = &groups[group].run, .cpu = &cpus[cpu]};
	return thread;
}

/* Lets the CPU do what it was told to; returns what that was. */
static UNUSED u64 machine_obey(u32 cpu)
{
	u64 pending = cpus[cpu].pending;

	cpus[cpu].pending = 0;
	if ((pending & PENDING_RESCHEDULE) != 0)
		sched_next(&cpus[cpu]);
	return pending;
}

/* A thread of this group that runs on this CPU. */
static UNUSED struct thread *machine_running(u32 group, u32 cpu)
{
	struct thread *thread = machine_thread(group, cpu);

	sched_ready(thread);
	(void)machine_obey(cpu);
	return thread;
}
