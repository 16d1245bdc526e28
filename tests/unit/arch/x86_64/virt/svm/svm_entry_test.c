/* SPDX-License-Identifier: MIT */
/* What the SVM back end sets up for VMRUN: segments, injection, what an entry needs beside. */
#include "tests/unit/svm_machine.h"

static struct vcpu_segment_state from_vmcb(const struct vmcb_segment *from)
{
	struct vcpu_segment_state to = {0};

	segment_from_vmcb(from, &to);
	return to;
}

static void test_segments(void **state)
{
	const struct vcpu_segment_state code64 = {0, 0xffffffff, 0xa09b, 0x10, {0}};
	const struct vcpu_segment_state data16 = {0x1000, 0xffff, 0x93, 0x100, {0}};
	const struct vcpu_segment_state unusable = {0, 0, 0x10000, 0, {0}};
	struct vcpu_segment_state back;
	struct vmcb_segment segment;

	(void)state;
	segment = segment_to_vmcb(&code64);
	assert_int_equal(segment.attributes, 0xa9b);
	assert_int_equal(segment.selector, 0x10);
	back = from_vmcb(&segment);
	assert_memory_equal(&back, &code64, sizeof(back));

	segment = segment_to_vmcb(&data16);
	assert_int_equal(segment.attributes, 0x093);
	back = from_vmcb(&segment);
	assert_memory_equal(&back, &data16, sizeof(back));

	segment = segment_to_vmcb(&unusable);
	assert_int_equal(segment.attributes, 0);
	back = from_vmcb(&segment);
	assert_memory_equal(&back, &unusable, sizeof(back));

	/* G is derived from the limit, for a CPU may not preserve it. */
	segment = (struct vmcb_segment){.attributes = 0x29b, .limit = 0xffffffff};
	assert_int_equal(from_vmcb(&segment).access, 0xa09b);
	segment = (struct vmcb_segment){.attributes = 0x893, .limit = 0xffff};
	assert_int_equal(from_vmcb(&segment).access, 0x93);
}

static void test_injection(void **state)
{
	(void)state;
	vmcb.save.cr0 = CR0_PE;
	vmcb.control.interrupt_shadow = 1;
	vmcb.save.rflags = 0; /* the CPU has to refuse the event */
	inject(EVENT_INTERRUPT, 0x41, false, 0, 0);
	assert_true(vmcb.control.event_injection == (BIT(31) | 0x041));
	assert_int_equal(vmcb.control.interrupt_shadow, 0);
	inject(EVENT_EXCEPTION, 14, true, 0x15, 0);
	assert_true(vmcb.control.event_injection == (BIT(31) | BIT(11) | 0x30e | 0x15ull << 32));
	inject(EVENT_EXCEPTION, 6, false, 0, 0);
	assert_true(vmcb.control.event_injection == (BIT(31) | 0x306));

	vmcb.save.rip = 0xfffffffe;
	inject(EVENT_SOFTWARE_INTERRUPT, 0x80, false, 0, 2);
	assert_true(vmcb.control.event_injection == (BIT(31) | 0x480));
	assert_true(vmcb.save.rip == 0); /* 32 bits wide outside 64-bit mode */

	vmcb.save.rip = 0x1000;
	inject(EVENT_PRIVILEGED_EXCEPTION, VECTOR_DB, false, 0, 1);
	assert_true(vmcb.control.event_injection == (BIT(31) | 0x301));
	assert_true(vmcb.save.rip == 0x1001);

	vmcb.save.cr0 = 0;
	inject(EVENT_EXCEPTION, 13, true, 8, 0);
	assert_true(vmcb.control.event_injection == (BIT(31) | 0x30d));
}

/* Exits with this event in delivery, and reports where the guest is. */
static u64 cut_short(u64 in_delivery, u64 rip)
{
	vmcb.control.exit_int_info = in_delivery;
	run(VMEXIT_NPF, rip);
	return vmcb.save.rip;
}

