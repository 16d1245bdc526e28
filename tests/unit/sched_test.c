/* SPDX-License-Identifier: MIT */
/* A CPU before anything runs on it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define this_cpu this_cpu_of_stack
#include "arch/x86_64/cpu/percpu.h"
#undef this_cpu

static struct cpu cpu;

static inline struct cpu *this_cpu(void)
{
	return &cpu;
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
	return 1;
}

struct cpu *cpus_get(u32 id)
{
	return &cpu;
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
	has_memory = true;
	cpu.pending = PENDING_MACHINE_CHECK;
	assert_true(sched_init(&cpu));
	assert_int_equal(cpu.pending, PENDING_MACHINE_CHECK | PENDING_RESCHEDULE);
	assert_ptr_equal(cpu.queue, &queue);
	assert_int_equal(queue.slice, SCHED_SLICE_NS);
	has_memory = false;
	assert_false(sched_init(&cpu));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_init),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
