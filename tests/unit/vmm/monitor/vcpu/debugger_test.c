/* SPDX-License-Identifier: MIT */
/* A debugger's hold on a machine: stops, steps, breakpoints, and what is left to the guest. */
#include "tests/unit/monitor_fixture.h"

static u32 number;

static enum status ask_as(struct query question)
{
	channel.question.query = question;
	channel.question.asked = ++number;
	for (u32 i = 0; i < 2; i++) {
		u64 deadline_tsc;

		/* each vCPU gets a pass */
		for (u32 cpu = 0; cpu < machine.vcpu_count; cpu++)
			loop_between_runs(&machine.vcpu[cpu], &deadline_tsc);
	}
	assert_int_equal(channel.question.answered, number);
	return (enum status)channel.question.status;
}

static void ask(struct query question)
{
	assert_int_equal(ask_as(question), STATUS_OK);
}

static bool round_with(enum exit_reason reason, u32 vector)
{
	u64 deadline_tsc;
	bool goes_on;

	page.exit.reason = reason;
	page.exit.vector = vector;
	page.exit.instruction_length = 2;
	goes_on = loop_between_runs(vcpu, &deadline_tsc);
	machine.vcpu[1].page->exit.reason = EXIT_KICK;
	loop_between_runs(&machine.vcpu[1], &deadline_tsc);
	return goes_on;
}

static int set_up(void **state)
{
	static struct vcpu_cpuid_entry tables[2][VCPU_CPUID_SLOTS];

	(void)state;
	fixture_make_many(2);
	machine.heard = number;
	for (u32 i = 0; i < 2; i++) {
		machine.vcpu[i].cpuid_page = tables[i];
		machine.vcpu[i].page->valid = VCPU_ALL;
	}
	string_copy(info.backend, sizeof(info.backend), "SVM/NPT");
	page.cr0 = CR0_PE;
	page.rip = 0x1000;
	memset(ram + 0x1000, 0x90, 16);
	ask((struct query){.kind = QUERY_ATTACH});
	return 0;
}

static void test_attach(void **state)
{
	(void)state;
	assert_true(machine.debugger.held);
	assert_false(machine_may_run(&machine));
	assert_false(machine.fast_path);
	assert_int_not_equal(machine.time.paused_tsc, 0);
	assert_int_equal(channel.state, VM_RUNNING);
	assert_int_equal(page.trap_exceptions, BIT(VECTOR_DB) | BIT(VECTOR_BP));
	assert_true((page.dirty & VCPU_TRAPS) != 0);
	assert_int_equal(page.settle, 0);
	ask((struct query){.kind = QUERY_DETACH});
	assert_false(machine.debugger.attached);
	assert_true(machine.fast_path);
	assert_int_equal(machine.time.paused_tsc, 0);
	assert_int_equal(page.trap_exceptions, 0);
	assert_int_equal(page.settle, SETTLE_HYPERCALL);
	assert_true(round_with(EXIT_NONE, 0));
	assert_int_equal(ask_as((struct query){.kind = QUERY_RELEASE}), STATUS_BAD_STATE);
}

/* Under a debugger the kernel settles no exits itself: a step would run on past them. */
static void test_kernel_settles_nothing(void **state)
{
	(void)state;
	ask((struct query){.kind = QUERY_RELEASE, .run = 1});
	page.exit.instruction_length = 0;
	page.exit.reason = EXIT_INVD;
	exits_handle(vcpu);
	page.exit.instruction_length = 2;
	page.exit.reason = EXIT_INVD;
	exits_handle(vcpu);
	assert_int_equal(page.settle, 0);
	page.gpr[GPR_RCX] = MSR_APIC_BASE;
	page.gpr[GPR_RAX] = 1;
	page.exit.reason = EXIT_WRMSR;
	exits_handle(vcpu);
	assert_int_equal(vcpu->cpuid_page->flags, 0);
	ask((struct query){.kind = QUERY_DETACH});
	assert_int_equal(vcpu->cpuid_page->flags, CPUID_VALID);
}