/* Without NRIP save RIP is moved behind INT3, and back if INT3 has not been delivered. */
static void test_software_cut_short(void **state)
{
	const u64 int3 = BIT(31) | 0x303;

	(void)state;
	vmcb.save.rip = 0x1000;
	inject(EVENT_SOFTWARE_EXCEPTION, VECTOR_BP, false, 0, 1);
	assert_true(vmcb.control.event_injection == int3);
	assert_true(vmcb.save.rip == 0x1001);
	assert_true(vmcb.control.next_rip == 0);
	assert_true(cut_short(int3, 0x1001) == 0x1000);
	assert_false(vcpu.event.valid);
	/* a later exit at that place has nothing to do with the event */
	assert_true(cut_short(int3, 0x1001) == 0x1001);

	vmcb.save.rip = 0xffffffff; /* outside 64-bit mode */
	inject(EVENT_SOFTWARE_INTERRUPT, 0x80, false, 0, 2);
	assert_true(cut_short(BIT(31) | 0x480, 1) == 0xffffffff);

	/*
	 * the event was delivered: the guest is elsewhere, or came back and takes another exception
	 * there
	 */
	vmcb.save.rip = 0x1000;
	inject(EVENT_SOFTWARE_EXCEPTION, VECTOR_BP, false, 0, 1);
	assert_true(cut_short(int3, 0x2000) == 0x2000);
	vmcb.save.rip = 0x1000;
	inject(EVENT_SOFTWARE_EXCEPTION, VECTOR_BP, false, 0, 1);
	assert_true(cut_short(BIT(31) | 0x306, 0x1001) == 0x1001);
	assert_int_equal(vcpu.event.vector, 6);
	vmcb.save.rip = 0x1000;
	inject(EVENT_SOFTWARE_EXCEPTION, VECTOR_BP, false, 0, 1);
	assert_true(cut_short(0x303, 0x1001) == 0x1001);

	/* INT1 comes back as an event, for which RIP stays behind it */
	vmcb.save.rip = 0x1000;
	inject(EVENT_PRIVILEGED_EXCEPTION, VECTOR_DB, false, 0, 1);
	assert_true(cut_short(BIT(31) | 0x301, 0x1001) == 0x1001);
	assert_true(vcpu.event.valid);
}

/* With NRIP save RIP stays at the instruction, where an exit during the delivery leaves it. */
static void test_software_next_rip(void **state)
{
	(void)state;
	svm_capabilities.nrip_save = true;
	vmcb.save.rip = 0xfffffffe; /* outside 64-bit mode */
	vmcb.save.rflags = RFLAGS_RF;
	inject(EVENT_SOFTWARE_INTERRUPT, 0x80, false, 0, 2);
	assert_true(vmcb.save.rip == 0xfffffffe);
	assert_true(vmcb.control.next_rip == 0);
	assert_true(vmcb.save.rflags == 0);
	vmcb.save.rip = 0x1000;
	inject(EVENT_SOFTWARE_EXCEPTION, VECTOR_BP, false, 0, 1);
	assert_true(vmcb.save.rip == 0x1000);
	assert_true(vmcb.control.next_rip == 0x1001);
	assert_true(cut_short(BIT(31) | 0x303, 0x1000) == 0x1000);
	assert_false(vcpu.event.valid);
	svm_capabilities.nrip_save = false;
}

static void test_advance(void **state)
{
	(void)state;
	vmcb.save.efer = EFER_LMA;
	vmcb.save.cs.attributes = VMCB_ATTRIBUTE_L;
	vmcb.save.rip = 0xffffffff;
	vmcb.control.interrupt_shadow = 1;
	svm_advance(&vcpu, 3);
	assert_true(vmcb.save.rip == 0x100000002);
	assert_int_equal(vmcb.control.interrupt_shadow, 0);
	assert_true(vmcb.control.event_injection == 0);

	vmcb.save.rflags = RFLAGS_TF;
	svm_advance(&vcpu, 3);
	assert_true(vmcb.control.event_injection == (BIT(31) | 0x301));
	assert_true(vmcb.save.dr6 == BIT(14));
}

