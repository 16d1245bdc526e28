/* SPDX-License-Identifier: MIT */
/* What the VMX back end sets up for VM entry: time limits, events, TLB tags, speculation. */
#include "tests/unit/vmx_machine.h"

/* --- entry --- */

static void alignment_check_for_ever(void)
{
	field[VMCS_EXIT_REASON] = VMX_EXIT_EXCEPTION_NMI;
	field[VMCS_EXIT_INTERRUPTION_INFO] =
		INTERRUPTION_VALID | INTERRUPTION_ERROR_CODE | 3 << 8 | 17;
}

static void no_guest_keeps_the_kernel_for_ever(void **state)
{
	(void)state;
	enter_protected_mode();
	run_hook = alignment_check_for_ever;
	gdt_limit = 0;
	vmx_enter(&vcpu, 0);
	assert_int_equal(run_count, VMX_ROUNDS);
	assert_int_equal(vcpu.exit.reason, EXIT_HOST_INTERRUPT);
	assert_true(vcpu.event.valid);
	assert_int_equal(vcpu.event.vector, 17);
	assert_int_equal(field[VMCS_ENTRY_INTERRUPTION_INFO], 0);
	assert_int_equal(gdt_limit, 0);
	vmx_leave(&vcpu, 0);
	assert_int_equal(gdt_limit, 0x47);
	gdt_limit = 0;
	vmx_leave(&vcpu, 0);
	assert_int_equal(gdt_limit, 0);
}

static void timer_ends(void)
{
	field[VMCS_EXIT_REASON] = VMX_EXIT_PREEMPTION_TIMER;
	fake_tsc += 4000;
}

static void deadline_is_neither_early_nor_lost(void **state)
{
	(void)state;
	run_hook = timer_ends;
	fake_tsc = 1000;
	vmx_enter(&vcpu, 1000 + 10000);
	assert_int_equal(vcpu.exit.reason, EXIT_HOST_INTERRUPT); /* 5000: early */
	assert_int_equal(run_count, 1);
	vmx_enter(&vcpu, 1000 + 10000);
	assert_int_equal(vcpu.exit.reason, EXIT_HOST_INTERRUPT);
	vmx_enter(&vcpu, 1000 + 10000);
	assert_int_equal(vcpu.exit.reason, EXIT_DEADLINE);
	assert_int_equal(field[VMCS_PREEMPTION_TIMER], ((11000 - 9000) >> 5) + 1);
	vmx_enter(&vcpu, 2);
	assert_int_equal(field[VMCS_PREEMPTION_TIMER], 0);
	/* With a distant deadline or none, the host still checks for interrupts after a while. */
	vmx_enter(&vcpu, 1ull << 60);
	assert_int_equal(field[VMCS_PREEMPTION_TIMER], (STAY_MAX_MS * 1000000 >> 5) + 1);
	assert_int_equal(vcpu.exit.reason, EXIT_HOST_INTERRUPT);
	vmx_enter(&vcpu, 2);
	vmx_enter(&vcpu, 0);
	assert_int_equal(vcpu.exit.reason, EXIT_HOST_INTERRUPT);
	assert_int_equal(field[VMCS_PREEMPTION_TIMER], (STAY_MAX_MS * 1000000 >> 5) + 1);
}

static void guest_lowers_cr8(void)
{
	assert_int_equal(apic->reg[0x20], 0x90);
	apic->reg[0x20] = 0x30;
	fake_cr2 = 0x77000;
	field[VMCS_GUEST_RSP] = 0x5678;
	field[VMCS_EXIT_REASON] = VMX_EXIT_HLT;
}

static void live_registers_go_in_and_out(void **state)
{
	(void)state;
	apic->reg[0x20] = 0x90;
	page->gpr[GPR_RSP] = 0x1234;
	run_hook = guest_lowers_cr8;
	vmx_enter(&vcpu, 0);
	vmx_leave(&vcpu, 0);
	assert_int_equal(virt_cr8(&vcpu), 3);
	assert_int_equal(page->gpr[GPR_RSP], 0x5678);
	assert_int_equal(vmx_of(&vcpu)->cr2, 0x77000);
	assert_int_equal(field[VMCS_HOST_CR3], 0x1234000);
	assert_true(vmx_of(&vcpu)->launched);
}

/* SDM vol. 3, 27.2.1.1: a TPR threshold above the priority would fail the entry. */
static void threshold_follows_priority(void **state)
{
	(void)state;
	apic->reg[0x20] = 0x90;
	page->tpr_threshold = 5;
	vmx_enter(&vcpu, 0);
	assert_int_equal(field[VMCS_TPR_THRESHOLD], 5);
	vmx_leave(&vcpu, 0);
	apic->reg[0x20] = 0x30;
	vmx_enter(&vcpu, 0);
	assert_int_equal(field[VMCS_TPR_THRESHOLD], 3);
	vmx_leave(&vcpu, 0);
	page->tpr_threshold = 0;
	vmx_enter(&vcpu, 0);
	assert_int_equal(field[VMCS_TPR_THRESHOLD], 0);
}

