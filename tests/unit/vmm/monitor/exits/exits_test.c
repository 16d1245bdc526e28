/* SPDX-License-Identifier: MIT */
/* What the monitor does for each exit reason. */
#include "tests/random.h"
#include "tests/unit/monitor_fixture.h"

static void assert_advanced(void)
{
	assert_int_equal(page.request, REQUEST_ADVANCE);
	assert_int_equal(page.advance_length, 2);
	assert_false(vcpu->event.valid);
}

static void assert_raised(u32 vector)
{
	assert_int_equal(page.request, 0);
	assert_true(vcpu->event.valid);
	assert_int_equal(vcpu->event.type, EVENT_EXCEPTION);
	assert_int_equal(vcpu->event.vector, vector);
	vcpu->event.valid = 0;
}

static void assert_crashed(const char *words)
{
	assert_int_equal(machine.state, VM_CRASHED);
	assert_int_equal(channel.state, VM_CRASHED);
	if (strstr(channel.reason, words) == NULL)
		fail_msg("reason is: %s\nwithout: %s", channel.reason, words);
}

static void io(u8 size, u8 flags)
{
	page.exit.io_port = 0x123;
	page.exit.io_size = size;
	page.exit.io_flags = flags;
	settle(EXIT_IO);
}

static void test_in(void **state)
{
	(void)state;
	port_value = 0xaabbccdd;
	page.gpr[GPR_RAX] = 0x1111222233334444ull;
	io(1, IO_IN);
	assert_advanced();
	assert_int_equal(page.gpr[GPR_RAX], 0x11112222333344ddull);
	io(2, IO_IN);
	assert_int_equal(page.gpr[GPR_RAX], 0x111122223333ccddull);
	io(4, IO_IN);
	assert_int_equal(page.gpr[GPR_RAX], 0xaabbccddull);
}

static void test_out(void **state)
{
	(void)state;
	page.gpr[GPR_RAX] = 0x1111222233334455ull;
	io(1, 0);
	assert_advanced();
	assert_int_equal(port_written, 0x123);
	assert_int_equal(port_written_value, 0x55);
	io(4, 0);
	assert_int_equal(port_written_value, 0x33334455);
}

/* The emulator advances RIP itself, and needs segments and control registers. */
static void test_io_string(void **state)
{
	(void)state;
	vcpu->quiet = true;
	io(1, IO_STRING | IO_REP);
	/* the instruction's memory operand may have been the local APIC */
	assert_false(vcpu->quiet);
	assert_int_equal(page.request, 0);
	assert_int_equal(groups_fetched, VCPU_SEGMENTS | VCPU_CONTROL);
	emulate_answer = EMULATE_FAULT;
	emulate_event = (struct vcpu_event){.valid = 1, .type = EVENT_EXCEPTION, .vector = 14};
	io(1, IO_STRING);
	assert_raised(14);
}

static void test_memory(void **state)
{
	(void)state;
	page.exit.gpa = 0xfee00020;
	settle(EXIT_MEMORY);
	assert_int_equal(machine.state, VM_RUNNING);
	emulate_answer = EMULATE_UNSUPPORTED;
	vcpu->emulator.byte_count = 2;
	vcpu->emulator.bytes[0] = 0xd9;
	settle(EXIT_MEMORY);
	assert_crashed("0xfee00020 by an instruction that is not emulated, rip 0x0: d9 00");
}

