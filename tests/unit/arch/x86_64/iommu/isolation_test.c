/* SPDX-License-Identifier: MIT */
/* What is done when a CPU goes from one thread to another, so that neither learns of the other. */
#include "tests/unit/kernel_machine.h"

/* A barrier at each change of thread, even if B only ran its guest: ring 3 A, guest B, A again. */
static void test_isolation(void **state)
{
	struct thread a = {.serial = 1}, b = {.serial = 2};

	(void)state;
	kernel_machine_start(32 * MIB);
	machine_barriers = 0;
	thread_isolate(&machine_cpu, &a);
	thread_isolate(&machine_cpu, &a);
	assert_int_equal(machine_barriers, 1);
	thread_isolate(&machine_cpu, &b);
	thread_isolate(&machine_cpu, &a);
	assert_int_equal(machine_barriers, 3);
}

/*
 * Before ring 3 of another group runs, the registers are cleared; those of the group's own guest
 * are not.
 */
static void test_nothing_is_left(void **state)
{
	static struct group_page account;
	struct group one = {0}, two = {0};
	struct process of_one = {.group = &one}, of_two = {.group = &two};
	struct thread a = {.serial = 1, .process = &of_one}, b = {.serial = 2, .process = &of_two};
	struct vcpu_page page = {0};
	struct space space = {0};
	struct vm vm = {.group = &one, .space = &space};
	struct vcpu vcpu = {.vm = &vm, .virt.page = &page, .account = &account};

	(void)state;
	kernel_machine_start(32 * MIB);
	features.rdtscp = true;
	machine_cpu.loaded = &vcpu;
	machine_tsc_aux = 7;
	machine_clears = 0;

	/* the guest's own monitor */
	machine_cpu.thread = &a;
	thread_isolate(&machine_cpu, &a);
	assert_true(machine_cpu.foreign);
	thread_clear(&machine_cpu);
	assert_false(machine_cpu.foreign);
	assert_ptr_equal(machine_cpu.loaded, &vcpu);
	assert_int_equal(machine_tsc_aux, 7);
	assert_int_equal(machine_clears, 1);
	thread_isolate(&machine_cpu, &a);
	assert_false(machine_cpu.foreign);

	/* a thread of another group, even if only a guest of that group ran last */
	machine_cpu.thread = &b;
	thread_isolate(&machine_cpu, &b);
	assert_true(machine_cpu.foreign);
	thread_clear(&machine_cpu);
	assert_null(machine_cpu.loaded);
	assert_int_equal(vcpu.virt.loaded_cpu, ~0u);
	assert_int_equal(machine_tsc_aux, 0);
	assert_int_equal(machine_clears, 2);
	assert_int_equal(machine_buffer_clears, 2);

	/* a process that looks at a vCPU of another group leaves nothing of it behind */
	assert_int_equal(vcpu_show(&b, &vcpu, VCPU_RIP), STATUS_OK);
	assert_null(machine_cpu.loaded);
	assert_int_equal(vcpu_show(&a, &vcpu, VCPU_RIP), STATUS_OK);
	assert_ptr_equal(machine_cpu.loaded, &vcpu);
	features.rdtscp = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_isolation),
		cmocka_unit_test(test_nothing_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