static void test_registers_pass(void **state)
{
	(void)state;
	page.gpr[GPR_RAX] = 1;
	page.gpr[GPR_RSP] = 2;
	apic.reg[0x20] = 0x5a; /* V_TPR gets bits 7:4 */
	next_rax = 3;
	run(VMEXIT_HLT, 0);
	assert_true(entered_rax == 1 && vmcb.save.rsp == 2);
	assert_true((vmcb.control.virtual_interrupt & VMCB_V_TPR) == 5);
	vmcb.save.rsp = 4;
	svm_leave(&vcpu, 0);
	assert_true(page.gpr[GPR_RAX] == 3 && page.gpr[GPR_RSP] == 4);
	assert_int_equal(apic.reg[0x20], 0x5a);
	run(VMEXIT_HLT, 0);
	vmcb.control.virtual_interrupt = 3;
	svm_leave(&vcpu, 0);
	assert_int_equal(apic.reg[0x20], 0x30);
}

/* While an interrupt waits for a lower task priority, each MOV to CR8 exits. */
static void test_task_priority(void **state)
{
	(void)state;
	page.tpr_threshold = 4;
	run(VMEXIT_HLT, 0);
	assert_int_equal(vmcb.control.intercept_cr_write, 1 << 8);
	svm_leave(&vcpu, 0);
	page.tpr_threshold = 0;
	run(VMEXIT_HLT, 0);
	assert_int_equal(vmcb.control.intercept_cr_write, 0);

	/* a CPU like QEMU's, also while a virtual interrupt is there to be taken */
	vmcb.save.rflags = RFLAGS_IF;
	for (u32 i = 0; i < 2; i++) {
		svm_leave(&vcpu, 0);
		inject(EVENT_INTERRUPT, 0x41, false, 0, 0);
		run(VMEXIT_HLT, 0);
		assert_int_equal(vmcb.control.intercept_cr_write,
				 svm_capabilities.nrip_save ? 0 : 1 << 8);
		vmcb.control.virtual_interrupt &= ~VMCB_V_IRQ;
		svm_leave(&vcpu, 0);
		run(VMEXIT_HLT, 0);
		assert_int_equal(vmcb.control.intercept_cr_write, 0);
		svm_capabilities.nrip_save = !svm_capabilities.nrip_save;
	}
}

/* The host's state is restored once, however often the guest was entered. */
static void test_leave(void **state)
{
	(void)state;
	svm_leave(&vcpu, 0);
	assert_int_equal(switched_out, 0);
	run(VMEXIT_CPUID, 0);
	run(VMEXIT_CPUID, 0);
	assert_int_equal(switched_in, 1);
	svm_leave(&vcpu, 0);
	svm_leave(&vcpu, 0);
	assert_int_equal(switched_out, 1);
}

/* With or without an entry the code's place is forgotten: its memory may have been unmapped. */
static void test_code_forgotten(void **state)
{
	(void)state;
	vcpu.code.depth = 4;
	vcpu.flush = true;
	svm_request(&vcpu, NULL, REQUEST_NMI_WINDOW);
	svm_enter(&vcpu, 0);
	assert_int_equal(vcpu.exit.reason, EXIT_NMI_WINDOW);
	assert_int_equal(vcpu.code.depth, 0);
}

/* A failed entry keeps the registers as requested, whatever the CPU did to the VMCB. */
static void test_refused(void **state)
{
	(void)state;
	svm_of(&vcpu)->unchecked = true;
	page.gpr[GPR_RAX] = 1;
	page.gpr[GPR_RSP] = 2;
	apic.reg[0x20] = 0x50;
	next_rax = 0xdead;
	run(VMEXIT_INVALID, 0x1000);
	assert_int_equal(vcpu.exit.reason, EXIT_ENTRY_FAILED);
	svm_leave(&vcpu, 0);
	assert_true(page.gpr[GPR_RAX] == 1 && page.gpr[GPR_RSP] == 2 && apic.reg[0x20] == 0x50);
}

/* The end of a single step keeps the CR8 intercept that a waiting interrupt needs. */
static void test_step_keeps_priority(void **state)
{
	(void)state;
	page.tpr_threshold = 4;
	svm_of(&vcpu)->shadow_lost = true;
	run(VMEXIT_CPUID, 0x1000);
	assert_int_equal(vmcb.control.intercept_cr_write, 1 << 8);
}