/* MOV to CR8 exits on SVM only, while an interrupt waits for a lower task priority. */
static void test_mov_to_cr8(void **state)
{
	(void)state;
	decode_answer = (struct x86_instruction){
		.map = X86_MAP_0F, .opcode = 0x22, .reg = 8, .rm = GPR_RBX};
	page.gpr[GPR_RBX] = 7;
	settle(EXIT_CR);
	assert_int_equal(lapic_get_cr8(machine_lapic(vcpu)), 7);
	assert_int_equal(page.request, REQUEST_ADVANCE);
	page.request = 0;
	page.gpr[GPR_RBX] = 0x10;
	settle(EXIT_CR);
	assert_raised(VECTOR_GP);
	assert_int_equal(page.request, 0);
	assert_int_equal(lapic_get_cr8(machine_lapic(vcpu)), 7);
	decode_answer.reg = 0;
	decode_answer.prefixes = X86_PREFIX_LOCK;
	page.gpr[GPR_RBX] = 5;
	settle(EXIT_CR);
	assert_int_equal(lapic_get_cr8(machine_lapic(vcpu)), 5);
	assert_int_equal(page.request, REQUEST_ADVANCE);
}

/* An instruction changed since the exit, or a trap no longer wanted: the guest runs it again. */
static void test_changed_since(void **state)
{
	(void)state;
	decode_answer = (struct x86_instruction){
		.map = X86_MAP_0F, .opcode = 0x22, .reg = 0, .rm = GPR_RBX};
	settle(EXIT_CR);
	settle(EXIT_DR);
	assert_int_equal(machine.state, VM_RUNNING);
	assert_int_equal(page.request, 0);
	assert_int_equal(page.inject.valid, 0);
}

/* A single step needs DR6 for its trap. */
static void test_memory_stepped(void **state)
{
	(void)state;
	page.rflags |= RFLAGS_TF;
	settle(EXIT_MEMORY);
	assert_int_equal(groups_fetched, VCPU_SEGMENTS | VCPU_CONTROL | VCPU_DEBUG);
}

static void test_execute_nowhere(void **state)
{
	(void)state;
	page.exit.gpa = 0xd0000000;
	page.exit.access = ACCESS_EXECUTE;
	settle(EXIT_MEMORY);
	assert_crashed("where there is no memory");
}

static void test_delivery_nowhere(void **state)
{
	(void)state;
	vcpu->event = (struct vcpu_event){.valid = 1, .vector = 33};
	settle(EXIT_MEMORY);
	assert_crashed("delivery of vector 33");
}

static void test_cpuid(void **state)
{
	(void)state;
	page.gpr[GPR_RAX] = 0xffffffff00000001ull;
	page.gpr[GPR_RBX] = ~0ull;
	page.cr4 = CR4_OSXSAVE;
	settle(EXIT_CPUID);
	assert_advanced();
	assert_int_equal(groups_fetched, VCPU_CONTROL);
	assert_true(page.gpr[GPR_RBX] <= 0xffffffff);
	assert_true((page.gpr[GPR_RCX] & CPUID_1_ECX_OSXSAVE) != 0);
	assert_true((page.gpr[GPR_RCX] & CPUID_1_ECX_HYPERVISOR) != 0);
}

/* Zeros, which the kernel answers from then on; not while a debugger wants to see each CPUID. */
static void test_cpuid_of_none(void **state)
{
	(void)state;
	page.gpr[GPR_RAX] = 0xffffffff80001234ull;
	page.gpr[GPR_RDX] = 1;
	settle(EXIT_CPUID);
	assert_true((page.gpr[GPR_RAX] | page.gpr[GPR_RBX] | page.gpr[GPR_RCX] |
		     page.gpr[GPR_RDX]) == 0);
	assert_int_equal(learnt_leaf, 0x80001234);
	assert_int_equal(learnt_subleaf, ~0u);
	page.gpr[GPR_RAX] = CPUID_FEATURES;
	page.gpr[GPR_RCX] = 99;
	settle(EXIT_CPUID);
	assert_int_equal(learnt_leaf, CPUID_FEATURES);
	assert_int_equal(learnt_subleaf, 99);
	/*
	 * on Intel's CPUs the answer is the last leaf's subleaf, by the number that was asked for
	 */
	machine.cpuid.intel = true;
	page.gpr[GPR_RAX] = 0x20;
	page.gpr[GPR_RCX] = 99;
	settle(EXIT_CPUID);
	assert_int_equal(learnt_leaf, 0x20);
	assert_int_equal(learnt_subleaf, 99);
	/* the levels of the topology that there are not return ECX and the APIC's number */
	page.gpr[GPR_RAX] = CPUID_TOPOLOGY;
	page.gpr[GPR_RCX] = 7;
	settle(EXIT_CPUID);
	assert_int_equal(page.gpr[GPR_RCX], 7);
	assert_int_equal(learnt_leaf, 0x20);
	machine.debugger.attached = true;
	page.gpr[GPR_RAX] = 0x80001235;
	settle(EXIT_CPUID);
	machine.debugger.attached = false;
	assert_int_equal(learnt_leaf, 0x20);
}

