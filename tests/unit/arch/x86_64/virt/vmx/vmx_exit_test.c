/* SPDX-License-Identifier: MIT */
/* How the VMX back end decodes exits, and which of them it settles itself. */
#include "tests/unit/vmx_machine.h"

static void io_is_decoded(void **state)
{
	(void)state;
	field[VMCS_EXIT_INSTRUCTION_LENGTH] = 2;
	assert_false(decode(VMX_EXIT_IO, 0x3f8ull << 16 | 3 | BIT(3) | BIT(4) | BIT(5)));
	assert_int_equal(vcpu.exit.reason, EXIT_IO);
	assert_int_equal(vcpu.exit.io_port, 0x3f8);
	assert_int_equal(vcpu.exit.io_size, 4);
	assert_int_equal(vcpu.exit.io_flags, IO_IN | IO_STRING | IO_REP);
	assert_int_equal(vcpu.exit.instruction_length, 2);
	assert_false(decode(VMX_EXIT_IO, 0x80ull << 16));
	assert_int_equal(vcpu.exit.io_size, 1);
	assert_int_equal(vcpu.exit.io_flags, 0);
}

/* Bit 27 of the reason: an exit from enclave mode, in which no guest can be. */
static void odd_reason_is_unknown(void **state)
{
	(void)state;
	decode(VMX_EXIT_IO | BIT(27), 0x3f8ull << 16);
	assert_int_equal(vcpu.exit.reason, EXIT_UNKNOWN);
	assert_int_equal(vcpu.exit.vendor_code, VMX_EXIT_IO | BIT(27));
}

/*
 * A bus lock exits after its instruction. One that came together with another exit is a bit of its
 * reason: those that are decoded with no look at it come once more.
 */
static void bus_locks_are_told(void **state)
{
	static const u32 again[] = {VMX_EXIT_IO, VMX_EXIT_CPUID, VMX_EXIT_HLT, VMX_EXIT_WRMSR,
				    VMX_EXIT_EXTERNAL_INTERRUPT};

	(void)state;
	assert_false(decode(VMX_EXIT_BUS_LOCK, 0));
	assert_int_equal(vcpu.exit.reason, EXIT_BUS_LOCK);
	assert_false(decode(VMX_EXIT_BUS_LOCK | EXIT_REASON_BUS_LOCK, 0));
	assert_int_equal(vcpu.exit.reason, EXIT_BUS_LOCK);
	for (u32 i = 0; i < ARRAY_COUNT(again); i++)
		assert_true(decode(again[i] | EXIT_REASON_BUS_LOCK, 0));
	field[VMCS_GUEST_PHYSICAL_ADDRESS] = 0xfee00030;
	assert_false(decode(VMX_EXIT_EPT_VIOLATION | EXIT_REASON_BUS_LOCK, BIT(1)));
	assert_int_equal(vcpu.exit.reason, EXIT_MEMORY);
	assert_int_equal(vcpu.exit.gpa, 0xfee00030);
	assert_false(decode(VMX_EXIT_ENCLV, 0));
	assert_int_equal(vcpu.exit.reason, EXIT_INVALID_OPCODE);
}

static void ept_violation_is_decoded(void **state)
{
	(void)state;
	field[VMCS_GUEST_PHYSICAL_ADDRESS] = 0xfee00030;
	field[VMCS_GUEST_LINEAR_ADDRESS] = 0xffff8000fee00030;
	decode(VMX_EXIT_EPT_VIOLATION, BIT(1) | BIT(7) | BIT(8));
	assert_int_equal(vcpu.exit.reason, EXIT_MEMORY);
	assert_int_equal(vcpu.exit.gpa, 0xfee00030);
	assert_int_equal(vcpu.exit.gva, 0xffff8000fee00030);
	assert_int_equal(vcpu.exit.access, ACCESS_WRITE);
	decode(VMX_EXIT_EPT_VIOLATION, BIT(0) | BIT(7));
	assert_int_equal(vcpu.exit.access, ACCESS_READ | ACCESS_TABLE_WALK);
	decode(VMX_EXIT_EPT_VIOLATION, BIT(2));
	assert_int_equal(vcpu.exit.access, ACCESS_EXECUTE);
	assert_int_equal(vcpu.exit.gva, 0);
	assert_false(field[VMCS_GUEST_INTERRUPTIBILITY] & INTERRUPTIBILITY_NMI);
	decode(VMX_EXIT_EPT_VIOLATION, BIT(0) | BIT(12));
	assert_true(field[VMCS_GUEST_INTERRUPTIBILITY] & INTERRUPTIBILITY_NMI);
	/* NMIs are not blocked again if the exit came during the delivery of an event. */
	field[VMCS_GUEST_INTERRUPTIBILITY] = 0;
	field[VMCS_IDT_VECTORING_INFO] = INTERRUPTION_VALID | 0x30;
	decode(VMX_EXIT_EPT_VIOLATION, BIT(0) | BIT(12));
	assert_int_equal(field[VMCS_GUEST_INTERRUPTIBILITY], 0);
}

