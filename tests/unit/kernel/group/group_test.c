/* SPDX-License-Identifier: MIT */
/* Ending a group in small steps; switching a CPU to another thread or vCPU. */
#include "tests/unit/kernel_machine.h"

#define MEMBERS	  1000u
#define PROCESSES 100u /* more processes than a call ends */

static struct memory *memories[MEMBERS];

static u32 dead_count(void)
{
	u32 count = 0;

	for (u32 i = 0; i < MEMBERS; i++)
		count += memories[i]->object.dead;
	return count;
}

static struct process *process_make(struct group *group)
{
	struct process *process;
	void *memory;

	assert_int_equal(
		cache_alloc_object(&group->quota, OBJECT_PROCESS, sizeof(*process), &memory),
		STATUS_OK);
	process = memory;
	assert_int_equal(page_alloc_cleared(0, PAGE_KERNEL, &group->quota, &memory), STATUS_OK);
	process->handles = memory;
	process->group = group;
	list_init(&process->threads);
	group_adopt(group, &process->object);
	process->running = true;
	object_get(&process->object);
	return process;
}

/* Each page that a group is made of may be lacking: then nothing is kept of the group. */
static void test_create_without_memory(void **state)
{
	static hpa_t taken[4 * MIB / PAGE_SIZE];
	struct group *group;
	u32 count = 0;
	u32 failures = 0;

	(void)state;
	kernel_machine_start(4 * MIB);
	while (page_alloc(0, PAGE_KERNEL, NULL, &taken[count]) == STATUS_OK)
		count++;
	for (; group_create(8000, 1, &group) == STATUS_NO_MEMORY; failures++) {
		assert_int_equal(machine_free_pages(), failures);
		page_free(taken[--count], NULL);
	}
	/* a page for the group, and its own, which what is kept for the kernel may not give */
	assert_int_equal(failures, page_total / KERNEL_SHARE + 2);
	while (count > 0)
		page_free(taken[--count], NULL);
	kernel_machine_end(&group, 1, 100);
}

/* A group's shares lie in one block, with one share for each CPU, and go with the group. */
static void test_shares(void **state)
{
	static const struct run_share none;
	struct group *group;

	(void)state;
	kernel_machine_start(4 * MIB);
	for (machine_cpu_count = CPU_MAX; machine_cpu_count != 0; machine_cpu_count--) {
		u32 last = machine_cpu_count - 1;
		u64 before = machine_free_pages();

		assert_int_equal(group_create(8000, 1, &group), STATUS_OK);
		assert_memory_equal(&group->run.shares[last], &none, sizeof(none));
		memset(&group->run.shares[last], 0xff, sizeof(none));
		assert_int_equal(page_owner(pointer_to_hpa(&group->run.shares[last].runnable)),
				 PAGE_KERNEL);
		kernel_machine_end(&group, 1, 100);
		assert_int_equal(machine_free_pages(), before);
	}
	machine_cpu_count = 1;
}

/* Each call ends a bounded number of objects; the first call stops all processes. */
static void test_end_in_steps(void **state)
{
	struct process *process[PROCESSES];
	struct process *late = NULL;
	struct group *group;

	(void)state;
	kernel_machine_start(32 * MIB);
	assert_int_equal(group_create(8000, 1, &group), STATUS_OK);
	for (u32 i = 0; i < MEMBERS; i++) {
		assert_int_equal(memory_create(&group->quota, PAGE_GUEST, 1, 0, &memories[i]),
				 STATUS_OK);
		group_adopt(group, &memories[i]->object);
		if (i % (MEMBERS / PROCESSES) == 0)
			process[i / (MEMBERS / PROCESSES)] = process_make(group);
	}
	for (u32 calls = 1; group_end(group); calls++) {
		/* the processes are counted among them, and end first */
		assert_true(dead_count() <= ENDED_A_CALL * calls);
		assert_true(dead_count() + PROCESSES + 1 >= ENDED_A_CALL * calls);
		for (u32 i = 0; i < ARRAY_COUNT(process); i++)
			assert_false(process[i]->running);
		if (calls == 1) /* a thread made by someone who still has a handle */
			late = process_make(group);
	}
	assert_false(late->running);
	object_put(&late->object);
	assert_int_equal(dead_count(), MEMBERS);
	for (u32 i = 0; i < MEMBERS; i++)
		object_put(&memories[i]->object);
	for (u32 i = 0; i < ARRAY_COUNT(process); i++)
		object_put(&process[i]->object);
	kernel_machine_end(&group, 1, 10000);
}

