/* SPDX-License-Identifier: MIT */
/* How the SVM back end decodes exits, and which of them it settles itself. */
#include "tests/unit/svm_machine.h"

static void test_plain_reasons(void **state)
{
	static const struct {
		u64 code;
		u32 reason;
	} expected[] = {
		{0x000, EXIT_CR},
		{0x018, EXIT_CR},
		{0x021, EXIT_DR},
		{0x03f, EXIT_DR},
		{0x060, EXIT_HOST_INTERRUPT},
		{0x061, EXIT_HOST_INTERRUPT},
		{0x064, EXIT_INTERRUPT_WINDOW},
		{0x06e, EXIT_RDTSC},
		{0x06f, EXIT_RDPMC},
		{0x072, EXIT_CPUID},
		{0x076, EXIT_INVD},
		{0x078, EXIT_HLT},
		{0x07f, EXIT_TRIPLE_FAULT},
		{0x080, EXIT_INVALID_OPCODE},
		{0x081, EXIT_HYPERCALL},
		{0x082, EXIT_INVALID_OPCODE},
		{0x085, EXIT_INVALID_OPCODE},
		{0x087, EXIT_RDTSC},
		{0x089, EXIT_INVD},
		{0x08a, EXIT_MONITOR},
		{0x08b, EXIT_MWAIT},
		{0x08d, EXIT_XSETBV},
		{0x070, EXIT_UNKNOWN},
		{0x08f, EXIT_UNKNOWN},
		{0x0a5, EXIT_BUS_LOCK},
		{0x0a6, EXIT_UNKNOWN},
		{0x090, EXIT_UNKNOWN},
		{0x403, EXIT_UNKNOWN},
		{~0ull, EXIT_ENTRY_FAILED},
		{~1ull, EXIT_UNKNOWN},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(expected); i++) {
		decode(expected[i].code, 0, 0);
		assert_int_equal(exit_.reason, expected[i].reason);
		assert_true(exit_.vendor_code == expected[i].code);
		assert_int_equal(exit_.instruction_length, 0);
		assert_false(event.valid);
	}
}

static void test_io(void **state)
{
	(void)state;
	vmcb.save.rip = 0x7ffe;
	decode(0x7b, 0x03f80000 | BIT(4) | BIT(0), 0x7fff);
	assert_int_equal(exit_.reason, EXIT_IO);
	assert_int_equal(exit_.io_port, 0x3f8);
	assert_int_equal(exit_.io_size, 1);
	assert_int_equal(exit_.io_flags, IO_IN);
	assert_int_equal(exit_.instruction_length, 1);

	decode(0x7b, 0xfffc0000 | BIT(6) | BIT(2) | BIT(3), 0x8001);
	assert_int_equal(exit_.io_port, 0xfffc);
	assert_int_equal(exit_.io_size, 4);
	assert_int_equal(exit_.io_flags, IO_STRING | IO_REP);
	assert_int_equal(exit_.instruction_length, 3);

	decode(0x7b, BIT(5), 0x7ffe + 16); /* no instruction has this length */
	assert_int_equal(exit_.io_size, 2);
	assert_int_equal(exit_.instruction_length, 0);
}

static void test_next_rip(void **state)
{
	(void)state;
	vmcb.save.rip = 0xffffffff81000000;
	vmcb.control.next_rip = vmcb.save.rip + 2;
	decode(0x72, 0, 0);
	assert_int_equal(exit_.instruction_length, 2);
	vmcb.control.next_rip = vmcb.save.rip - 1;
	decode(0x72, 0, 0);
	assert_int_equal(exit_.instruction_length, 0);
}

static void test_msr(void **state)
{
	(void)state;
	decode(0x7c, 0, 0);
	assert_int_equal(exit_.reason, EXIT_RDMSR);
	decode(0x7c, 1, 0);
	assert_int_equal(exit_.reason, EXIT_WRMSR);
}

static void test_nested_fault(void **state)
{
	(void)state;
	decode(0x400, BIT(32) | BIT(2), 0xfee00030);
	assert_int_equal(exit_.reason, EXIT_MEMORY);
	assert_true(exit_.gpa == 0xfee00030);
	assert_int_equal(exit_.access, ACCESS_READ);
	decode(0x400, BIT(32) | BIT(2) | BIT(1), 0);
	assert_int_equal(exit_.access, ACCESS_WRITE);
	decode(0x400, BIT(32) | BIT(4), 0);
	assert_int_equal(exit_.access, ACCESS_EXECUTE);
	decode(0x400, BIT(33) | BIT(1) | BIT(0), 0);
	assert_int_equal(exit_.access, ACCESS_WRITE | ACCESS_TABLE_WALK);
}

