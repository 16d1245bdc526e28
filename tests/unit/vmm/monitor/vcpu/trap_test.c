/* SPDX-License-Identifier: MIT */
/* The key `trap`: what the back end is told to trap, and single-stepping a trapped access. */
#define _GNU_SOURCE /* for memmem */
#include "tests/unit/monitor_fixture.h"

static int set_up(void **state)
{
	fixture_make(state);
	vcpu->page->valid = VCPU_ALL;
	string_copy(info.backend, sizeof(info.backend), "VMX/EPT");
	return 0;
}

static void exit_with(enum exit_reason reason, u64 qualification)
{
	page.exit = (struct vcpu_exit){.reason = reason, .qualification = qualification};
	page.rip = 0x1000;
	exits_handle(vcpu);
}

static void test_words(void **state)
{
	(void)state;
	trap_set(&machine, VM_TRAP_CR | VM_TRAP_MSR, VTRAP_FLUSH);
	assert_int_equal(page.trap, VTRAP_CR | VTRAP_MSR | VTRAP_FLUSH);
	assert_int_equal(page.trap_exceptions, 0);
	assert_true((page.dirty & VCPU_TRAPS) != 0);
	trap_set(&machine, VM_TRAP_DR | VM_TRAP_EXCEPTIONS | VM_TRAP_IO, 0);
	assert_int_equal(page.trap, VTRAP_DR);
	assert_int_equal(page.trap_exceptions, (u32) ~(BIT(VECTOR_NMI) | BIT(VECTOR_MC)));
	trap_set(&machine, 0, VTRAP_NO_TIMER);
	assert_int_equal(page.trap, VTRAP_NO_TIMER);
	assert_int_equal(page.trap_exceptions, 0);
}

/* The command takes effect when no vCPU is in the guest. */
static void test_command(void **state)
{
	u64 deadline_tsc;

	(void)state;
	channel.trap = VM_TRAP_IO;
	channel.command = VM_COMMAND_TRAP;
	channel.command_sequence++;
	loop_between_runs(vcpu, &deadline_tsc);
	loop_between_runs(vcpu, &deadline_tsc);
	assert_int_equal(channel.done_sequence, channel.command_sequence);
	assert_int_equal(machine.trap_wanted, VM_TRAP_IO);
	assert_true(machine_may_run(&machine));
	assert_false(machine.fast_path); /* each exit reaches the monitor's full path */
	port_value = 1;
	page.exit = (struct vcpu_exit){.reason = EXIT_IO, .io_size = 1, .io_flags = IO_IN};
	exits_handle(vcpu);
	assert_int_equal(channel.trapped[4], 1);
	assert_non_null(memmem(channel.log, sizeof(channel.log), "trap: in from port", 18));
}

/* MOV to CR4 from RCX: logged, counted, then single-stepped by the CPU without the trap. */
static void test_step(void **state)
{
	(void)state;
	trap_set(&machine, VM_TRAP_CR, 0);
	page.rflags = RFLAGS_FIXED | RFLAGS_IF;
	page.shadow = SHADOW_STI | SHADOW_NMI;
	irq_pending[0] = PENDING_INTERRUPT;
	exit_with(EXIT_CR, 4 | GPR_RCX << 8);
	assert_int_equal(page.shadow, SHADOW_NMI);
	assert_int_equal(channel.trapped[0], 1);
	assert_true((page.rflags & RFLAGS_TF) != 0);
	assert_int_equal(page.trap & VTRAP_CR, 0);
	assert_true((page.trap_exceptions & BIT(VECTOR_DB)) != 0);
	assert_true((page.trap_exceptions & BIT(VECTOR_GP)) != 0);
	assert_int_equal(page.rip, 0x1000);
	assert_true(inject_prepare(vcpu));
	assert_false(page.inject.valid); /* no handler may run in between */

	page.exit = (struct vcpu_exit){
		.reason = EXIT_EXCEPTION, .vector = VECTOR_DB, .qualification = DR6_BS};
	exits_handle(vcpu);
	assert_false(vcpu->event.valid);
	assert_true((page.rflags & RFLAGS_TF) == 0);
	assert_int_equal(page.trap & VTRAP_CR, VTRAP_CR);
	assert_int_equal(page.trap_exceptions, 0);
	assert_int_equal(channel.trapped[2], 0);
}

/* If the instruction faults, the guest gets the exception, without the step's TF. */
static void test_fault(void **state)
{
	(void)state;
	trap_set(&machine, VM_TRAP_CR, 0);
	exit_with(EXIT_CR, 0 | GPR_RAX << 8);
	page.exit = (struct vcpu_exit){.reason = EXIT_EXCEPTION, .vector = VECTOR_GP};
	exits_handle(vcpu);
	assert_true(vcpu->event.valid);
	assert_int_equal(vcpu->event.vector, VECTOR_GP);
	assert_true((page.rflags & RFLAGS_TF) == 0);
	assert_int_equal(page.trap & VTRAP_CR, VTRAP_CR);
}

