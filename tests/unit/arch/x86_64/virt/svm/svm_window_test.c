/* SPDX-License-Identifier: MIT */
/* The SVM back end: windows for interrupts and NMIs, shadows, and what is injected beside them. */
#include "tests/unit/svm_machine.h"

/*
 * The shadow is also lost when the instruction's code, or what the instruction touches, has to be
 * mapped first.
 */
static void test_shadow_lost_by_fault(void **state)
{
	(void)state;
	vmcb.save.rip = 0x1000;
	vmcb.save.rflags = RFLAGS_IF;
	vmcb.control.interrupt_shadow = VMCB_SHADOW;
	shadow_dropped = true;
	svm_request(&vcpu, NULL, REQUEST_NMI_WINDOW);
	for (u32 i = 0; i < 2; i++) {
		run(VMEXIT_VINTR, 0x1000);
		assert_true(svm_of(&vcpu)->shadow_lost);
		run(VMEXIT_NPF, 0x1000);
		assert_true(flags_entered == (RFLAGS_IF | RFLAGS_TF));
		assert_int_equal(vcpu.exit.reason, EXIT_MEMORY);
		assert_true(vmcb.control.interrupt_shadow & VMCB_SHADOW);
		assert_true(vmcb.save.rflags == RFLAGS_IF);
	}
	run_count = 0;
	run(VMEXIT_NPF, 0x1000);
	assert_int_equal(run_count, 1); /* no NMI comes before the instruction is done */
}

/*
 * On a CPU whose VMRUN drops the interrupt shadow, the instruction in the shadow is single-stepped.
 */
static void test_lost_shadow(void **state)
{
	(void)state;
	vmcb.save.rip = 0x1000;
	vmcb.save.rflags = RFLAGS_IF;
	vmcb.control.interrupt_shadow = VMCB_SHADOW;
	svm_request(&vcpu, NULL, REQUEST_INTERRUPT_WINDOW);
	vmcb.control.interrupt_shadow = VMCB_SHADOW;
	run(VMEXIT_INTR, 0x1000);
	assert_true(vmcb.control.interrupt_shadow & VMCB_SHADOW);
	vmcb.control.interrupt_shadow = VMCB_SHADOW;
	run(VMEXIT_VINTR, 0x1000);
	assert_int_equal(vcpu.exit.reason, EXIT_HOST_INTERRUPT);
	assert_true(vcpu.window);
	/* the step's trap is not reported */
	vmcb.save.dr6 = 0xffff4ff0;
	vmcb.control.interrupt_shadow = 0;
	run(VMEXIT_EXCEPTION + VECTOR_DB, 0x1001);
	assert_true(flags_entered == (RFLAGS_IF | RFLAGS_TF));
	assert_int_equal(vcpu.exit.reason, EXIT_HOST_INTERRUPT);
	assert_false(vcpu.event.valid);
	assert_true(vmcb.save.rflags == RFLAGS_IF);
	assert_true(vmcb.save.dr6 == 0xffff0ff0);
	assert_true(vmcb.control.intercept1 & VMCB_INTERCEPT1_VINTR);
	run(VMEXIT_VINTR, 0x1001);
	assert_int_equal(vcpu.exit.reason, EXIT_INTERRUPT_WINDOW);
}

static void test_interrupt_window(void **state)
{
	(void)state;
	svm_request(&vcpu, NULL, REQUEST_INTERRUPT_WINDOW);
	assert_true(vmcb.control.virtual_interrupt & VMCB_V_IRQ);
	assert_true(vmcb.control.intercept1 & VMCB_INTERCEPT1_VINTR);
	run(VMEXIT_HLT, 0); /* the window stays open */
	assert_true(vmcb.control.virtual_interrupt & VMCB_V_IRQ);
	run(VMEXIT_VINTR, 0);
	assert_int_equal(vcpu.exit.reason, EXIT_INTERRUPT_WINDOW);
	assert_false(vmcb.control.virtual_interrupt & VMCB_V_IRQ);
	assert_false(vmcb.control.intercept1 & VMCB_INTERCEPT1_VINTR);
}

/* An interrupt is a virtual one, unless a window needs the VMCB's. */
static void test_virtual_interrupt(void **state)
{
	(void)state;
	vmcb.save.rflags = RFLAGS_IF;
	vmcb.control.virtual_interrupt = VMCB_V_INTR_VECTOR | 5; /* V_TPR is kept */
	inject(EVENT_INTERRUPT, 0x41, false, 0, 0);
	assert_true(vmcb.control.virtual_interrupt ==
		    (VMCB_V_IRQ | VMCB_V_IGN_TPR | VMCB_V_INTR_PRIO | 0x41ull << 32 | 5));
	assert_true(vmcb.control.event_injection == 0);
	run(VMEXIT_INTR, 0x1000); /* before the guest has taken the interrupt */
	assert_true(vcpu.event.valid && vcpu.event.vector == 0x41);
	assert_false(vmcb.control.virtual_interrupt & VMCB_V_IRQ);
	inject(EVENT_INTERRUPT, 0x41, false, 0, 0);
	vmcb.control.virtual_interrupt &= ~VMCB_V_IRQ; /* the guest has taken the interrupt */
	run(VMEXIT_INTR, 0x1000);
	assert_false(vcpu.event.valid);

	/* the interrupt came in place of the window's exit */
	svm_request(&vcpu, NULL, REQUEST_INTERRUPT_WINDOW);
	inject(EVENT_INTERRUPT, 0x41, false, 0, 0);
	assert_true(vmcb.control.event_injection == 0);
	assert_true(vmcb.control.virtual_interrupt & VMCB_V_IRQ);
	assert_false(vmcb.control.intercept1 & VMCB_INTERCEPT1_VINTR);
	assert_false(vcpu.window);
	run(VMEXIT_INTR, 0x1000);

	svm_request(&vcpu, &(struct vcpu_event){.valid = 1, .vector = 0x41},
		    REQUEST_INTERRUPT_WINDOW);
	assert_true(vmcb.control.event_injection == (BIT(31) | 0x041));
	assert_true(vmcb.control.intercept1 & VMCB_INTERCEPT1_VINTR);
}