/* Intel's CPUs answer leaves above the last with the last one's data: here leaf 0xd, XSAVE's. */
static void test_cpuid_above(void **state)
{
	(void)state;
	machine.cpuid.intel = true;
	page.xcr0 = XCR0_X87 | XCR0_SSE | XCR0_AVX;
	page.gpr[GPR_RAX] = 0x20;
	settle(EXIT_CPUID);
	assert_int_equal(groups_fetched, VCPU_XCR0);
	assert_int_equal(page.gpr[GPR_RAX], 7);
	assert_int_equal(page.gpr[GPR_RBX], 576 + 256);
}

/* The guest goes on behind a bus lock a millisecond later, whatever signals come in between. */
static void test_bus_lock(void **state)
{
	u64 before = host_tsc;

	(void)state;
	page.exit.reason = EXIT_HLT;
	loop_leave_guest(vcpu);
	assert_int_equal(host_tsc, before);
	signals_left = 5;
	page.exit.reason = EXIT_BUS_LOCK;
	loop_leave_guest(vcpu);
	assert_int_equal(host_tsc - before, NS_PER_MS);
	assert_int_equal(signals_left, 0);
	settle(EXIT_BUS_LOCK);
	assert_int_equal(machine.state, VM_RUNNING);
	assert_int_equal(page.exit.reason, EXIT_NONE);
	assert_int_equal(page.request, 0);
	assert_false(vcpu->event.valid);
}

static void test_unknown_length(void **state)
{
	(void)state;
	page.exit.reason = EXIT_INVD;
	page.exit.instruction_length = 0;
	exits_handle(vcpu);
	todo_do(&machine);
	assert_int_equal(page.request, REQUEST_ADVANCE);
	assert_int_equal(page.advance_length, 9);
	emulate_answer = EMULATE_UNSUPPORTED;
	page.exit.reason = EXIT_INVD;
	exits_handle(vcpu);
	todo_do(&machine);
	assert_crashed("cannot be decoded");
}

static void test_msr(void **state)
{
	(void)state;
	page.gpr[GPR_RCX] = MSR_APIC_BASE;
	settle(EXIT_RDMSR);
	assert_advanced();
	assert_int_equal(page.gpr[GPR_RAX], 0x55667788);
	assert_int_equal(page.gpr[GPR_RDX], 0x11223344);
	page.gpr[GPR_RCX] = 0xdeadbeef;
	settle(EXIT_RDMSR);
	assert_raised(VECTOR_GP);
	settle(EXIT_WRMSR);
	assert_raised(VECTOR_GP);
	assert_int_equal(groups_fetched, 0);
	page.gpr[GPR_RCX] = MSR_EFER;
	page.gpr[GPR_RAX] = 0xffffffff00000000ull | EFER_NXE;
	page.gpr[GPR_RDX] = 0xffffffff00000000ull;
	settle(EXIT_WRMSR);
	assert_advanced();
	assert_int_equal(groups_fetched, VCPU_CONTROL);
	assert_int_equal(page.efer, EFER_NXE);
	assert_int_equal(page.dirty, VCPU_CONTROL);
}