static void interrupted_delivery_comes_back(void **state)
{
	(void)state;
	field[VMCS_IDT_VECTORING_INFO] = INTERRUPTION_VALID | 0x80 | 4 << 8;
	field[VMCS_EXIT_INSTRUCTION_LENGTH] = 2;
	decode(VMX_EXIT_EPT_VIOLATION, 1);
	assert_true(vcpu.event.valid);
	assert_int_equal(vcpu.event.type, EVENT_SOFTWARE_INTERRUPT);
	assert_int_equal(vcpu.event.vector, 0x80);
	assert_int_equal(vcpu.event.instruction_length, 2);
	field[VMCS_IDT_VECTORING_INFO] = INTERRUPTION_VALID | INTERRUPTION_ERROR_CODE | 14 | 3 << 8;
	field[VMCS_IDT_VECTORING_ERROR_CODE] = 6;
	decode(VMX_EXIT_TASK_SWITCH, 0);
	assert_int_equal(vcpu.exit.reason, EXIT_TASK_SWITCH);
	assert_int_equal(vcpu.event.error_code, 6);
	assert_int_equal(vcpu.event.instruction_length, 0);
	field[VMCS_IDT_VECTORING_INFO] = 0;
	decode(VMX_EXIT_HLT, 0);
	assert_false(vcpu.event.valid);
}

static void every_reason_has_a_name(void **state)
{
	static const struct {
		u32 vmx;
		u32 reason;
	} pairs[] = {
		{VMX_EXIT_EXTERNAL_INTERRUPT, EXIT_HOST_INTERRUPT},
		{VMX_EXIT_CPUID, EXIT_CPUID},
		{VMX_EXIT_TRIPLE_FAULT, EXIT_TRIPLE_FAULT},
		{VMX_EXIT_HLT, EXIT_HLT},
		{VMX_EXIT_RDMSR, EXIT_RDMSR},
		{VMX_EXIT_WRMSR, EXIT_WRMSR},
		{VMX_EXIT_VMCALL, EXIT_HYPERCALL},
		{VMX_EXIT_VMXON, EXIT_INVALID_OPCODE},
		{VMX_EXIT_WBINVD, EXIT_INVD},
		{VMX_EXIT_XSETBV, EXIT_XSETBV},
		{VMX_EXIT_INTERRUPT_WINDOW, EXIT_INTERRUPT_WINDOW},
		{VMX_EXIT_NMI_WINDOW, EXIT_NMI_WINDOW},
		{VMX_EXIT_MWAIT, EXIT_MWAIT},
		{VMX_EXIT_EPT_MISCONFIGURATION, EXIT_UNKNOWN},
		{35, EXIT_UNKNOWN},
		{VMX_EXIT_XRSTORS, EXIT_UNKNOWN},
		{0xfff, EXIT_UNKNOWN},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(pairs); i++) {
		decode(pairs[i].vmx, 0);
		assert_int_equal(vcpu.exit.reason, pairs[i].reason);
		if (pairs[i].reason == EXIT_UNKNOWN)
			assert_int_equal(vcpu.exit.vendor_code, pairs[i].vmx);
	}
	for (u32 i = 0; i < 80; i++) {
		decode(i, 0);
		assert_in_range(vcpu.exit.reason, EXIT_NONE + 1, EXIT_REASON_COUNT - 1);
	}
}

static void host_nmi_and_machine_check_reach_the_host(void **state)
{
	unsigned int nmis = nmi_count;
	unsigned int checks = machine_check_count;

	(void)state;
	field[VMCS_EXIT_INTERRUPTION_INFO] = INTERRUPTION_VALID | 2 << 8 | 2;
	assert_false(decode(VMX_EXIT_EXCEPTION_NMI, 0));
	assert_int_equal(vcpu.exit.reason, EXIT_HOST_INTERRUPT);
	assert_int_equal(nmi_count, nmis + 1);
	field[VMCS_EXIT_INTERRUPTION_INFO] = INTERRUPTION_VALID | 3 << 8 | 18;
	assert_false(decode(VMX_EXIT_EXCEPTION_NMI, 0));
	assert_int_equal(machine_check_count, checks + 1);
	decode(EXIT_REASON_ENTRY_FAILURE | VMX_EXIT_MACHINE_CHECK, 0);
	assert_int_equal(machine_check_count, checks + 2);
	assert_int_equal(vcpu.exit.reason, EXIT_HOST_INTERRUPT);
	decode(EXIT_REASON_ENTRY_FAILURE | VMX_EXIT_INVALID_GUEST_STATE, 0);
	assert_int_equal(vcpu.exit.reason, EXIT_ENTRY_FAILED);
	assert_int_equal(vcpu.exit.vendor_code, 0x80000021);
}

