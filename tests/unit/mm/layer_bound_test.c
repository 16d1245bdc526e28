/* SPDX-License-Identifier: MIT */
/* How long a freeze, a reset or a merge takes is not what a guest or its monitor likes. */
#include "tests/unit/mm/layer_machine.h"

#define STEPS_MAX 2000u /* the steps of a kernel call that goes over RAM of PAGES pages */

static u64 turn; /* the turns of those who disturb */

/* Two CPUs pass, as they do all the time. */
static void let_cpus_pass(void)
{
	machine_clock_ms++;
	for (u32 cpu = 0; cpu < 2; cpu++) {
		machine_cpu_id = cpu;
		machine_kicked[cpu] = false;
		tlb_cpu_passed(cpu, false);
	}
}

/* A monitor on CPU 1 takes and gives back a page, as often as one counts. */
static void take_and_free(struct machine_vm *vm)
{
	hpa_t hpa;

	machine_cpu_id = 1;
	if (turn++ % 4 == 0 && page_alloc(0, PAGE_PROCESS, &vm->quota, &hpa) == STATUS_OK)
		tlb_page_free(hpa, &vm->quota);
	machine_cpu_id = 0;
}

/*
 * A monitor on CPU 1, which a kick reaches only later, writes through its own mapping, to other
 * pages each time and to the same; and it has some unmapped, so that they are to be awaited, too.
 */
static void write_on(struct machine_vm *vm)
{
	u64 at = 0;

	machine_cpu_id = 1;
	tlb_space_enter(vm->monitor, 1);
	for (u32 i = 0; i < 3; i++) {
		u64 at = turn % PAGES * PAGE_SIZE;

		/* the guest has read it, so that all its CPUs are to be awaited */
		(void)!space_fault(vm->guest, AT + at, PT_READ);
		(void)!space_fault(vm->monitor, vm->at + at, PT_WRITE);
		turn += 7;
	}
	if (space_map(vm->guest, 4 * AT, vm->ram, 0, 16, PT_READ | PT_WRITE, &at) == STATUS_OK) {
		(void)!space_fault(vm->guest, at, PT_WRITE);
		while (space_unmap(vm->guest, at, 16 * PAGE_SIZE) == STATUS_AGAIN)
			;
	}
	machine_cpu_id = 0;
}

/* Lets CPUs take notice of a kick, but never all of them at one time. */
static void notice_some(void)
{
	static u32 next;

	machine_kicked[next++ % 3 + 1] = false;
}

static void start_two(struct machine_vm *vm, u64 pages, u64 limit)
{
	turn = 0;
	machine_clock_ms = 0;
	machine_start(64 * MIB);
	tlb_cpu_online(0);
	tlb_cpu_online(1);
	make_vm(vm, pages, limit);
	for (u64 i = 0; i < pages; i++)
		*in_guest(vm, i, PT_WRITE) = i;
}

/* Pages that come back one by one do not keep those that came before. */
static void test_returning(void **state)
{
	struct memory *frozen;
	struct machine_vm vm;
	enum status status = STATUS_AGAIN;
	u64 steps = 0;

	(void)state;
	start_two(&vm, PAGES, 8 * PAGES);
	for (u32 i = 0; i < 200; i++) { /* the call has been at work for some time */
		let_cpus_pass();
		take_and_free(&vm);
	}
	assert_int_equal(
		quota_set_limit(&vm.quota, vm.quota.account->used_pages + vm.ram->present + 16),
		STATUS_OK);
	while (status == STATUS_AGAIN && ++steps < STEPS_MAX) {
		let_cpus_pass();
		take_and_free(&vm);
		status = layer_freeze(vm.ram, &frozen);
	}
	assert_int_equal(status, STATUS_OK);
	assert_true(steps < 100);
}

static void test_freeze(void **state)
{
	struct memory *frozen;
	struct machine_vm vm;
	enum status status = STATUS_AGAIN;
	u32 steps = 0;

	(void)state;
	start_two(&vm, PAGES, 8 * PAGES);
	tlb_space_enter(vm.guest, 2);
	tlb_space_enter(vm.guest, 3);
	while (status == STATUS_AGAIN && ++steps < STEPS_MAX) {
		status = layer_freeze(vm.ram, &frozen);
		write_on(&vm);
		notice_some();
	}
	assert_int_equal(status, STATUS_OK);
	assert_no_writable_leaf(vm.monitor, frozen);
}