/* A write of the TSC moves TSC_ADJUST too, and leaves the KVM clock's time as it was. */
static void test_tsc(void **state)
{
	(void)state;
	host_tsc += 5000;
	machine_update_clock(&machine);
	page.gpr[GPR_RCX] = MSR_TSC;
	settle(EXIT_RDMSR);
	assert_int_equal(page.gpr[GPR_RAX], 5000);
	page.gpr[GPR_RAX] = 6500;
	page.gpr[GPR_RDX] = 0;
	settle(EXIT_WRMSR);
	assert_advanced();
	assert_int_equal(page.dirty, VCPU_TSC);
	assert_int_equal(host_tsc + page.tsc_offset, 6500);
	assert_int_equal(machine.platform.clock.now_ns, 5000);
	page.gpr[GPR_RCX] = MSR_TSC_ADJUST;
	settle(EXIT_RDMSR);
	assert_int_equal(page.gpr[GPR_RAX], 1500);
	page.gpr[GPR_RAX] = 0;
	settle(EXIT_WRMSR);
	assert_int_equal(host_tsc + page.tsc_offset, 5000);
}

static void test_xsetbv(void **state)
{
	static const u64 bad[] = {0, 2, 5, 0xf, 0xe7, 0x207, 1ull << 63 | 1};

	(void)state;
	/* without OSXSAVE there is no such instruction, whatever else is wrong */
	page.segment[SEG_SS].access = 3 << SEGMENT_DPL_SHIFT;
	page.gpr[GPR_RAX] = 7;
	settle(EXIT_XSETBV);
	assert_raised(VECTOR_UD);
	page.segment[SEG_SS].access = 0;
	settle(EXIT_XSETBV);
	assert_raised(VECTOR_UD);
	page.cr4 |= CR4_OSXSAVE;
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		page.gpr[GPR_RAX] = bad[i] & 0xffffffff;
		page.gpr[GPR_RDX] = bad[i] >> 32;
		settle(EXIT_XSETBV);
		assert_raised(VECTOR_GP);
	}
	page.gpr[GPR_RAX] = 7;
	page.gpr[GPR_RDX] = 0;
	page.gpr[GPR_RCX] = 1;
	settle(EXIT_XSETBV);
	assert_raised(VECTOR_GP);
	page.gpr[GPR_RCX] = 0;
	page.segment[SEG_SS].access = 3 << SEGMENT_DPL_SHIFT;
	settle(EXIT_XSETBV);
	assert_raised(VECTOR_GP);
	page.segment[SEG_SS].access = 0;
	settle(EXIT_XSETBV);
	assert_advanced();
	assert_int_equal(page.xcr0, 7);
	assert_int_equal(page.dirty, VCPU_XCR0);
}

static void test_simple_answers(void **state)
{
	(void)state;
	settle(EXIT_MWAIT);
	assert_raised(VECTOR_UD);
	settle(EXIT_INVALID_OPCODE);
	assert_raised(VECTOR_UD);
	settle(EXIT_RDPMC);
	assert_raised(VECTOR_GP);
	settle(EXIT_HYPERCALL);
	assert_advanced();
	assert_int_equal(page.gpr[GPR_RAX], (u32)-1000); /* 32 bits: outside 64-bit mode */
	page.exit.vector = VECTOR_DB;
	page.exit.reason = EXIT_EXCEPTION;
	page.exit.instruction_length = 0; /* with a length the exception would be INT1 */
	page.request = 0;
	exits_handle(vcpu);
	todo_do(&machine);
	assert_raised(VECTOR_DB);
	settle(EXIT_KICK);
	assert_int_equal(page.request, 0);
	assert_int_equal(machine.state, VM_RUNNING);
}