static void debug_exception_goes_back_to_the_guest(void **state)
{
	(void)state;
	field[VMCS_GUEST_DR7] = 0x400 | DR7_GD;
	field[VMCS_EXIT_INTERRUPTION_INFO] = INTERRUPTION_VALID | 3 << 8 | 1;
	assert_true(decode(VMX_EXIT_EXCEPTION_NMI, BIT(14) | BIT(0)));
	assert_int_equal(fake_dr6, DR6_RESET | BIT(14) | BIT(0));
	assert_int_equal(field[VMCS_GUEST_DR7], 0x400);
	assert_int_equal(field[VMCS_ENTRY_INTERRUPTION_INFO], INTERRUPTION_VALID | 3 << 8 | 1);
	/* INT1 is delivered as INT1, and does not change DR6. */
	field[VMCS_EXIT_INTERRUPTION_INFO] = INTERRUPTION_VALID | 5 << 8 | 1;
	field[VMCS_EXIT_INSTRUCTION_LENGTH] = 1;
	assert_true(decode(VMX_EXIT_EXCEPTION_NMI, BIT(14)));
	assert_int_equal(fake_dr6, DR6_RESET | BIT(14) | BIT(0));
	assert_int_equal(field[VMCS_ENTRY_INTERRUPTION_INFO], INTERRUPTION_VALID | 5 << 8 | 1);
	assert_int_equal(field[VMCS_ENTRY_INSTRUCTION_LENGTH], 1);
}

/* SDM vol. 3, 27.3.1.5: with a shadow and TF an entry needs a pending trap; here there is none. */
static void debug_exception_ends_the_shadow(void **state)
{
	const u32 shadows[] = {INTERRUPTIBILITY_STI, INTERRUPTIBILITY_MOV_SS};

	(void)state;
	field[VMCS_EXIT_INTERRUPTION_INFO] = INTERRUPTION_VALID | 3 << 8 | 1;
	for (u32 i = 0; i < 4; i++) {
		vcpu.trap_exceptions = i & 2 ? BIT(VECTOR_DB) : 0;
		field[VMCS_GUEST_INTERRUPTIBILITY] = shadows[i & 1] | INTERRUPTIBILITY_NMI;
		assert_true(decode(VMX_EXIT_EXCEPTION_NMI, BIT(14)) == !(i & 2));
		assert_int_equal(field[VMCS_GUEST_INTERRUPTIBILITY], INTERRUPTIBILITY_NMI);
	}
}

/* An event that comes only once goes first: the exception recurs by itself. */
static void interrupts_outlast_a_reflection(void **state)
{
	static const u32 kept[] = {0x31, 2 << 8 | 2}, raised_again[] = {3 << 8 | 14, 4 << 8 | 0x80};

	(void)state;
	field[VMCS_EXIT_INTERRUPTION_INFO] = INTERRUPTION_VALID | 3 << 8 | VECTOR_DB;
	for (u32 i = 0; i < 2; i++) {
		field[VMCS_GUEST_INTERRUPTIBILITY] = INTERRUPTIBILITY_NMI;
		field[VMCS_IDT_VECTORING_INFO] = INTERRUPTION_VALID | kept[i];
		assert_true(decode(VMX_EXIT_EXCEPTION_NMI, BIT(0)));
		assert_int_equal(field[VMCS_ENTRY_INTERRUPTION_INFO], INTERRUPTION_VALID | kept[i]);
		assert_int_equal(fake_dr6, DR6_RESET);
		assert_false(vcpu.event.valid);
	}
	/* no blocking is left, so that the NMI can come */
	assert_int_equal(field[VMCS_GUEST_INTERRUPTIBILITY], 0);
	for (u32 i = 0; i < 2; i++) {
		field[VMCS_IDT_VECTORING_INFO] = INTERRUPTION_VALID | raised_again[i];
		assert_true(decode(VMX_EXIT_EXCEPTION_NMI, BIT(0)));
		assert_int_equal(field[VMCS_ENTRY_INTERRUPTION_INFO],
				 INTERRUPTION_VALID | 3 << 8 | VECTOR_DB);
	}
}