/* --- events --- */

static void inject(u8 type, u8 vector, u8 has_error_code, u32 error_code, u32 length)
{
	const struct vcpu_event event = {.valid = 1,
					 .type = type,
					 .vector = vector,
					 .has_error_code = has_error_code,
					 .error_code = error_code,
					 .instruction_length = length};

	vmx_request(&vcpu, &event, 0);
}

static void error_codes_follow_the_vector(void **state)
{
	(void)state;
	inject(EVENT_EXCEPTION, VECTOR_GP, 1, 8, 0);
	/* in real mode there is no error code */
	assert_int_equal(field[VMCS_ENTRY_INTERRUPTION_INFO], 0x8000030d);
	enter_protected_mode();
	inject(EVENT_EXCEPTION, VECTOR_GP, 0, 8, 0);
	assert_int_equal(field[VMCS_ENTRY_INTERRUPTION_INFO], 0x80000b0d);
	assert_int_equal(field[VMCS_ENTRY_ERROR_CODE], 8);
	inject(EVENT_EXCEPTION, VECTOR_PF, 1, 0xffffffff, 0);
	assert_int_equal(field[VMCS_ENTRY_ERROR_CODE], 0x7fff);
	inject(EVENT_EXCEPTION, VECTOR_UD, 0, 0, 0);
	assert_int_equal(field[VMCS_ENTRY_INTERRUPTION_INFO], 0x80000306);
	inject(EVENT_INTERRUPT, 0xec, 0, 0, 0);
	assert_int_equal(field[VMCS_ENTRY_INTERRUPTION_INFO], 0x800000ec);
	inject(EVENT_SOFTWARE_EXCEPTION, VECTOR_BP, 0, 0, 1);
	assert_int_equal(field[VMCS_ENTRY_INTERRUPTION_INFO], 0x80000603);
	assert_int_equal(field[VMCS_ENTRY_INSTRUCTION_LENGTH], 1);
	field[VMCS_GUEST_INTERRUPTIBILITY] = INTERRUPTIBILITY_NMI;
	inject(EVENT_NMI, 2, 0, 0, 0);
	assert_int_equal(field[VMCS_ENTRY_INTERRUPTION_INFO], 0x80000202);
	assert_int_equal(field[VMCS_GUEST_INTERRUPTIBILITY], 0);
	/* A type of more than three bits does not spill into the other fields. */
	inject(0xff, 3, 0, 0, 0);
	assert_int_equal(field[VMCS_ENTRY_INTERRUPTION_INFO], 0x80000703);
}

static void windows_are_open_as_asked(void **state)
{
	u32 both = PRIMARY_INTERRUPT_WINDOW_EXITING | PRIMARY_NMI_WINDOW_EXITING;

	(void)state;
	vmx_request(&vcpu, NULL, REQUEST_INTERRUPT_WINDOW | REQUEST_NMI_WINDOW);
	assert_int_equal(field[VMCS_PRIMARY_CONTROLS] & both, both);
	decode(VMX_EXIT_INTERRUPT_WINDOW, 0);
	assert_int_equal(field[VMCS_PRIMARY_CONTROLS] & both, PRIMARY_NMI_WINDOW_EXITING);
	vmx_request(&vcpu, NULL, 0);
	assert_int_equal(field[VMCS_PRIMARY_CONTROLS], vmx_capability.primary);
}

static void advance(bool live, u64 length)
{
	vcpu.live = live; /* the page has the RIP that leave stored */
	if (!live)
		vmx_get(&vcpu, VCPU_RIP);
	vmx_advance(&vcpu, length);
}

static void check_advance(bool live)
{
	field[VMCS_GUEST_EFER] = 0;
	field[VMCS_GUEST_PENDING_DEBUG] = 0;
	field[VMCS_GUEST_RIP] = 0xffffffff;
	field[VMCS_GUEST_RFLAGS] = RFLAGS_FIXED | RFLAGS_RF | RFLAGS_IF;
	field[VMCS_GUEST_INTERRUPTIBILITY] = INTERRUPTIBILITY_STI | INTERRUPTIBILITY_NMI;
	advance(live, 2);
	assert_int_equal(field[VMCS_GUEST_RIP], 1);
	assert_int_equal(field[VMCS_GUEST_INTERRUPTIBILITY], INTERRUPTIBILITY_NMI);
	assert_int_equal(field[VMCS_GUEST_RFLAGS], RFLAGS_FIXED | RFLAGS_IF);
	assert_int_equal(field[VMCS_GUEST_PENDING_DEBUG], 0);
	field[VMCS_GUEST_EFER] = EFER_LMA;
	field[VMCS_GUEST_CS_ACCESS] |= SEGMENT_L;
	field[VMCS_GUEST_RIP] = 0xffffffff;
	field[VMCS_GUEST_RFLAGS] = RFLAGS_TF;
	advance(live, 2);
	assert_int_equal(field[VMCS_GUEST_RIP], 0x100000001);
	assert_int_equal(field[VMCS_GUEST_PENDING_DEBUG], PENDING_DEBUG_BS);
	field[VMCS_GUEST_RFLAGS] = RFLAGS_FIXED;
	field[VMCS_GUEST_INTERRUPTIBILITY] = 0;
	advance(live, 3);
	assert_int_equal(field[VMCS_GUEST_RIP], 0x100000004);
}