static void test_reset(void **state)
{
	struct machine_vm vm;
	enum status status = STATUS_AGAIN;
	u32 steps = 0;

	(void)state;
	start_two(&vm, PAGES, 8 * PAGES);
	(void)freeze(&vm);
	for (u64 i = 0; i < PAGES; i++)
		*in_guest(&vm, i, PT_WRITE) = i + 1;
	tlb_space_enter(vm.guest, 2);
	tlb_space_enter(vm.guest, 3);
	while (status == STATUS_AGAIN && ++steps < STEPS_MAX) {
		status = layer_reset(vm.ram);
		write_on(&vm);
		notice_some();
	}
	assert_int_equal(status, STATUS_OK);
}

/* What is written when nobody disturbs is hidden to the last page, by one call after another. */
static void test_reset_again(void **state)
{
	struct machine_vm vm;

	(void)state;
	start_two(&vm, PAGES, 8 * PAGES);
	(void)freeze(&vm);
	for (u32 round = 0; round < 3; round++) {
		for (u64 i = 0; i < PAGES; i += 5)
			*in_guest(&vm, i, PT_WRITE) = 77;
		assert_int_equal(layer_reset(vm.ram), STATUS_AGAIN);
		*in_guest(&vm, 3, PT_WRITE) = 88;
		reset(&vm);
		/* the page was written after the reset began */
		assert_int_equal(*in_guest(&vm, 3, PT_READ), 88);
		reset(&vm);
		for (u64 i = 0; i < PAGES; i++)
			assert_int_equal(*in_guest(&vm, i, PT_READ), i);
	}
}

/* A thread of the monitor comes to CPU 1 and writes, and another has the mapping taken away. */
static void write_and_unmap(struct machine_vm *vm, u64 index)
{
	*in_monitor(vm, index, PT_WRITE) = 1;
	tlb_space_enter(vm->monitor, 1);
	while (space_unmap(vm->monitor, vm->at, PAGES * PAGE_SIZE) == STATUS_AGAIN)
		;
	assert_true(machine_kicked[1]);
}

/*
 * A page that is unmapped between two steps of a freeze may be written to until CPU 1 has passed.
 */
static void test_freeze_unmapped(void **state)
{
	struct memory *frozen;
	struct machine_vm vm;
	u64 *page = NULL;

	(void)state;
	start_two(&vm, PAGES, 8 * PAGES);
	/* Pages that nobody has mapped are passed many at a time. */
	for (u64 i = 0; i < PAGES; i++)
		page = in_monitor(&vm, i, PT_WRITE);
	assert_int_equal(layer_freeze(vm.ram, &frozen), STATUS_AGAIN);
	assert_ptr_equal(in_monitor(&vm, PAGES - 1, PT_WRITE), page);
	write_and_unmap(&vm, PAGES - 1);
	for (u32 i = 0; i < 100; i++)
		assert_int_equal(layer_freeze(vm.ram, &frozen), STATUS_AGAIN);
	pass();
	(void)freeze(&vm);
}

/* A page that is unmapped between two steps of a reset may be written to until CPU 1 has passed. */
static void test_reset_unmapped(void **state)
{
	struct machine_vm vm;

	(void)state;
	start_two(&vm, PAGES, 8 * PAGES);
	(void)freeze(&vm);
	for (u64 i = 0; i < PAGES; i++)
		*in_guest(&vm, i, PT_WRITE) = i + 1;
	assert_int_equal(layer_reset(vm.ram), STATUS_AGAIN);
	write_and_unmap(&vm, 0); /* the last page to be hidden */
	for (u32 i = 0; i < 100; i++)
		assert_int_equal(layer_reset(vm.ram), STATUS_AGAIN);
	pass();
	reset(&vm);
}

static void test_merge(void **state)
{
	struct machine_vm vm;
	enum status status = STATUS_AGAIN;
	u32 steps = 0;

	(void)state;
	start_two(&vm, PAGES, 8 * PAGES);
	(void)freeze(&vm);
	tlb_space_enter(vm.guest, 2);
	tlb_space_enter(vm.guest, 3);
	while (status == STATUS_AGAIN && ++steps < STEPS_MAX) {
		status = layer_merge(vm.ram);
		write_on(&vm);
		notice_some();
	}
	assert_int_equal(status, STATUS_OK);
}