static void test_step(void **state)
{
	u32 before = channel.question.stop.sequence;

	(void)state;
	irq_pending[0] = PENDING_INTERRUPT;
	irq_vector = 0x30;
	page.shadow = SHADOW_STI;
	ask((struct query){.kind = QUERY_RELEASE, .run = 1, .step = 1});
	assert_int_equal(page.shadow, 0);
	assert_true((page.rflags & RFLAGS_TF) != 0);
	assert_int_equal(machine.vcpu[1].place, VCPU_ASLEEP);
	assert_false(page.inject.valid); /* no interrupt is injected during a step */
	page.rip = 0x1001;
	page.dr[6] = DR6_RESET | DR6_BS;
	assert_false(round_with(EXIT_EXCEPTION, VECTOR_DB));
	assert_int_equal(channel.question.stop.sequence, before + 1);
	assert_int_equal(channel.question.stop.kind, QUERY_STOP_STEP);
	assert_true((page.rflags & RFLAGS_TF) == 0);
	assert_true((page.dr[6] & DR6_BS) == 0);
	assert_false(vcpu->event.valid);
	ask((struct query){.kind = QUERY_DETACH});
	assert_true(page.inject.valid);
}

/* An instruction that the monitor emulates counts as a step, and leaves no trap pending. */
static void test_step_of_port(void **state)
{
	u32 before = channel.question.stop.sequence;

	(void)state;
	ask((struct query){.kind = QUERY_RELEASE, .run = 1, .step = 1});
	page.exit.io_size = 1;
	page.exit.io_flags = IO_IN;
	port_value = 0x12;
	assert_false(round_with(EXIT_IO, 0));
	assert_int_equal(channel.question.stop.sequence, before + 1);
	assert_int_equal(page.rip, 0x1002);
	assert_int_equal(page.request & REQUEST_ADVANCE, 0);
	assert_true((page.rflags & RFLAGS_TF) == 0);
}

static void test_software(void **state)
{
	(void)state;
	ask((struct query){.kind = QUERY_BREAK, .address = 0x1000});
	assert_int_equal(ram[0x1000], 0xcc);
	ask((struct query){
		.kind = QUERY_READ, .flags = QUERY_LINEAR, .address = 0xfff, .length = 3});
	assert_memory_equal(channel.question.answer, "\0\x90\x90", 3);
	ask((struct query){.kind = QUERY_RELEASE, .run = ~0ull});
	assert_false(round_with(EXIT_EXCEPTION, VECTOR_BP));
	assert_int_equal(channel.question.stop.kind, QUERY_STOP_SOFTWARE);
	assert_int_equal(channel.question.stop.address, 0x1000);
	assert_false(vcpu->event.valid);
	channel.question.input[0] = 0x55;
	ask((struct query){
		.kind = QUERY_WRITE, .flags = QUERY_LINEAR, .address = 0x1000, .length = 1});
	assert_int_equal(ram[0x1000], 0xcc);
	ask((struct query){.kind = QUERY_UNBREAK, .address = 0x1000});
	assert_int_equal(ram[0x1000], 0x55);
	assert_int_equal(ask_as((struct query){.kind = QUERY_BREAK, .address = RAM_BYTES}),
			 STATUS_BAD_ADDRESS);
}

static void test_hardware(void **state)
{
	struct query query = {.kind = QUERY_BREAK,
			      .flags = QUERY_BREAK_HARDWARE | 1,
			      .address = 0x2000,
			      .length = 4};

	(void)state;
	ask(query);
	assert_int_equal(page.dr[0], 0x2000);
	assert_int_equal(page.dr[7], DR7_RESET | 1 | 0xdull << 16);
	assert_int_equal(machine.vcpu[1].page->dr[7], page.dr[7]);
	for (u32 i = 1; i < 4; i++) {
		query.address += 8;
		ask(query);
	}
	query.address += 8;
	assert_int_equal(ask_as(query), STATUS_NO_MEMORY);
	query.length = 0;
	assert_int_equal(ask_as(query), STATUS_BAD_ARGUMENT);
	ask((struct query){.kind = QUERY_RELEASE, .run = ~0ull});
	page.dr[6] = DR6_RESET | 1;
	assert_false(round_with(EXIT_EXCEPTION, VECTOR_DB));
	assert_int_equal(channel.question.stop.kind, QUERY_STOP_WRITE);
	assert_int_equal(channel.question.stop.address, 0x2000);
	ask((struct query){.kind = QUERY_DETACH});
	assert_int_equal(page.dr[7], DR7_RESET);
}