static void advancing_ends_shadows_and_rf_and_wraps(void **state)
{
	(void)state;
	check_advance(true);
	check_advance(false);
}

static void flush_is_asked_for(void **state)
{
	(void)state;
	vmx_request(&vcpu, NULL, REQUEST_FLUSH);
	assert_true(vcpu.flush);
}

/* --- TLB tags --- */

static void tags_are_never_met_again(void **state)
{
	unsigned int flushes = invept_count;
	u32 first = vcpu.tag;

	(void)state;
	assert_int_not_equal(first, 0);
	vmx_enter(&vcpu, 0);
	assert_int_equal(invept_count, flushes + 1); /* a new tag begins clean */
	vmx_enter(&vcpu, 0);
	assert_int_equal(invept_count, flushes + 1);
	vmx_tag_assign(&vcpu);
	assert_int_equal(vcpu.tag, first);

	/* A flush drops the tag's translations and those from the EPT. */
	invvpid_last = 0;
	vcpu.flush = true;
	vmx_enter(&vcpu, 0);
	assert_int_equal(invept_count, flushes + 2);
	assert_int_equal(invvpid_last, first);
	assert_false(vcpu.flush);

	/*
	 * A vCPU that comes back from another CPU gets another tag, as the old one may have stale
	 * entries.
	 */
	vmx_vcpu_unload(&vcpu);
	fake_cpu.id = 1;
	vmx_vcpu_load(&vcpu);
	vmx_vcpu_unload(&vcpu);
	fake_cpu.id = 0;
	vmx_vcpu_load(&vcpu);
	assert_int_not_equal(vcpu.tag, first);
	assert_true(vcpu.flush);
	assert_int_equal(field[VMCS_VPID], vcpu.tag);

	/*
	 * All tags are used up: a vCPU with one keeps it; for another, one flush, then tags from 1
	 * on.
	 */
	flushes = invvpid_all_count;
	tags[0].last = VPID_MAX;
	first = vcpu.tag;
	vmx_tag_assign(&vcpu);
	assert_int_equal(vcpu.tag, first);
	assert_int_equal(invvpid_all_count, flushes);
	vcpu.tag = 0;
	vmx_tag_assign(&vcpu);
	assert_int_equal(invvpid_all_count, flushes + 1);
	assert_int_equal(vcpu.tag, 1);
}

static void making_a_vcpu_leaves_the_loaded_one_be(void **state)
{
	struct virt_vcpu other = {.vm = &vm, .page = page};
	u64 before = current_vmcs;

	(void)state;
	assert_int_equal(before, vcpu.control_hpa.value);
	assert_int_equal(vmx_vcpu_init(&other), STATUS_OK);
	assert_int_equal(current_vmcs, before);
	virt_vcpu_free(&other);
}

/* SPEC_CTRL is loaded on exits only if the CPU needs it; set_up's CPU does not. */
static void what_speculation_asks_for(void **state)
{
	(void)state;
	assert_int_equal(field[VMCS_EXIT_MSR_LOAD_COUNT], 0);
	features.speculation = (struct speculation){.done = HOST_IBRS_ON_EXIT, .spec_ctrl = 5};
	tear_down(state);
	set_up(state);
	assert_int_equal(field[VMCS_EXIT_MSR_LOAD_COUNT], 1);
	assert_int_equal(((const struct vmx_scratch *)vmx_of(&vcpu)->scratch)->exit_load[0].index,
			 0x48);
	assert_int_equal(((const struct vmx_scratch *)vmx_of(&vcpu)->scratch)->exit_load[0].value,
			 5);
	features.speculation = (struct speculation){0};
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_WITH_VCPU(no_guest_keeps_the_kernel_for_ever),
		TEST_WITH_VCPU(deadline_is_neither_early_nor_lost),
		TEST_WITH_VCPU(live_registers_go_in_and_out),
		TEST_WITH_VCPU(threshold_follows_priority),
		TEST_WITH_VCPU(error_codes_follow_the_vector),
		TEST_WITH_VCPU(windows_are_open_as_asked),
		TEST_WITH_VCPU(advancing_ends_shadows_and_rf_and_wraps),
		TEST_WITH_VCPU(flush_is_asked_for),
		TEST_WITH_VCPU(tags_are_never_met_again),
		TEST_WITH_VCPU(making_a_vcpu_leaves_the_loaded_one_be),
		TEST_WITH_VCPU(what_speculation_asks_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