/*
 * Without an entry nothing has checked that the code's page is still the guest's: the code is not
 * shown, and what is remembered of it is left to the next entry, which checks.
 */
static void test_return_without_entry(void **state)
{
	struct vcpu_page page = {0};
	struct group_page account = {0};
	struct process process = {0};
	struct thread runner = {.process = &process};
	struct vcpu vcpu = {
		.virt = {.page = &page, .code.depth = 4}, .account = &account, .runner = &runner};

	(void)state;
	kernel_machine_start(32 * MIB);
	page.want[EXIT_DEADLINE] = VCPU_CODE;
	vcpu_return_with(&vcpu, EXIT_DEADLINE);
	assert_int_equal(page.exit.reason, EXIT_DEADLINE);
	assert_int_equal(page.valid, VCPU_RIP | VCPU_EVENT);
	assert_int_equal(vcpu.virt.code.depth, 4);
}

/* A kick ends the next run even if its deadline has passed; the run after reports the deadline. */
static void test_kick_first(void **state)
{
	struct vcpu_page page = {0};
	struct group_page account = {0};
	struct thread runner = {0};
	struct vcpu vcpu = {
		.virt.page = &page, .account = &account, .deadline_tsc = 5000, .kicked = true};

	(void)state;
	kernel_machine_start(32 * MIB);
	machine_cpu.armed_tsc = vcpu.deadline_tsc;
	vcpu.runner = &runner;
	assert_true(vcpu_run_on(&machine_cpu, &vcpu, vcpu.deadline_tsc));
	assert_int_equal(page.exit.reason, EXIT_KICK);
	vcpu.runner = &runner;
	assert_true(vcpu_run_on(&machine_cpu, &vcpu, vcpu.deadline_tsc));
	assert_int_equal(page.exit.reason, EXIT_DEADLINE);
}

/* A timer whose interrupt has not come although its time has passed counts as one that fired. */
static void test_timer_overdue(void **state)
{
	struct vcpu_page page = {0};
	struct group_page account = {0};
	struct thread runner = {0};
	struct vcpu vcpu = {.virt.page = &page, .account = &account, .runner = &runner};

	(void)state;
	kernel_machine_start(32 * MIB);
	for (u64 deadline = 0; deadline <= 1; deadline++) {
		machine_cpu.pending = 0;
		machine_cpu.armed_tsc = 5000;
		machine_cpu.armed_for = 7;
		assert_false(vcpu_run_on(&machine_cpu, &vcpu, deadline * ~0ull));
		assert_int_equal(machine_cpu.pending, PENDING_TIMER);
		assert_int_equal(machine_cpu.armed_tsc, 0);
		assert_int_equal(machine_cpu.armed_for, TIMER_STALE);
	}
	assert_int_equal(page.run_count, 0);
}

/* A vCPU is preempted again before it has run: the flush requested in between is kept. */
static void test_preempted_again(void **state)
{
	struct vcpu_page page = {.preempted_gpa = 0x10};
	struct vm vm = {0};
	struct vcpu vcpu = {.virt = {.page = &page}, .vm = &vm};
	struct group *group;
	struct memory *ram;
	u8 *byte;
	u64 at;

	(void)state;
	kernel_machine_start(32 * MIB);
	assert_int_equal(group_create(8000, 1, &group), STATUS_OK);
	assert_int_equal(memory_create(&group->quota, PAGE_GUEST, 1, 0, &ram), STATUS_OK);
	group_adopt(group, &ram->object);
	assert_int_equal(space_create_guest(&group->quota, &format_npt, &vm.space), STATUS_OK);
	group_adopt(group, &vm.space->object);
	assert_int_equal(space_map(vm.space, 0, ram, 0, 1, PT_READ | PT_WRITE, &at), STATUS_OK);
	assert_int_equal(space_fault(vm.space, 0, PT_WRITE), STATUS_OK);
	byte = space_guest_byte(vm.space, 0x10);
	vcpu_preempt(&vcpu);
	assert_int_equal(*byte, MARK_PREEMPTED);
	*byte |= MARK_FLUSH;
	vcpu_preempt(&vcpu);
	assert_int_equal(*byte, MARK_PREEMPTED | MARK_FLUSH);
	assert_false(vcpu_begin_specially(&vcpu));
	assert_int_equal(*byte, 0);
	assert_true(vcpu.virt.flush);
	object_put(&ram->object);
	object_put(&vm.space->object);
	kernel_machine_end(&group, 1, 10000);
}