/* An NMI that waits comes right after the previous one's IRET, even with IF clear. */
static void test_nmi_step(void **state)
{
	(void)state;
	vmcb.control.intercept_exceptions = SVM_INTERCEPT_EXCEPTIONS;
	inject(EVENT_NMI, 2, false, 0, 0);
	svm_request(&vcpu, NULL, REQUEST_NMI_WINDOW);
	run(VMEXIT_IRET, 0x1002);
	assert_false(flags_entered & RFLAGS_TF);

	/* a page of the handler's stack is not mapped */
	run(VMEXIT_NPF, 0x1002);
	assert_true(flags_entered & RFLAGS_TF);
	assert_int_equal(exceptions_entered, ~0u);
	assert_false(vmcb.save.rflags & RFLAGS_TF);
	assert_int_equal(vmcb.control.intercept_exceptions, SVM_INTERCEPT_EXCEPTIONS);

	/* the step faults: the handler's frame must not contain TF */
	vmcb.control.exit_info1 = 4;
	vmcb.control.exit_info2 = 0x7000;
	run(VMEXIT_EXCEPTION + VECTOR_PF, 0x1002);
	assert_int_equal(vcpu.exit.reason, EXIT_HOST_INTERRUPT);
	assert_int_equal(vcpu.event.vector, VECTOR_PF);
	assert_int_equal(vcpu.event.error_code, 4);
	assert_int_equal(vmcb.save.cr2, 0x7000);
	assert_false(vmcb.save.rflags & RFLAGS_TF);
	assert_true(svm_of(&vcpu)->nmi_blocked);

	/* the step is done: its trap is not the guest's */
	vmcb.control.exit_info1 = vmcb.control.exit_info2 = 0;
	vmcb.save.dr6 = DR6_RESET | DR6_BS;
	run(VMEXIT_EXCEPTION + VECTOR_DB, 0x3000);
	assert_int_equal(vcpu.exit.reason, EXIT_HOST_INTERRUPT);
	assert_false(vcpu.event.valid);
	assert_int_equal(vmcb.save.dr6, DR6_RESET);
	assert_false(svm_of(&vcpu)->nmi_blocked);
	run_count = 0;
	svm_enter(&vcpu, 0);
	assert_int_equal(run_count, 0);
	assert_int_equal(vcpu.exit.reason, EXIT_NMI_WINDOW);
}

static void test_nmi_not_delivered(void **state)
{
	(void)state;
	inject(EVENT_NMI, 2, false, 0, 0);
	vmcb.control.exit_int_info = BIT(31) | 0x202;
	run(VMEXIT_NPF, 0x1000);
	assert_int_equal(vcpu.event.type, EVENT_NMI);
	assert_false(svm_of(&vcpu)->nmi_blocked);
	assert_false(vmcb.control.intercept1 & VMCB_INTERCEPT1_IRET);
}

static void test_dump_fits(void **state)
{
	(void)state;
	vmcb.control.msrpm_base_pa = 0x1234;
	vmcb.control.n_cr3 = 0x1234;
	vmcb.save.rip = 0x5678;
	svm_dump(&vcpu);
	assert_in_range(page.dump_count, 100, ARRAY_COUNT(page.dump));
	for (u32 i = 0; i < page.dump_count; i++) {
		assert_true(page.dump[i].value != 0x1234);
		assert_true((page.dump[i].value == 0x5678) == (page.dump[i].id == 0x578));
	}
}

/* A bus lock exits before the instruction, which may go on once the monitor has seen the exit. */
static void test_bus_lock(void **state)
{
	(void)state;
	next_code = VMEXIT_BUS_LOCK;
	vmcb.control.bus_lock_counter = 0;
	svm_enter(&vcpu, 0);
	assert_int_equal(vcpu.exit.reason, EXIT_BUS_LOCK);
	assert_int_equal(vmcb.control.bus_lock_counter, 1);
	next_code = VMEXIT_HLT;
	vmcb.control.bus_lock_counter = 0;
	svm_enter(&vcpu, 0);
	assert_int_equal(vmcb.control.bus_lock_counter, 0);
	svm_leave(&vcpu, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_segments),
		TEST(test_injection),
		TEST(test_software_cut_short),
		TEST(test_software_next_rip),
		TEST(test_advance),
		TEST(test_registers_pass),
		TEST(test_task_priority),
		TEST(test_leave),
		TEST(test_bus_lock),
		TEST(test_code_forgotten),
		TEST(test_refused),
		TEST(test_step_keeps_priority),
		TEST(test_nmi_step),
		TEST(test_nmi_not_delivered),
		TEST(test_dump_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