/* INT1 differs from other debug exceptions in its length. */
static void int1_has_a_length(void **state)
{
	(void)state;
	vcpu.trap_exceptions = BIT(VECTOR_DB);
	field[VMCS_EXIT_INSTRUCTION_LENGTH] = 1;
	field[VMCS_EXIT_INTERRUPTION_INFO] = INTERRUPTION_VALID | 5 << 8 | VECTOR_DB;
	assert_false(decode(VMX_EXIT_EXCEPTION_NMI, 0));
	assert_int_equal(vcpu.exit.instruction_length, 1);
	field[VMCS_EXIT_INTERRUPTION_INFO] = INTERRUPTION_VALID | 3 << 8 | VECTOR_DB;
	assert_false(decode(VMX_EXIT_EXCEPTION_NMI, 0));
	assert_int_equal(vcpu.exit.instruction_length, 0);
}

/* The monitor's traps become controls in the VMCS, and accesses that are not settled here. */
static void traps_change_the_control_words(void **state)
{
	struct vcpu_page *page = vcpu.page;

	(void)state;
	page->cr0 = CR0_PE | CR0_PG | CR0_CD;
	page->cr4 = CR4_PAE;
	vmx_set(&vcpu, VCPU_CONTROL);
	vmx_set(&vcpu, VCPU_TRAPS);
	assert_true(vcpu.own_timer);
	page->trap = VTRAP_CR | VTRAP_DR | VTRAP_MSR | VTRAP_FLUSH | VTRAP_NO_TIMER;
	page->trap_exceptions = BIT(VECTOR_PF);
	page->cr3_target[1] = 0x7000;
	vmx_set(&vcpu, VCPU_TRAPS);
	assert_int_equal(field[VMCS_EXCEPTION_BITMAP], VMX_EXCEPTIONS | BIT(VECTOR_PF));
	assert_int_equal(
		field[VMCS_PRIMARY_CONTROLS],
		(vmx_capability.primary | PRIMARY_CR3_LOAD_EXITING | PRIMARY_MOV_DR_EXITING) &
			~PRIMARY_USE_MSR_BITMAPS);
	assert_int_equal(field[VMCS_SECONDARY_CONTROLS],
			 vmx_capability.secondary & ~SECONDARY_VPID);
	assert_int_equal(field[VMCS_PIN_CONTROLS], vmx_capability.pin & ~PIN_PREEMPTION_TIMER);
	assert_false(vcpu.own_timer);
	assert_int_equal(field[VMCS_CR0_MASK], ~0ull);
	assert_int_equal(field[VMCS_CR4_MASK], ~0ull);
	/* the guest still reads what it has written */
	assert_int_equal(vmx_cr0_get(), CR0_PE | CR0_PG | CR0_CD);
	assert_int_equal(field[VMCS_CR0_SHADOW], CR0_PE | CR0_PG | CR0_CD);
	assert_int_equal(field[VMCS_CR3_TARGET_COUNT], vmx_capability.cr3_targets);
	if (vmx_capability.cr3_targets > 1)
		assert_int_equal(field[VMCS_CR3_TARGET0 + 2], 0x7000);
	assert_false(vmx_cr_handle(&vcpu, 4 | GPR_RAX << 8));

	page->trap = VTRAP_RESTRICTED;
	page->trap_exceptions = 0;
	vmx_set(&vcpu, VCPU_TRAPS);
	assert_int_equal(field[VMCS_SECONDARY_CONTROLS],
			 vmx_capability.secondary & ~SECONDARY_UNRESTRICTED_GUEST);
	assert_int_equal(field[VMCS_PRIMARY_CONTROLS], vmx_capability.primary);
	assert_true((field[VMCS_CR0_MASK] & (CR0_PE | CR0_PG)) == (CR0_PE | CR0_PG));
	page->gpr[GPR_RAX] = CR0_PE;
	assert_false(vmx_cr_handle(&vcpu, 0 | GPR_RAX << 8));
	page->trap = 0;
	vmx_set(&vcpu, VCPU_TRAPS);
	assert_true(vmx_cr_handle(&vcpu, 0 | GPR_RAX << 8));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_WITH_VCPU(io_is_decoded),
		TEST_WITH_VCPU(odd_reason_is_unknown),
		TEST_WITH_VCPU(bus_locks_are_told),
		TEST_WITH_VCPU(ept_violation_is_decoded),
		TEST_WITH_VCPU(interrupted_delivery_comes_back),
		TEST_WITH_VCPU(every_reason_has_a_name),
		TEST_WITH_VCPU(host_nmi_and_machine_check_reach_the_host),
		TEST_WITH_VCPU(debug_exception_goes_back_to_the_guest),
		TEST_WITH_VCPU(debug_exception_ends_the_shadow),
		TEST_WITH_VCPU(interrupts_outlast_a_reflection),
		TEST_WITH_VCPU(int1_has_a_length),
		TEST_WITH_VCPU(traps_change_the_control_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