/* A window is awaited by a guest that has interrupts off; its monitor keeps what it asked for. */
static void test_await_window(void **state)
{
	struct vcpu_page page = {.rflags = RFLAGS_IF};
	struct vcpu vcpu = {.virt.page = &page, .requested = REQUEST_NMI_WINDOW | REQUEST_FLUSH};

	(void)state;
	kernel_machine_start(32 * MIB);
	machine_requested = 0;
	assert_false(vcpu_await_window(&vcpu));
	assert_int_equal(machine_requested, 0);
	page.rflags = RFLAGS_ZF;
	assert_true(vcpu_await_window(&vcpu));
	assert_int_equal(machine_requested, REQUEST_NMI_WINDOW | REQUEST_INTERRUPT_WINDOW);
}

/* If the guest's deadline has a timer of its own, the CPU's timer serves the run queue alone. */
static void test_timer(void **state)
{
	struct vcpu_page page = {0};
	struct group_page account = {0};
	struct process process = {0};
	struct thread runner = {.process = &process};
	struct vcpu vcpu = {.virt.page = &page, .account = &account, .deadline_tsc = 5000};

	(void)state;
	kernel_machine_start(32 * MIB);
	machine_cpu.queue_tsc = 9000;
	vcpu.kicked = true;
	vcpu.runner = &runner;
	machine_cpu.loaded = &vcpu;
	assert_true(vcpu_step(&machine_cpu, &vcpu));
	assert_int_equal(machine_timer_tsc, 5000);
	vcpu.virt.own_timer = true;
	vcpu.kicked = true;
	vcpu.runner = &runner;
	assert_true(vcpu_step(&machine_cpu, &vcpu));
	assert_int_equal(machine_timer_tsc, 9000);
	/* an earlier time is not noticed until timer_stale is called */
	machine_cpu.queue_tsc = 8000;
	timer_arm(&machine_cpu, 0);
	assert_int_equal(machine_timer_tsc, 9000);
	timer_stale(&machine_cpu);
	timer_arm(&machine_cpu, 0);
	assert_int_equal(machine_timer_tsc, 8000);
	/* with TIMER_STALE as its deadline no guest is entered, whatever a monitor asks for */
	machine_cpu.queue_tsc = 7000;
	timer_stale(&machine_cpu);
	timer_arm(&machine_cpu, ~0ull);
	assert_int_equal(machine_timer_tsc, 7000);
	vcpu.virt.own_timer = false;
	vcpu.deadline_tsc = TIMER_STALE;
	vcpu.runner = &runner;
	assert_true(vcpu_run_on(&machine_cpu, &vcpu, vcpu_deadline_of(&vcpu)));
	assert_int_equal(page.exit.reason, EXIT_DEADLINE);
	machine_cpu.loaded = NULL;
	machine_cpu.queue_tsc = 0;
}