static u32 enabled(void)
{
	return (u32)__builtin_popcountll(page.dr[7] & 0xff);
}

/* A debug register watches aligned bytes: an unaligned range takes several. */
static void test_hardware_pieces(void **state)
{
	/* clang-format off */
	struct query query = {.kind = QUERY_BREAK, .flags = QUERY_BREAK_HARDWARE | 1,
			      .address = 0x2003, .length = 6};
	const struct query byte = {.kind = QUERY_BREAK, .flags = QUERY_BREAK_HARDWARE | 1,
				   .address = 0x2003, .length = 1};
	/* clang-format on */

	(void)state;
	ask(query);
	assert_int_equal(page.dr[0], 0x2003);
	assert_int_equal(page.dr[1], 0x2004);
	assert_int_equal(page.dr[2], 0x2008);
	assert_int_equal(page.dr[7], DR7_RESET | 0x15 | 0x1d1ull << 16);
	ask((struct query){.kind = QUERY_RELEASE, .run = ~0ull});
	page.dr[6] = DR6_RESET | 2;
	assert_false(round_with(EXIT_EXCEPTION, VECTOR_DB));
	assert_int_equal(channel.question.stop.address, 0x2004);
	/*
	 * a breakpoint set twice exists once; a breakpoint of another length at the same address is
	 * another one
	 */
	ask(query);
	ask(byte);
	assert_int_equal(enabled(), 4);
	query.kind = QUERY_UNBREAK;
	ask(query);
	assert_int_equal(enabled(), 1);
	assert_int_equal(page.dr[7], DR7_RESET | 0x40 | 0x1ull << 28);
	/* all pieces of a breakpoint fit, or none is set */
	query = (struct query){.kind = QUERY_BREAK,
			       .flags = QUERY_BREAK_HARDWARE | 3,
			       .address = 0x3001,
			       .length = 15};
	assert_int_equal(ask_as(query), STATUS_NO_MEMORY);
	assert_int_equal(enabled(), 1);
	query.address = 0x3000;
	query.length = 24;
	ask(query);
	assert_int_equal(enabled(), 4);
	query.length = 8;
	assert_int_equal(ask_as(query), STATUS_NO_MEMORY);
	query.kind = QUERY_UNBREAK;
	query.length = 24;
	ask(query);
	assert_int_equal(enabled(), 1);
}

static void test_registers(void **state)
{
	struct vcpu_page *wanted = (struct vcpu_page *)(void *)channel.question.input;

	(void)state;
	*wanted = page;
	wanted->gpr[GPR_RBX] = 7;
	wanted->rip = 0x3000;
	page.exit.reason = EXIT_HLT;
	page.request = REQUEST_ADVANCE;
	page.advance_length = 1;
	ask((struct query){.kind = QUERY_SET, .flags = VCPU_RIP});
	assert_int_equal(page.gpr[GPR_RBX], 7);
	assert_int_equal(page.rip, 0x3000);
	assert_int_equal(page.request & REQUEST_ADVANCE, 0);
	assert_int_equal(page.exit.reason, EXIT_NONE);
}