/* A guest that single-steps itself gets its trap. */
static void test_guest_steps(void **state)
{
	(void)state;
	trap_set(&machine, VM_TRAP_DR, 0);
	page.rflags |= RFLAGS_TF;
	exit_with(EXIT_DR, 7);
	assert_int_equal(channel.trapped[1], 1);
	page.exit = (struct vcpu_exit){
		.reason = EXIT_EXCEPTION, .vector = VECTOR_DB, .qualification = DR6_BS};
	exits_handle(vcpu);
	assert_true(vcpu->event.valid);
	assert_int_equal(vcpu->event.vector, VECTOR_DB);
	assert_true((page.rflags & RFLAGS_TF) != 0);
}

/* Four CR3 values stop exiting, as CR3 targets; a fifth replaces the first. */
static void test_cr3(void **state)
{
	(void)state;
	trap_set(&machine, VM_TRAP_CR, 0);
	for (u64 i = 1; i <= 5; i++) {
		page.gpr[GPR_RBX] = i << 12;
		exit_with(EXIT_CR, 3 | GPR_RBX << 8);
		assert_int_equal(page.cr3_target[(i - 1) % 4], i << 12);
		page.exit = (struct vcpu_exit){
			.reason = EXIT_EXCEPTION, .vector = VECTOR_DB, .qualification = DR6_BS};
		exits_handle(vcpu);
	}
	assert_int_equal(page.cr3_target[0], 5 << 12);
	assert_int_equal(page.cr3_target[1], 2 << 12);
	assert_int_equal(channel.trapped[0], 5);
}

/* SVM's exit for MOV CR8 is for the task priority, even with `trap`. */
static void test_svm(void **state)
{
	bool write;

	(void)state;
	string_copy(info.backend, sizeof(info.backend), "SVM/NPT");
	trap_set(&machine, VM_TRAP_CR, 0);
	page.exit = (struct vcpu_exit){.reason = EXIT_CR, .vendor_code = 0x18};
	assert_false(trap_step(vcpu));
	page.exit.vendor_code = 0x13;
	assert_int_equal(trap_decode(&page.exit, &write), 3);
	assert_true(write);
	assert_true(trap_step(vcpu));
	assert_int_equal(page.cr3_target[0], 0);
}

static void mov_to_cr4(u64 value)
{
	emulate_answer = EMULATE_DONE;
	decode_answer = (struct x86_instruction){
		.map = X86_MAP_0F, .opcode = 0x22, .reg = 4, .rm = GPR_RCX};
	page.gpr[GPR_RCX] = value;
	page.exit = (struct vcpu_exit){.reason = EXIT_CR, .vendor_code = 0x14};
	page.rip = 0x1000;
	vcpu->event.valid = 0;
	exits_handle(vcpu);
}

/* On SVM a bit of CR4 that CPUID does not have is #GP, without asking the CPU. */
static void test_reserved_cr4(void **state)
{
	struct cpuid_policy *policy = &machine.cpuid;
	u64 allowed = trap_cr4_allowed(policy);

	(void)state;
	string_copy(info.backend, sizeof(info.backend), "SVM/NPT");
	trap_set(&machine, VM_TRAP_CR, 0);
	assert_int_equal(allowed & (CR4_VMXE | CR4_SMXE | ~BITS(23, 0)), 0);
	for (u32 bit = 0; bit < 64; bit++) {
		mov_to_cr4(BIT(bit));
		assert_int_equal(vcpu->event.valid, (allowed & BIT(bit)) == 0);
		assert_int_equal(vcpu->trap.stepping, (allowed & BIT(bit)) != 0);
		if (vcpu->event.valid) {
			assert_int_equal(vcpu->event.vector, VECTOR_GP);
			continue;
		}
		page.exit = (struct vcpu_exit){
			.reason = EXIT_EXCEPTION, .vector = VECTOR_DB, .qualification = DR6_BS};
		exits_handle(vcpu);
	}
	/* VMX tells its CPU to set the bit: a bit may be refused for more reasons than CPUID's. */
	string_copy(info.backend, sizeof(info.backend), "VMX/EPT");
	page.exit = (struct vcpu_exit){.reason = EXIT_CR, .qualification = 4 | GPR_RCX << 8};
	exits_handle(vcpu);
	assert_true(vcpu->trap.stepping);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_words, set_up, fixture_free),
		cmocka_unit_test_setup_teardown(test_command, set_up, fixture_free),
		cmocka_unit_test_setup_teardown(test_step, set_up, fixture_free),
		cmocka_unit_test_setup_teardown(test_fault, set_up, fixture_free),
		cmocka_unit_test_setup_teardown(test_guest_steps, set_up, fixture_free),
		cmocka_unit_test_setup_teardown(test_cr3, set_up, fixture_free),
		cmocka_unit_test_setup_teardown(test_svm, set_up, fixture_free),
		cmocka_unit_test_setup_teardown(test_reserved_cr4, set_up, fixture_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