/* A refused call has no effect: neither registers nor the event are taken. */
static void test_refused_run(void **state)
{
	struct vcpu_page page = {.xcr0 = 2, .dirty = VCPU_XSAVE | VCPU_XCR0};
	u8 area[832] = {0}, image[832] = {1};
	struct vcpu vcpu = {.virt = {.page = &page, .xsave_area = area, .xcr0 = 1}, .xsave = image};
	struct space space = {0};
	struct queue queue = {0};
	struct vm vm = {.space = &space};

	(void)state;
	kernel_machine_start(32 * MIB);
	list_init(&queue.pending);
	list_init(&space.mappings);
	vcpu.vm = &vm;
	vcpu.queue = &queue;
	machine_cpu.loaded = &vcpu;
	assert_int_equal(vcpu_begin(&machine_cpu, &vcpu), STATUS_BAD_ARGUMENT);
	assert_int_equal(area[0], 0);
	assert_int_equal(page.dirty, VCPU_XSAVE | VCPU_XCR0);

	page.xcr0 = 3;
	page.apic_mode = VAPIC_MEMORY;
	page.apic_gpa = ~0ull;
	page.dirty |= VCPU_APIC;
	assert_int_equal(vcpu_begin(&machine_cpu, &vcpu), STATUS_BAD_ADDRESS);
	assert_int_equal(vcpu.virt.xcr0, 1);
	assert_int_equal(area[0], 0);

	page.dirty = VCPU_XSAVE | VCPU_XCR0;
	page.inject = (struct vcpu_event){.valid = 1, .type = 1};
	assert_int_equal(vcpu_begin(&machine_cpu, &vcpu), STATUS_BAD_ARGUMENT);
	assert_int_equal(area[0], 0);
	assert_false(vcpu.virt.event.valid);

	page.inject.type = EVENT_PRIVILEGED_EXCEPTION;
	assert_int_equal(vcpu_begin(&machine_cpu, &vcpu), STATUS_OK);
	assert_int_equal(vcpu.virt.event.type, EVENT_PRIVILEGED_EXCEPTION);
	assert_int_equal(vcpu.virt.xcr0, 3);
	assert_int_equal(area[0], 1);
	assert_false(page.inject.valid);
	machine_cpu.loaded = NULL;
}

/* A start that failed can be tried again. */
static void test_refused_start(void **state)
{
	struct process *process;
	struct group_page *account;
	struct memory *start;
	struct group *group;
	enum status status;
	u64 limit;
	u64 used;
	u32 refused = 0;

	(void)state;
	kernel_machine_start(32 * MIB);
	assert_int_equal(group_create(8000, 1, &group), STATUS_OK);
	account = group->quota.account;
	assert_int_equal(
		memory_create(&group->quota, PAGE_PROCESS, START_BYTES / PAGE_SIZE, 0, &start),
		STATUS_OK);
	group_adopt(group, &start->object);
	process = process_make(group);
	process->running = false;
	object_put(&process->object);
	assert_int_equal(space_create_process(&group->quota, &process->space), STATUS_OK);
	group_adopt(group, &process->space->object);
	group->thread_count = GROUP_THREADS_MAX;
	assert_int_equal(process_start(process, start), STATUS_TOO_BIG);
	assert_int_equal(process->space->mapping_count, 0);
	assert_false(process->running);
	group->thread_count = 0;
	kernel_machine_settle(100);
	/* Without a page for a mapping, the stack or the thread; each allocation fails once. */
	limit = account->quota_pages;
	used = account->used_pages;
	for (;; refused++) {
		account->quota_pages = used + refused;
		status = process_start(process, start);
		if (status == STATUS_OK)
			break;
		assert_int_equal(status, STATUS_NO_QUOTA);
		kernel_machine_settle(100);
		assert_int_equal(account->used_pages, used);
		assert_int_equal(process->space->mapping_count, 0);
		assert_int_equal(process->thread_count, 0);
		assert_false(process->running);
	}
	assert_true(refused > STACK_PAGES);
	assert_int_equal(quota_set_limit(&group->quota, account->used_pages - 1), STATUS_IN_USE);
	assert_int_equal(account->quota_pages, used + refused);
	assert_int_equal(quota_set_limit(&group->quota, limit), STATUS_OK);
	assert_int_equal(account->quota_pages, limit);
	assert_int_equal(process->space->mapping_count, 2);
	assert_int_equal(process_start(process, start), STATUS_BAD_STATE);
	object_put(&start->object);
	object_put(&process->object);
	kernel_machine_end(&group, 1, 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create_without_memory),
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_end_in_steps),
		cmocka_unit_test(test_return_without_entry),
		cmocka_unit_test(test_kick_first),
		cmocka_unit_test(test_timer_overdue),
		cmocka_unit_test(test_preempted_again),
		cmocka_unit_test(test_await_window),
		cmocka_unit_test(test_timer),
		cmocka_unit_test(test_refused_run),
		cmocka_unit_test(test_refused_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