static void test_trace(void **state)
{
	const struct query_trace *trace = (const void *)channel.question.answer;
	const struct query_costs *costs = (const void *)channel.question.answer;

	(void)state;
	trace_init(&vcpu->trace);
	for (u32 i = 0; i < 70; i++) {
		page.exit = (struct vcpu_exit){.reason = EXIT_IO, .io_port = (u16)i, .access = i};
		page.exit.tsc = __builtin_ia32_rdtsc();
		trace_exit(&vcpu->trace, &page);
		trace_handled(&vcpu->trace);
		trace_handled(&vcpu->trace); /* a second call adds nothing */
	}
	page.exit.reason = EXIT_NONE;
	ask((struct query){.kind = QUERY_TRACE});
	assert_int_equal(trace->count, 64);
	assert_int_equal(trace->seen, 70);
	for (u32 i = 0; i < 64; i++) {
		assert_int_equal(trace->entry[i].io_port, 6 + i);
		assert_int_equal(trace->entry[i].access, 6 + i);
		assert_int_not_equal(trace->entry[i].spent, 0);
	}
	ask((struct query){.kind = QUERY_COSTS});
	assert_int_equal(costs->cost[EXIT_IO].count, 70);
	assert_true(costs->cost[EXIT_IO].tsc >= 70);
}

/* Sets a breakpoint where a vCPU is, in protected mode with a flat code segment. */
static void break_before(struct vcpu *at, u64 address)
{
	at->page->cr0 = CR0_PE;
	at->page->segment[SEG_CS].base = 0;
	at->page->rip = address;
	ask((struct query){.kind = QUERY_BREAK, .address = address});
}

/* Two vCPUs hit the breakpoint at once; GDB removes it and steps one of them over it. */
static void test_two_at_once(void **state)
{
	struct vcpu *other = &machine.vcpu[1];
	u64 deadline_tsc;

	(void)state;
	break_before(other, 0x1000);
	ask((struct query){.kind = QUERY_RELEASE, .run = ~0ull});
	page.exit.reason = other->page->exit.reason = EXIT_EXCEPTION;
	page.exit.vector = other->page->exit.vector = VECTOR_BP;
	loop_between_runs(vcpu, &deadline_tsc);
	loop_between_runs(other, &deadline_tsc);
	assert_int_equal(channel.question.stop.cpu, 0);
	ask((struct query){.kind = QUERY_UNBREAK, .address = 0x1000});
	ask((struct query){.kind = QUERY_RELEASE, .run = 1, .step = 1});
	assert_int_equal(other->page->exit.reason, EXIT_NONE);
	assert_false(other->event.valid);
}

/*
 * A vCPU has exited by the debugger's INT3 when that is taken away from the running machine: the
 * guest executes what was there, and sees nothing of an INT3.
 */
static void test_software_removed(void **state)
{
	static const enum query_kind ways[] = {QUERY_UNBREAK, QUERY_DETACH, QUERY_ATTACH};
	struct vcpu *other = &machine.vcpu[1];

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(ways); i++) {
		break_before(other, 0x1000);
		ask((struct query){.kind = QUERY_RELEASE, .run = ~0ull});
		other->page->exit = (struct vcpu_exit){
			.reason = EXIT_EXCEPTION, .vendor_code = VMEXIT_SWINT, .vector = VECTOR_BP};
		ask((struct query){.kind = ways[i], .address = 0x1000});
		assert_int_equal(ram[0x1000], 0x90);
		assert_int_equal(other->page->exit.reason, EXIT_NONE);
		assert_false(other->event.valid);
		assert_false(other->page->inject.valid);
		ask((struct query){.kind = QUERY_ATTACH});
	}
}

/* A vCPU stops while another one steps: the step is dropped, and its TF does not remain. */
static void test_step_overtaken(void **state)
{
	struct vcpu *other = &machine.vcpu[1];
	u64 deadline_tsc;

	(void)state;
	break_before(other, 0x1000);
	ask((struct query){.kind = QUERY_RELEASE, .run = 3, .step = 1});
	other->page->exit.reason = EXIT_EXCEPTION;
	other->page->exit.vector = VECTOR_BP;
	loop_between_runs(other, &deadline_tsc);
	page.exit.reason = EXIT_KICK;
	loop_between_runs(vcpu, &deadline_tsc);
	assert_int_equal(channel.question.stop.cpu, 1);
	ask((struct query){.kind = QUERY_RELEASE, .run = 3});
	assert_true((page.rflags & RFLAGS_TF) == 0);
	assert_false(debugger_steps(vcpu));
}