static void test_crashes(void **state)
{
	static const struct {
		enum exit_reason reason;
		const char *words;
	} cases[] = {
		{EXIT_NO_MEMORY, "no memory left"},    {EXIT_ENTRY_FAILED, "explained"},
		{EXIT_UNKNOWN, "is not handled"},      {EXIT_HOST_INTERRUPT, "not handled"},
		{(enum exit_reason)77, "not handled"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		machine_start(&machine);
		todo_do(&machine);
		settle(cases[i].reason);
		assert_crashed(cases[i].words);
	}
}

/* Five resets that nobody asked for are too many within a minute, but not within an hour. */
static void test_triple_faults(void **state)
{
	(void)state;
	settle(EXIT_TRIPLE_FAULT); /* the host has just started */
	assert_int_equal(machine.state, VM_RUNNING);
	for (u32 i = 0; i < 10; i++) {
		host_tsc += 700 * NS_PER_S;
		settle(EXIT_TRIPLE_FAULT);
		assert_int_equal(machine.state, VM_RUNNING);
	}
	assert_int_equal(loads, 12);
	for (u32 i = 0; i < 3; i++)
		settle(EXIT_TRIPLE_FAULT);
	assert_int_equal(machine.state, VM_RUNNING);
	host_tsc += 59 * NS_PER_S;
	settle(EXIT_TRIPLE_FAULT);
	assert_crashed("triple fault, 5 times within 60 s");
}

/* A task gate to a busy TSS: #GP during delivery of the exception. */
static void deliver_to_busy_task(u8 vector)
{
	const u64 busy_tss = 0x67 | 0x2000 << 16 | 0x8bull << 40;

	memcpy(ram + 0x1020, &busy_tss, sizeof(busy_tss));
	page.gdtr = (struct vcpu_table_state){.base = 0x1000, .limit = 0x2f};
	page.cr0 = CR0_PE;
	page.exit.qualification = 0x20 | (u64)TASK_GATE_IN_IDT << 30;
	vcpu->event = (struct vcpu_event){
		.valid = 1, .type = EVENT_EXCEPTION, .vector = vector, .has_error_code = 1};
	settle(EXIT_TASK_SWITCH);
}

static void test_task_gate_refused(void **state)
{
	(void)state;
	deliver_to_busy_task(VECTOR_AC);
	assert_raised(VECTOR_GP);
	deliver_to_busy_task(VECTOR_GP);
	assert_int_equal(machine.crash_count, 0);
	assert_raised(VECTOR_DF);
	deliver_to_busy_task(VECTOR_DF);
	assert_int_equal(machine.crash_count, 1);
	assert_false(vcpu->event.valid);
}

/* Whatever the vCPU page holds, the monitor's own memory is safe. */
static void test_noise(void **state)
{
	u64 seed = RANDOM_SEED;

	(void)state;
	for (u32 i = 0; i < 20000; i++) {
		u8 *bytes = (u8 *)&page;

		for (size_t at = 0; at < offsetof(struct vcpu_page, want); at++) {
			random_step(&seed);
			bytes[at] = (u8)(seed >> 24);
		}
		page.exit.io_size = (u8)(1u << (seed & 1));
		page.dirty = 0;
		emulate_answer = (enum emulate_result)(seed >> 8 & 3);
		if (machine.state != VM_RUNNING)
			machine_start(&machine);
		todo_do(&machine);
		settle((enum exit_reason)(seed >> 40 & 63));
		if (machine.state == VM_RUNNING)
			(void)inject_prepare(vcpu);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_make, fixture_free)
	const struct CMUnitTest tests[] = {
		TEST(test_in),
		TEST(test_out),
		TEST(test_io_string),
		TEST(test_memory),
		TEST(test_mov_to_cr8),
		TEST(test_changed_since),
		TEST(test_memory_stepped),
		TEST(test_execute_nowhere),
		TEST(test_delivery_nowhere),
		TEST(test_cpuid),
		TEST(test_cpuid_above),
		TEST(test_cpuid_of_none),
		TEST(test_bus_lock),
		TEST(test_unknown_length),
		TEST(test_msr),
		TEST(test_tsc),
		TEST(test_xsetbv),
		TEST(test_simple_answers),
		TEST(test_crashes),
		TEST(test_triple_faults),
		TEST(test_task_gate_refused),
		TEST(test_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
