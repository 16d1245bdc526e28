/* SPDX-License-Identifier: MIT */
/* A run of a guest over a back end that exits as the test says: what is settled, shown, counted. */
#include "tests/unit/kernel_machine.h"

static struct vcpu_page page;
static struct group_page shown_account;
static struct space space;
static struct vm vm = {.space = &space};
static struct thread runner;
static struct vcpu vcpu;

static const enum exit_reason *exits; /* the next exit; the last one is repeated */
static u32 exits_left;
static struct vcpu_event interrupted; /* the event that the last exit interrupted */
static struct vcpu_event injected;
static u32 request_count;
static u64 advanced;	/* bytes, in total */
static u32 exit_access; /* of an exit for memory */

static void enter_scripted(struct virt_vcpu *guest, u64 deadline_tsc)
{
	guest->exit = (struct vcpu_exit){.reason = *exits,
					 .instruction_length = 2,
					 .gpa = 0x5000,
					 .io_port = 0x80,
					 .access = exit_access};
	guest->event = interrupted;
	if (exits_left != 0) {
		exits_left--;
		exits++;
	}
}

static void request_noted(struct virt_vcpu *guest, const struct vcpu_event *inject, u32 request)
{
	request_count++;
	machine_requested = request;
	if (inject != NULL)
		injected = *inject;
}

static void advance_noted(struct virt_vcpu *guest, u64 length)
{
	advanced += length;
}

/* Makes the guest's exits, the last of which is repeated for ever. */
static void start(const enum exit_reason *script, u32 count)
{
	static struct virt_ops ops;

	kernel_machine_start(32 * MIB);
	ops = machine_virt;
	ops.enter = enter_scripted;
	ops.request = request_noted;
	ops.advance = advance_noted;
	virt = &ops;
	exits = script;
	exits_left = count - 1;
	interrupted = injected = (struct vcpu_event){0};
	request_count = 0;
	advanced = 0;
	page = (struct vcpu_page){0};
	shown_account = (struct group_page){0};
	space = (struct space){0};
	list_init(&space.mappings);
	machine_counters = (struct cpu_counters){0};
	runner = (struct thread){0};
	vcpu = (struct vcpu){.virt.page = &page, .vm = &vm, .account = &shown_account};
	machine_cpu.loaded = &vcpu;
}

static bool run_guest(void)
{
	vcpu.runner = &runner;
	runner.guest = &vcpu;
	return vcpu_run_on(&machine_cpu, &vcpu, 0);
}

/* CPUIDs and hypercalls are settled on the spot; what comes after them goes to the monitor. */
static void test_settled_at_once(void **state)
{
	static const enum exit_reason script[] = {EXIT_CPUID, EXIT_HYPERCALL, EXIT_CPUID, EXIT_IO};

	(void)state;
	start(script, 4);
	machine_settles = true;
	assert_true(run_guest());
	assert_int_equal(page.exit.reason, EXIT_IO);
	assert_int_equal(page.exit.io_port, 0x80);
	assert_int_equal(page.valid, VCPU_RIP | VCPU_EVENT);
	assert_int_equal(page.run_count, 1);
	assert_int_equal(advanced, 6);
	assert_int_equal(machine_counters.exits, 4);
	assert_int_equal(shown_account.kernel_exits, 3);
	assert_int_equal(shown_account.exits_by_reason[EXIT_CPUID], 2);
	assert_int_equal(shown_account.exits_by_reason[EXIT_HYPERCALL], 1);
	assert_int_equal(shown_account.exits_by_reason[EXIT_IO], 1);
	assert_null(runner.guest);
	assert_null(vcpu.runner);

	for (u32 i = 0; i < 2; i++) {
		start(script + i, 1);
		machine_settles = false;
		assert_true(run_guest());
		assert_int_equal(page.exit.reason, script[i]);
		/* an exit of this kind is shown as a whole */
		assert_int_equal(page.exit.gpa, 0x5000);
		assert_int_equal(advanced, 0);
		assert_int_equal(shown_account.kernel_exits, 0);
	}
}

/* Exits are not settled for ever, as interrupts must be let in; then the guest goes on. */
static void test_settled_for_long(void **state)
{
	static const enum exit_reason script[] = {EXIT_CPUID};

	(void)state;
	start(script, 1);
	machine_settles = true;
	assert_false(run_guest());
	assert_int_equal(vcpu.virt.exit.reason, EXIT_HOST_INTERRUPT);
	assert_int_equal(machine_counters.exits, SETTLED_MAX);
	assert_int_equal(shown_account.kernel_exits, SETTLED_MAX);
	assert_int_equal(shown_account.exits_by_reason[EXIT_CPUID], SETTLED_MAX);
	assert_int_equal(page.run_count, 0);
	assert_ptr_equal(runner.guest, &vcpu);
	machine_settles = false;
}

