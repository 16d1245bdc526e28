/* SPDX-License-Identifier: MIT */
/* A CPU before anything runs on it, and which one a thread is put on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define this_cpu this_cpu_of_stack
#include "arch/x86_64/cpu/percpu.h"
#undef this_cpu

#define CPUS 3u

static struct cpu cpus[CPUS];

static inline struct cpu *this_cpu(void)
{
	return &cpus[0];
}

#include "kernel/budget.c"
#include "kernel/heap.c"
#include "kernel/run_queue.c"
#define sched_yield sched_yield_of_thread /* the sanitizer calls the C library's */
#include "kernel/sched.c"

static struct run_queue queue;
static bool has_memory;
u8 log_threshold[LOG_CATEGORY_COUNT];

void log_write(enum log_level level, enum log_category category, const char *text,
	       const u64 *arguments, unsigned int count)
{
}

enum status cache_alloc(struct quota *quota, unsigned int kind, size_t bytes, void **piece)
{
	assert_int_equal(bytes, sizeof(queue));
	if (!has_memory)
		return STATUS_NO_MEMORY;
	*piece = &queue;
	return STATUS_OK;
}

u64 tsc_from_ns(u64 ns)
{
	return ns;
}

u32 cpus_count(void)
{
	return CPUS;
}

struct cpu *cpus_get(u32 id)
{
	return &cpus[id];
}

void cpus_pend(struct cpu *to, u64 reasons)
{
	to->pending |= reasons;
}

void thread_unload(struct cpu *from, struct thread *thread)
{
}

/* It first reschedules, and keeps the reasons that became pending before it had a queue. */
static void test_init(void **state)
{
	struct cpu *cpu = this_cpu();

	has_memory = true;
	cpu->pending = PENDING_MACHINE_CHECK;
	assert_true(sched_init(cpu));
	assert_int_equal(cpu->pending, PENDING_MACHINE_CHECK | PENDING_RESCHEDULE);
	assert_ptr_equal(cpu->queue, &queue);
	assert_int_equal(queue.slice, SCHED_SLICE_NS);
	has_memory = false;
	assert_false(sched_init(cpu));
}

/* The least loaded of those allowed; of equals the first. */
static void test_place(void **state)
{
	static const struct {
		u64 load[CPUS];
		u64 affinity;
		u32 chosen;
	} table[] = {
		{{0, 0, 0}, ~0ull, 0},
		{{9, 0, 0}, ~0ull, 1},
		{{9, 9, 8}, ~0ull, 2},
		{{9, 9, 9}, ~0ull, 0},
		{{9, 9, 9}, 6, 1},
		{{0, 8, 7}, 6, 2},
		{{0, 8, 9}, 4, 2},
		{{9, 8, 0}, BIT(CPUS), 0}, /* none: where it is */
	};
	struct run_queue queues[CPUS] = {0};

	for (u32 id = 0; id < CPUS; id++)
		cpus[id] = (struct cpu){.id = id, .queue = &queues[id]};
	for (u32 i = 0; i < ARRAY_COUNT(table); i++) {
		for (u32 id = 0; id < CPUS; id++)
			queues[id].load = table[i].load[id];
		assert_ptr_equal(sched_place(table[i].affinity), &cpus[table[i].chosen]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_init),
		cmocka_unit_test(test_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