/* Pages were set aside, so that one that was reserved is missing: its guest is refused it. */
static void test_missing(void **state)
{
	struct machine_vm vm;
	hpa_t hpa;

	(void)state;
	start_two(&vm, PAGES, 8 * PAGES);
	(void)freeze(&vm);
	*in_guest(&vm, 0, PT_WRITE) = 1;
	reserved_count += 64; /* the state that page_set_aside leaves: more reserved than free */
	while (page_alloc_reserved(0, PAGE_KERNEL, &hpa) == STATUS_OK)
		reserved_count++;
	assert_int_equal(space_fault(vm.guest, AT + PAGE_SIZE, PT_WRITE), STATUS_NO_MEMORY);
	assert_int_equal(space_fault(vm.guest, AT + PAGE_SIZE, PT_WRITE), STATUS_NO_MEMORY);
	page_free(hpa, NULL);
	assert_int_equal(*in_guest(&vm, 1, PT_WRITE), 1);
}

/* A page that was set aside below is not copied. */
static void test_broken(void **state)
{
	struct machine_vm vm;

	(void)state;
	start_two(&vm, PAGES, 8 * PAGES);
	page_set_aside(pointer_to_hpa(memory_pointer(vm.ram, 5)));
	(void)freeze(&vm);
	assert_int_equal(space_fault(vm.guest, AT + 5 * PAGE_SIZE, PT_WRITE), STATUS_NO_MEMORY);
}

/* A block cannot be split while its group's pages are on their way back: nothing of it is given. */
static void test_discard_waits(void **state)
{
	struct machine_vm vm;
	enum status status;
	u64 count = 1;
	u64 index = 5;
	hpa_t hpa;

	(void)state;
	start_two(&vm, PAGES, 8 * PAGES);
	assert_int_equal(page_alloc(0, PAGE_PROCESS, &vm.quota, &hpa), STATUS_OK);
	assert_int_equal(quota_set_limit(&vm.quota, vm.quota.account->used_pages), STATUS_OK);
	tlb_page_free(hpa, &vm.quota);
	assert_int_equal(memory_discard(vm.ram, index, &count), STATUS_AGAIN);
	assert_int_equal(memory_discard(vm.ram, index, &count), STATUS_AGAIN);
	assert_int_equal(*(u64 *)memory_pointer(vm.ram, index), index);
	do {
		let_cpus_pass();
		machine_cpu_id = 0;
		status = memory_discard(vm.ram, index, &count);
	} while (status == STATUS_AGAIN && machine_clock_ms < STEPS_MAX);
	assert_int_equal(status, STATUS_OK);
	assert_null(memory_pointer(vm.ram, index));
}

/* A step of trimming that is repeated for fewer pages deals with no more than these. */
static void test_trim_fewer(void **state)
{
	struct machine_vm vm;
	enum status status;
	u64 count = 32;
	u64 given;

	(void)state;
	machine_start(64 * MIB);
	machine_quota(&vm.quota, 3000);
	assert_int_equal(memory_create(&vm.quota, PAGE_GUEST, PAGES, MEMORY_OVERCOMMIT, &vm.ram),
			 STATUS_OK);
	map_ram(&vm);
	for (u64 i = 0; i < 32; i++)
		(void)in_guest(&vm, i, PT_WRITE);
	assert_int_equal(memory_trim(vm.ram, 0, &count, &given), STATUS_AGAIN);
	do {
		count = 5;
		status = memory_trim(vm.ram, 0, &count, &given);
	} while (status == STATUS_AGAIN);
	assert_int_equal(status, STATUS_OK);
	assert_int_equal(count, 5);
	assert_int_equal(given, 5);
	assert_non_null(memory_pointer(vm.ram, 5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_returning),      cmocka_unit_test(test_freeze),
		cmocka_unit_test(test_reset),	       cmocka_unit_test(test_reset_again),
		cmocka_unit_test(test_merge),	       cmocka_unit_test(test_missing),
		cmocka_unit_test(test_broken),	       cmocka_unit_test(test_trim_fewer),
		cmocka_unit_test(test_discard_waits),  cmocka_unit_test(test_freeze_unmapped),
		cmocka_unit_test(test_reset_unmapped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