static void test_host_interrupt(void **state)
{
	static const enum exit_reason script[] = {EXIT_HOST_INTERRUPT, EXIT_MEMORY};

	(void)state;
	start(script, 2);
	assert_false(run_guest());
	assert_int_equal(machine_counters.exits, 1);
	assert_int_equal(shown_account.kernel_exits, 1);
	assert_int_equal(page.run_count, 0);
	/* An access to memory that nobody has mapped is the monitor's matter. */
	assert_true(run_guest());
	assert_int_equal(page.exit.reason, EXIT_MEMORY);
	assert_int_equal(page.exit.gpa, 0x5000);
	assert_int_equal(shown_account.kernel_exits, 1);
}

/* An event goes in once; one whose delivery the exit interrupted comes back. */
static void test_events(void **state)
{
	static const enum exit_reason script[] = {EXIT_HLT, EXIT_TASK_SWITCH};

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(script); i++) {
		start(script + i, 1);
		page.event.valid = 1;
		page.inject =
			(struct vcpu_event){.valid = 1, .type = EVENT_INTERRUPT, .vector = 0x41};
		page.request = REQUEST_ADVANCE;
		assert_int_equal(vcpu_begin(&machine_cpu, &vcpu), STATUS_OK);
		assert_int_equal(page.request, 0);
		assert_int_equal(request_count, 0);
		assert_false(page.inject.valid);
		interrupted = (struct vcpu_event){.valid = i == 1, .type = EVENT_NMI, .vector = 2};
		assert_true(run_guest());
		assert_int_equal(injected.vector, 0x41);
		assert_int_equal(request_count, 1);
		assert_int_equal(shown_account.injected, 1);
		assert_int_equal(page.event.valid, i == 1);
		assert_false(vcpu.virt.event.valid);
		if (i == 1)
			assert_int_equal(page.event.vector, 2);
	}
}

/* The monitor gets the groups that it wants with each reason, and no others. */
static void test_groups(void **state)
{
	static const enum exit_reason script[] = {EXIT_IO, EXIT_TASK_SWITCH};

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(script); i++) {
		start(script + i, 1);
		page.want[script[i]] = VCPU_SEGMENTS | VCPU_EVENT | ~(u32)(VCPU_ALL | VCPU_CODE);
		page.want[script[1 - i]] = VCPU_XCR0;
		assert_true(run_guest());
		assert_int_equal(page.valid, VCPU_RIP | VCPU_SEGMENTS | VCPU_EVENT);
	}
}

/* Translations that have changed since are flushed, once. */
static void test_flush(void **state)
{
	static const enum exit_reason script[] = {EXIT_HLT};

	(void)state;
	start(script, 1);
	assert_true(run_guest());
	assert_false(vcpu.virt.flush);
	space.generation = 5;
	assert_true(run_guest());
	assert_true(vcpu.virt.flush);
	vcpu.virt.flush = false;
	assert_true(run_guest());
	assert_false(vcpu.virt.flush);
}

/* The monitor's requests are taken over once; an open window is looked at anew each time. */
static void test_requests(void **state)
{
	static const enum exit_reason script[] = {EXIT_HLT};
	static const struct {
		u32 request;
		bool window;
		bool nmi_window;
		u64 advanced;
		u32 count;
	} table[] = {
		{0, false, false, 0, 0},
		{REQUEST_ADVANCE, false, false, 3, 0},
		{REQUEST_INTERRUPT_WINDOW, false, false, 0, 1},
		{REQUEST_ADVANCE | REQUEST_NMI_WINDOW, false, false, 3, 1},
		{0, true, false, 0, 1},
		{0, false, true, 0, 1},
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(table); i++) {
		start(script, 1);
		page.request = table[i].request;
		page.advance_length = 3;
		page.deadline_tsc = 77;
		vcpu.virt.window = table[i].window;
		vcpu.virt.nmi_window = table[i].nmi_window;
		assert_int_equal(vcpu_begin(&machine_cpu, &vcpu), STATUS_OK);
		assert_int_equal(page.request, 0);
		assert_int_equal(vcpu.requested, table[i].request);
		assert_int_equal(vcpu.deadline_tsc, 77);
		assert_int_equal(advanced, table[i].advanced);
		assert_int_equal(request_count, table[i].count);
		if (table[i].count != 0)
			assert_int_equal(machine_requested, table[i].request);
	}
}

/*
 * A signal for the monitor ends the run before the guest is entered, and the run takes all signals.
 * The code at RIP is not shown, as no entry has checked whose it is, but stays remembered.
 */
