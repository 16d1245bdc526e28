/* SPDX-License-Identifier: MIT */
/* A CPU before anything runs on it, and which one a thread is put on. */
#include "tests/unit/kernel/sched/sched_machine.h"

/* A new CPU first reschedules, and keeps the reasons that became pending before it had a queue. */
static void test_init(void **state)
{
	struct cpu *cpu = this_cpu();

	has_memory = true;
	cpu->pending = PENDING_MACHINE_CHECK;
	assert_true(sched_init(cpu));
	assert_int_equal(cpu->pending, PENDING_MACHINE_CHECK | PENDING_RESCHEDULE);
	assert_ptr_equal(cpu->queue, &queues[0]);
	assert_int_equal(queues[0].slice, SCHED_SLICE_NS);
	has_memory = false;
	assert_false(sched_init(cpu));
}

/* A thread gets the least loaded of the CPUs that it may use; of equals the first. */
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
		/* no CPU is better: the thread stays where it is */
		{{0, 8, 9}, 4, 2},
		{{9, 8, 0}, BIT(CPUS), 0},
	};

	machine_start();
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