/*
 * An emulated CPU may forget the virtual interrupt, and goes on to another exit with V_IRQ still
 * set. When the run ends, the interrupt is handed back; until then the next entry asks for it
 * again.
 */
static void test_virtual_interrupt_forgotten(void **state)
{
	static const u64 codes[] = {VMEXIT_HLT, VMEXIT_IOIO, VMEXIT_CPUID};

	(void)state;
	run(VMEXIT_HLT, 0x1000); /* the first entry is a special one */
	svm_leave(&vcpu, 0);
	for (u32 i = 0; i < ARRAY_COUNT(codes); i++) {
		vmcb.save.rflags = RFLAGS_IF;
		inject(EVENT_INTERRUPT, 0x41, false, 0, 0);
		run(codes[i], 0x1000);
		assert_false(vcpu.event.valid);
		assert_true(vmcb.control.virtual_interrupt & VMCB_V_IRQ);
		svm_leave(&vcpu, 0);
		assert_true(vcpu.event.valid && vcpu.event.type == EVENT_INTERRUPT);
		assert_int_equal(vcpu.event.vector, 0x41);
		assert_false(vmcb.control.virtual_interrupt & VMCB_V_IRQ);
		vcpu.event.valid = 0;
		/* what belongs to a window is no event */
		svm_request(&vcpu, NULL, REQUEST_INTERRUPT_WINDOW);
		run(codes[i], 0x1000);
		svm_leave(&vcpu, 0);
		assert_false(vcpu.event.valid);
		assert_true(vmcb.control.virtual_interrupt & VMCB_V_IRQ);
		run(VMEXIT_VINTR, 0x1000);
		svm_leave(&vcpu, 0);
	}
}

static void test_nmi_window(void **state)
{
	(void)state;
	/* Nothing blocks NMIs: the window is open at once, without a VMRUN. */
	svm_request(&vcpu, NULL, REQUEST_NMI_WINDOW);
	svm_enter(&vcpu, 0);
	assert_int_equal(run_count, 0);
	assert_int_equal(vcpu.exit.reason, EXIT_NMI_WINDOW);

	/* A second NMI has to wait for the IRET of the first one. */
	inject(EVENT_NMI, 2, false, 0, 0);
	svm_request(&vcpu, NULL, REQUEST_NMI_WINDOW);
	run(VMEXIT_HLT, 0x1000);
	assert_true(injected == (BIT(31) | 0x202));
	assert_true(svm_of(&vcpu)->nmi_blocked);
	run(VMEXIT_INTR, 0x1001);
	assert_int_equal(vcpu.exit.reason, EXIT_HOST_INTERRUPT);
	assert_true(svm_of(&vcpu)->nmi_blocked);
	run(VMEXIT_IRET, 0x1002);
	assert_int_equal(vcpu.exit.reason, EXIT_HOST_INTERRUPT);
	assert_false(vmcb.control.intercept1 & VMCB_INTERCEPT1_IRET);
	run(VMEXIT_INTR, 0x1002); /* the IRET has not executed yet */
	assert_true(svm_of(&vcpu)->nmi_blocked);
	run(VMEXIT_VINTR, 0x2000);
	assert_false(svm_of(&vcpu)->nmi_blocked);
	assert_int_equal(vcpu.exit.reason, EXIT_HOST_INTERRUPT);
	run_count = 0;
	svm_enter(&vcpu, 0);
	assert_int_equal(run_count, 0);
	assert_int_equal(vcpu.exit.reason, EXIT_NMI_WINDOW);
	assert_false(vcpu.nmi_window);
}

/* I/O exits are decoded alike after IRET and VINTR exits, though fields of these may remain. */
static void test_port_behind_windows(void **state)
{
	static const u64 codes[] = {VMEXIT_IRET, VMEXIT_VINTR};

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(codes); i++) {
		inject(EVENT_NMI, 2, false, 0, 0);
		svm_request(&vcpu, NULL, REQUEST_NMI_WINDOW | REQUEST_INTERRUPT_WINDOW);
		run(codes[i], 0x1002);
		vmcb.control.exit_info1 = 0x3f8ull << VMEXIT_IOIO_PORT_SHIFT | VMEXIT_IOIO_SZ8;
		run(VMEXIT_IOIO, 0x1010);
		assert_int_equal(vcpu.exit.reason, EXIT_IO);
		assert_int_equal(vcpu.exit.io_port, 0x3f8);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_lost_shadow),
		TEST(test_shadow_lost_by_fault),
		TEST(test_interrupt_window),
		TEST(test_virtual_interrupt),
		TEST(test_virtual_interrupt_forgotten),
		TEST(test_nmi_window),
		TEST(test_port_behind_windows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