static void test_signalled(void **state)
{
	static const enum exit_reason script[] = {EXIT_HLT};
	struct queue queue = {.vcpu = &vcpu};
	struct signal signals[2] = {{.queue = &queue}, {.queue = &queue}};

	(void)state;
	start(script, 1);
	list_init(&queue.pending);
	vcpu.queue = &queue;
	page.want[EXIT_KICK] = VCPU_CODE;
	vcpu.virt.code.depth = 3;
	for (u32 i = 0; i < 2; i++)
		signal_raise(&signals[i]);
	vcpu.kicked = false;
	assert_true(vcpu.signalled);
	assert_true(run_guest());
	assert_int_equal(page.exit.reason, EXIT_KICK);
	assert_int_equal(page.valid & VCPU_CODE, 0);
	assert_int_equal(vcpu.virt.code.depth, 3);
	assert_int_equal(machine_counters.exits, 0);
	assert_false(vcpu.signalled || signals[0].raised || signals[1].raised);
	assert_true(list_empty(&queue.pending));
	vcpu.preempted = true;
	assert_true(run_guest());
	assert_int_equal(page.exit.reason, EXIT_HLT);
	assert_false(vcpu.preempted);
}

/* A guest's space with pages of a snapshot, which two CPUs use; 0x5000 is mapped for reading. */
static void start_layered(const enum exit_reason *script, u32 count)
{
	struct memory *memory;
	struct memory *frozen;
	u64 at;

	start(script, count);
	assert_int_equal(space_create_guest(NULL, &format_ept, &vm.space), STATUS_OK);
	assert_int_equal(memory_create(NULL, PAGE_GUEST, 8, 0, &memory), STATUS_OK);
	assert_int_equal(space_map(vm.space, 0, memory, 0, 8, PT_READ | PT_WRITE, &at), STATUS_OK);
	assert_int_equal(memory_populate(memory, 5), STATUS_OK);
	assert_int_equal(layer_freeze(memory, &frozen), STATUS_OK);
	assert_int_equal(space_fault(vm.space, 0x5000, PT_READ), STATUS_OK);
	vm.space->layered = true;
	tlb_space_enter(vm.space, 0);
	tlb_space_enter(vm.space, 1);
	machine_cpu.pending = 0;
}

/*
 * A first write to the page, by the guest or by the mark of a preempted vCPU, when the other CPU
 * notices at once that the page was replaced. This CPU has told itself as well, without an
 * interrupt: it does not enter the guest before it has looked, as other CPUs would then send it no
 * interrupt either.
 */
static void test_write_kicks_itself(void **state)
{
	static const enum exit_reason script[] = {EXIT_MEMORY, EXIT_HLT};

	(void)state;
	start_layered(script, 2);
	exit_access = ACCESS_WRITE;
	assert_false(run_guest());
	assert_int_equal(machine_counters.exits, 1);
	assert_int_equal(machine_cpu.pending, PENDING_KICK);
	exit_access = 0;

	start_layered(script, 2);
	page.preempted_gpa = 0x5000;
	vcpu.preempted = true;
	assert_true(run_guest());
	assert_int_equal(page.exit.reason, EXIT_KICK);
	assert_int_equal(machine_counters.exits, 0);
	assert_true(vcpu.preempted);
	assert_int_equal(machine_cpu.pending, PENDING_KICK);
	vm.space = &space;
}

/* A page that another mapping has shown is taken from it and given to the guest in one exit. */
static void test_write_takes_from_others(void **state)
{
	struct memory *memory;
	struct space *other;
	struct pt_leaf leaf;
	u64 at;

	(void)state;
	start_layered(NULL, 0);
	memory = space_mapping(vm.space, 0)->memory;
	assert_int_equal(space_create_guest(NULL, &format_ept, &other), STATUS_OK);
	assert_int_equal(space_map(other, 0, memory, 0, 8, PT_READ, &at), STATUS_OK);
	assert_int_equal(space_fault(other, 0x5000, PT_READ), STATUS_OK);
	vcpu.virt.exit = (struct vcpu_exit){.gpa = 0x5000, .access = ACCESS_WRITE};
	(void)vcpu_handle_write(&vcpu);
	assert_false(table_lookup(&other->table, 0x5000, &leaf));
	assert_true(table_lookup(&vm.space->table, 0x5000, &leaf));
	assert_int_equal(leaf.rights, PT_READ | PT_WRITE);
	assert_int_equal(memory->present, 1);
	vm.space = &space;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_settled_at_once),
		cmocka_unit_test(test_settled_for_long),
		cmocka_unit_test(test_host_interrupt),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_flush),
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_signalled),
		cmocka_unit_test(test_write_kicks_itself),
		cmocka_unit_test(test_write_takes_from_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