static void test_exception(void **state)
{
	(void)state;
	decode(0x40 + 14, 2, 0xdead);
	assert_int_equal(exit_.reason, EXIT_EXCEPTION);
	assert_int_equal(exit_.vector, 14);
	assert_int_equal(exit_.error_code, 2);
	assert_true(exit_.qualification2 == 0xdead);
}

static void interrupted(u64 info)
{
	vmcb.control.exit_int_info = info;
	decode(0x400, 0, 0);
}

static void test_interrupted_delivery(void **state)
{
	(void)state;
	interrupted(0x0030); /* the interrupted event is not valid */
	assert_false(event.valid);

	interrupted(BIT(31) | 0x0030);
	assert_true(event.valid);
	assert_int_equal(event.type, EVENT_INTERRUPT);
	assert_int_equal(event.vector, 0x30);

	interrupted(BIT(31) | 0x0202);
	assert_int_equal(event.type, EVENT_NMI);

	interrupted(BIT(31) | BIT(11) | 0x030e | 6ull << 32);
	assert_int_equal(event.type, EVENT_EXCEPTION);
	assert_int_equal(event.vector, 14);
	assert_true(event.has_error_code);
	assert_int_equal(event.error_code, 6);

	interrupted(BIT(31) | 0x0330); /* an interrupt, whatever the type says */
	assert_int_equal(event.type, EVENT_INTERRUPT);
	assert_int_equal(event.vector, 0x30);

	interrupted(BIT(31) | 0x0480); /* INT 80h: raised again by the instruction */
	assert_false(event.valid);
	interrupted(BIT(31) | 0x0303); /* INT3 */
	assert_false(event.valid);
}

/* The length is looked for only if the CPU gives none, and only for certain exits. */
static void test_length_is_looked_for(void **state)
{
	(void)state;
	code_length = 3;
	run(VMEXIT_CPUID, 0x1000);
	assert_int_equal(vcpu.exit.instruction_length, 3);
	run(VMEXIT_NPF, 0x1000);
	assert_int_equal(vcpu.exit.instruction_length, 0);
	vmcb.control.next_rip = 0x1002;
	run(VMEXIT_CPUID, 0x1000);
	assert_int_equal(vcpu.exit.instruction_length, 2);
}

static void test_reflection(void **state)
{
	(void)state;
	run(VMEXIT_EXCEPTION + VECTOR_DB, 0x1000);
	assert_int_equal(vcpu.exit.reason, EXIT_HOST_INTERRUPT);
	assert_true(vcpu.event.valid);
	assert_int_equal(vcpu.event.vector, VECTOR_DB);
	assert_false(vcpu.event.has_error_code);

	vmcb.control.exit_int_info = BIT(31) | 0x031; /* an interrupt must not get lost */
	run(VMEXIT_EXCEPTION + VECTOR_AC, 0x1000);
	assert_int_equal(vcpu.event.vector, 0x31);
	vmcb.control.exit_int_info = BIT(31) | 0x300 | VECTOR_AC;
	run(VMEXIT_EXCEPTION + VECTOR_AC, 0x1000);
	assert_int_equal(vcpu.event.vector, VECTOR_AC);
	assert_true(vcpu.event.has_error_code);
}

/* The host's handler runs; a guest that a machine check has shut down stays shut down. */
static void test_machine_check(void **state)
{
	(void)state;
	run(VMEXIT_EXCEPTION + VECTOR_MC, 0x1000);
	assert_int_equal(vcpu.exit.reason, EXIT_HOST_INTERRUPT);
	assert_int_equal(machine_checks, 1);

	mcg_status = MCG_STATUS_MCIP;
	for (u32 there = 0; there < 2; there++) {
		features.machine_check = there;
		run(VMEXIT_SHUTDOWN, 0x1000);
		assert_int_equal(vcpu.exit.reason, EXIT_TRIPLE_FAULT);
		assert_int_equal(machine_checks, 1 + there);
	}
	mcg_status = ~MCG_STATUS_MCIP; /* the guest's own triple fault */
	run(VMEXIT_SHUTDOWN, 0x1000);
	assert_int_equal(vcpu.exit.reason, EXIT_TRIPLE_FAULT);
	assert_int_equal(machine_checks, 2);
}