/* A second debugger's first stop has another number than the first debugger's last. */
static void test_stop_numbers(void **state)
{
	u32 before = channel.question.stop.sequence;

	(void)state;
	for (u32 i = 1; i < 4; i++) {
		ask((struct query){.kind = QUERY_RELEASE, .run = ~0ull});
		ask((struct query){.kind = QUERY_HOLD});
		assert_int_equal(channel.question.stop.sequence, before + i);
		ask((struct query){.kind = QUERY_DETACH});
		ask((struct query){.kind = QUERY_ATTACH});
	}
}

/* A debugger that attaches after another one died finds none of its breakpoints. */
static void test_attach_again(void **state)
{
	(void)state;
	ask((struct query){.kind = QUERY_BREAK, .address = 0x1000});
	ask((struct query){.kind = QUERY_RELEASE, .run = ~0ull});
	ask((struct query){.kind = QUERY_ATTACH});
	assert_true(machine.debugger.held);
	assert_int_equal(ram[0x1000], 0x90);
}

/* An exit left unsettled while the machine was held is settled when it is released. */
static void test_unsettled(void **state)
{
	u64 deadline_tsc;

	(void)state;
	ask((struct query){.kind = QUERY_RELEASE, .run = ~0ull});
	ask((struct query){.kind = QUERY_HOLD});
	page.exit.reason = EXIT_HLT;
	page.exit.instruction_length = 1;
	channel.question.query = (struct query){.kind = QUERY_RELEASE, .run = ~0ull};
	channel.question.asked = ++number;
	assert_false(loop_between_runs(vcpu, &deadline_tsc));
	assert_true(vcpu->halted);
	assert_int_equal(page.exit.reason, EXIT_NONE);
}

/* An INIT during a step keeps the step: it ends after the first instruction from there. */
static void test_step_into_reset(void **state)
{
	u32 before = channel.question.stop.sequence;

	(void)state;
	ask((struct query){.kind = QUERY_RELEASE, .run = 1, .step = 1});
	vcpu_take_init(vcpu);
	assert_true((page.rflags & RFLAGS_TF) != 0);
	page.dr[6] = DR6_RESET | DR6_BS;
	assert_false(round_with(EXIT_EXCEPTION, VECTOR_DB));
	assert_int_equal(channel.question.stop.sequence, before + 1);
	assert_int_equal(channel.question.stop.kind, QUERY_STOP_STEP);
	assert_true((page.rflags & RFLAGS_TF) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_attach, set_up, fixture_free),
		cmocka_unit_test_setup_teardown(test_kernel_settles_nothing, set_up, fixture_free),
		cmocka_unit_test_setup_teardown(test_step, set_up, fixture_free),
		cmocka_unit_test_setup_teardown(test_step_of_port, set_up, fixture_free),
		cmocka_unit_test_setup_teardown(test_software, set_up, fixture_free),
		cmocka_unit_test_setup_teardown(test_software_removed, set_up, fixture_free),
		cmocka_unit_test_setup_teardown(test_hardware, set_up, fixture_free),
		cmocka_unit_test_setup_teardown(test_hardware_pieces, set_up, fixture_free),
		cmocka_unit_test_setup_teardown(test_registers, set_up, fixture_free),
		cmocka_unit_test_setup_teardown(test_trace, set_up, fixture_free),
		cmocka_unit_test_setup_teardown(test_two_at_once, set_up, fixture_free),
		cmocka_unit_test_setup_teardown(test_step_overtaken, set_up, fixture_free),
		cmocka_unit_test_setup_teardown(test_stop_numbers, set_up, fixture_free),
		cmocka_unit_test_setup_teardown(test_attach_again, set_up, fixture_free),
		cmocka_unit_test_setup_teardown(test_unsettled, set_up, fixture_free),
		cmocka_unit_test_setup_teardown(test_step_into_reset, set_up, fixture_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