/* The host's machine check comes before the guest takes its interrupt, which must not get lost. */
static void test_interrupt_after_machine_check(void **state)
{
	const struct vcpu_event interrupt = {.valid = 1, .type = EVENT_INTERRUPT, .vector = 0x41};

	(void)state;
	vmcb.save.rflags = RFLAGS_IF;
	svm_request(&vcpu, &interrupt, 0);
	run(VMEXIT_EXCEPTION + VECTOR_MC, 0x1000);
	assert_true(vcpu.event.valid);
	assert_int_equal(vcpu.event.vector, 0x41);
	assert_false(vmcb.control.virtual_interrupt & VMCB_V_IRQ);
}

/* The monitor's traps become intercepts in the VMCB, and exits that are not reflected. */
static void test_traps(void **state)
{
	(void)state;
	vm.msr_bitmap = (void *)(direct_map_base + 0x5000);
	svm_capabilities.all_exit = HPA(0x6000);
	vcpu.trap_exceptions = BIT(VECTOR_DB) | BIT(VECTOR_BP);
	svm_traps_set(&vcpu);
	assert_int_equal(vmcb.control.intercept_exceptions,
			 SVM_INTERCEPT_EXCEPTIONS | BIT(VECTOR_BP));
	assert_true((vmcb.control.intercept1 & VMCB_INTERCEPT1_INTN) != 0);
	assert_int_equal(vmcb.control.msrpm_base_pa, 0x5000);
	run(VMEXIT_EXCEPTION + VECTOR_DB, 0x1000);
	assert_int_equal(vcpu.exit.reason, EXIT_EXCEPTION);
	run(VMEXIT_SWINT, 0x1000);
	assert_int_equal(vcpu.exit.reason, EXIT_EXCEPTION);
	assert_int_equal(vcpu.exit.vector, VECTOR_BP);
	assert_int_equal(vmcb.control.intercept_cr_write, 0);

	vcpu.trap_exceptions = 0;
	vcpu.trap = VTRAP_CR | VTRAP_DR | VTRAP_MSR | VTRAP_FLUSH;
	vcpu.flush = true;
	svm_traps_set(&vcpu);
	assert_int_equal(vmcb.control.intercept1 & VMCB_INTERCEPT1_INTN, 0);
	assert_int_equal(vmcb.control.intercept_dr_read, 0xffff);
	assert_int_equal(vmcb.control.intercept_dr_write, 0xffff);
	assert_int_equal(vmcb.control.msrpm_base_pa, 0x6000);
	for (u32 i = 0; i < 3; i++) {
		run(VMEXIT_HLT, 0x1000);
		assert_int_equal(vmcb.control.intercept_cr_write, BIT(0) | BIT(3) | BIT(4));
		assert_int_equal(entered_tlb_control, VMCB_TLB_FLUSH_ALL);
	}
	vcpu.trap &= ~(u32)VTRAP_FLUSH;
	run(VMEXIT_HLT, 0x1000);
	fake_cpu.asids.flush_all = true;
	run(VMEXIT_HLT, 0x1000);
	assert_int_equal(entered_tlb_control, VMCB_TLB_FLUSH_ALL);
	run(VMEXIT_HLT, 0x1000); /* an ordinary entry after one that flushed */
	assert_int_equal(entered_tlb_control, VMCB_TLB_NOTHING);
	svm_leave(&vcpu, 0);
	page.tpr_threshold = 1;
	run(VMEXIT_HLT, 0x1000);
	assert_int_equal(vmcb.control.intercept_cr_write, BIT(0) | BIT(3) | BIT(4) | BIT(8));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_plain_reasons),
		TEST(test_io),
		TEST(test_next_rip),
		TEST(test_msr),
		TEST(test_nested_fault),
		TEST(test_exception),
		TEST(test_interrupted_delivery),
		TEST(test_length_is_looked_for),
		TEST(test_reflection),
		TEST(test_machine_check),
		TEST(test_interrupt_after_machine_check),
		TEST(test_traps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
