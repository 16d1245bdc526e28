/* SPDX-License-Identifier: MIT */
/* The SVM back end without a CPU: exit decoding, segments, injection and windows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/x86_64/virt/svm/asid.c"
#include "arch/x86_64/virt/svm/dump.c"
#include "arch/x86_64/virt/svm/enter.c"
#include "arch/x86_64/virt/svm/exit.c"
#include "arch/x86_64/virt/svm/inject.c"
#include "arch/x86_64/virt/svm/segment.h"

struct svm_capabilities svm_capabilities = {.asid_count = 8};
static struct svm_cpu fake_cpu;
static const struct vcpu_event no_event;
static struct vmcb vmcb;
static struct vcpu_page page;
static struct virt_vm vm;
static struct virt_vcpu vcpu;
u64 direct_map_base;
static struct vcpu_exit exit_;
static struct vcpu_event event;

/* What the fake CPU does with the guest on the next run. */
static u64 next_code;
static u64 next_rip;
static u64 injected;
static u64 flags_entered;
static u32 exceptions_entered;
static unsigned int run_count;

struct svm_cpu *svm_cpu(void)
{
	return &fake_cpu;
}

static unsigned int switched_in;
static unsigned int switched_out;
static u32 code_length;

void svm_switch_in(u64 vmcb_hpa)
{
	(void)vmcb_hpa;
	assert_int_equal(switched_in++, switched_out);
}

void svm_switch_out(u64 vmcb_hpa, u64 host_area_hpa)
{
	(void)vmcb_hpa;
	(void)host_area_hpa;
	assert_int_equal(++switched_out, switched_in);
}

u32 svm_code_length(struct virt_vcpu *of)
{
	(void)of;
	return code_length;
}

void svm_run(u64 vmcb_hpa, u64 gpr[GPR_COUNT])
{
	(void)vmcb_hpa;
	(void)gpr;
	assert_int_equal(switched_in, switched_out + 1);
	run_count++;
	injected = vmcb.control.event_injection;
	flags_entered = vmcb.save.rflags;
	exceptions_entered = vmcb.control.intercept_exceptions;
	vmcb.control.exit_code = next_code;
	vmcb.save.rip = next_rip;
}

static int setup(void **state)
{
	(void)state;
	memset(&vmcb, 0, sizeof(vmcb));
	memset(&page, 0, sizeof(page));
	memset(&vcpu, 0, sizeof(vcpu));
	vcpu.scratch = &fake_cpu;
	vcpu.vm = &vm;
	switched_in = switched_out = 0;
	code_length = 0;
	vcpu.control = &vmcb;
	vcpu.page = &page;
	asid_pool_init(&fake_cpu.asids, 0, 8);
	run_count = 0;
	return 0;
}

static void decode(u64 code, u64 info1, u64 info2)
{
	vmcb.control.exit_code = code;
	vmcb.control.exit_info1 = info1;
	vmcb.control.exit_info2 = info2;
	svm_exit_decode(&vmcb, &exit_, &event);
}

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

	decode(0x7b, BIT(5), 0x7ffe + 16); /* no instruction is that long */
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
	interrupted(0x0030); /* not valid */
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

	/* G is told from the limit, for a CPU may not keep it. */
	segment = (struct vmcb_segment){.attributes = 0x29b, .limit = 0xffffffff};
	assert_int_equal(from_vmcb(&segment).access, 0xa09b);
	segment = (struct vmcb_segment){.attributes = 0x893, .limit = 0xffff};
	assert_int_equal(from_vmcb(&segment).access, 0x93);
}

static void inject(u8 type, u8 vector, bool has_error_code, u32 error_code, u32 length)
{
	const struct vcpu_event what = {1, type, vector, has_error_code, error_code, length, 0};

	svm_request(&vcpu, &what, 0, 0);
}

static void test_injection(void **state)
{
	(void)state;
	vmcb.save.cr0 = CR0_PE;
	vmcb.control.interrupt_shadow = 1;
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

	vmcb.save.cr0 = 0;
	inject(EVENT_EXCEPTION, 13, true, 8, 0);
	assert_true(vmcb.control.event_injection == (BIT(31) | 0x30d));
}

static void test_advance(void **state)
{
	(void)state;
	vmcb.save.efer = EFER_LMA;
	vmcb.save.cs.attributes = VMCB_ATTRIBUTE_L;
	vmcb.save.rip = 0xffffffff;
	vmcb.control.interrupt_shadow = 1;
	svm_request(&vcpu, &no_event, REQUEST_ADVANCE, 3);
	assert_true(vmcb.save.rip == 0x100000002);
	assert_int_equal(vmcb.control.interrupt_shadow, 0);
	assert_true(vmcb.control.event_injection == 0);

	vmcb.save.rflags = RFLAGS_TF;
	svm_request(&vcpu, &no_event, REQUEST_ADVANCE, 3);
	assert_true(vmcb.control.event_injection == (BIT(31) | 0x301));
	assert_true(vmcb.save.dr6 == BIT(14));
}

static void run(u64 code, u64 rip)
{
	next_code = code;
	next_rip = rip;
	svm_enter(&vcpu, 0);
}

static void test_registers_pass(void **state)
{
	(void)state;
	page.gpr[GPR_RAX] = 1;
	page.gpr[GPR_RSP] = 2;
	page.cr8 = 0xf5; /* no more than 4 bits of it */
	run(VMEXIT_HLT, 0);
	assert_true(vmcb.save.rax == 1 && vmcb.save.rsp == 2);
	assert_true((vmcb.control.virtual_interrupt & VMCB_V_TPR) == 5);
	vmcb.save.rax = 3;
	vmcb.save.rsp = 4;
	collect(&vcpu);
	svm_leave(&vcpu);
	assert_true(page.gpr[GPR_RAX] == 3 && page.gpr[GPR_RSP] == 4);
	assert_true(page.cr8 == 5);
}

/* While an interrupt waits for the task priority to fall, each MOV to CR8 exits. */
static void test_task_priority(void **state)
{
	(void)state;
	page.tpr_threshold = 4;
	run(VMEXIT_HLT, 0);
	assert_int_equal(vmcb.control.intercept_cr_write, 1 << 8);
	svm_leave(&vcpu);
	page.tpr_threshold = 0;
	run(VMEXIT_HLT, 0);
	assert_int_equal(vmcb.control.intercept_cr_write, 0);
}

/* The host's state comes back once, however often the guest was entered. */
static void test_leave(void **state)
{
	(void)state;
	svm_leave(&vcpu);
	assert_int_equal(switched_out, 0);
	run(VMEXIT_CPUID, 0);
	run(VMEXIT_CPUID, 0);
	assert_int_equal(switched_in, 1);
	svm_leave(&vcpu);
	svm_leave(&vcpu);
	assert_int_equal(switched_out, 1);
}

/* It is looked for only where the CPU has not told it, and the instruction is one of a few. */
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

/* A CPU that does not take the shadow back at VMRUN: what stands in it runs alone. */
static void test_lost_shadow(void **state)
{
	(void)state;
	vmcb.save.rip = 0x1000;
	vmcb.save.rflags = RFLAGS_IF;
	vmcb.control.interrupt_shadow = VMCB_SHADOW;
	svm_request(&vcpu, &(struct vcpu_event){0}, REQUEST_INTERRUPT_WINDOW, 0);
	vmcb.control.interrupt_shadow = VMCB_SHADOW;
	run(VMEXIT_INTR, 0x1000);
	assert_true(vmcb.control.interrupt_shadow & VMCB_SHADOW);
	vmcb.control.interrupt_shadow = VMCB_SHADOW;
	run(VMEXIT_VINTR, 0x1000);
	assert_int_equal(vcpu.exit.reason, EXIT_HOST_INTERRUPT);
	assert_true(vcpu.window);
	/* the step: its trap is nobody's business */
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
	svm_request(&vcpu, &no_event, REQUEST_INTERRUPT_WINDOW, 0);
	assert_true(vmcb.control.virtual_interrupt & VMCB_V_IRQ);
	assert_true(vmcb.control.intercept1 & VMCB_INTERCEPT1_VINTR);
	run(VMEXIT_HLT, 0); /* stays open */
	assert_true(vmcb.control.virtual_interrupt & VMCB_V_IRQ);
	run(VMEXIT_VINTR, 0);
	assert_int_equal(vcpu.exit.reason, EXIT_INTERRUPT_WINDOW);
	assert_false(vmcb.control.virtual_interrupt & VMCB_V_IRQ);
	assert_false(vmcb.control.intercept1 & VMCB_INTERCEPT1_VINTR);
}

static void test_nmi_window(void **state)
{
	(void)state;
	/* Nothing in the way: at once, without a run. */
	svm_request(&vcpu, &no_event, REQUEST_NMI_WINDOW, 0);
	svm_enter(&vcpu, 0);
	assert_int_equal(run_count, 0);
	assert_int_equal(vcpu.exit.reason, EXIT_NMI_WINDOW);

	/* A second NMI has to wait for the IRET of the first. */
	inject(EVENT_NMI, 2, false, 0, 0);
	svm_request(&vcpu, &no_event, REQUEST_NMI_WINDOW, 0);
	run(VMEXIT_HLT, 0x1000);
	assert_true(injected == (BIT(31) | 0x202));
	assert_true(vcpu.nmi_blocked);
	run(VMEXIT_INTR, 0x1001);
	assert_int_equal(vcpu.exit.reason, EXIT_HOST_INTERRUPT);
	assert_true(vcpu.nmi_blocked);
	run(VMEXIT_IRET, 0x1002);
	assert_int_equal(vcpu.exit.reason, EXIT_HOST_INTERRUPT);
	assert_false(vmcb.control.intercept1 & VMCB_INTERCEPT1_IRET);
	run(VMEXIT_INTR, 0x1002); /* before the IRET */
	assert_true(vcpu.nmi_blocked);
	run(VMEXIT_VINTR, 0x2000);
	assert_false(vcpu.nmi_blocked);
	assert_int_equal(vcpu.exit.reason, EXIT_HOST_INTERRUPT);
	run_count = 0;
	svm_enter(&vcpu, 0);
	assert_int_equal(run_count, 0);
	assert_int_equal(vcpu.exit.reason, EXIT_NMI_WINDOW);
	assert_false(vcpu.nmi_window);
}

/* An NMI that waits with interrupts off comes right behind the IRET of the one before. */
static void test_nmi_step(void **state)
{
	(void)state;
	vmcb.control.intercept_exceptions = SVM_INTERCEPT_EXCEPTIONS;
	inject(EVENT_NMI, 2, false, 0, 0);
	svm_request(&vcpu, &(struct vcpu_event){0}, REQUEST_NMI_WINDOW, 0);
	run(VMEXIT_IRET, 0x1002);
	assert_false(flags_entered & RFLAGS_TF);

	/* a page of its stack was not there */
	run(VMEXIT_NPF, 0x1002);
	assert_true(flags_entered & RFLAGS_TF);
	assert_int_equal(exceptions_entered, ~0u);
	assert_false(vmcb.save.rflags & RFLAGS_TF);
	assert_int_equal(vmcb.control.intercept_exceptions, SVM_INTERCEPT_EXCEPTIONS);

	/* it faults: the handler's frame must not show the flag */
	vmcb.control.exit_info1 = 4;
	vmcb.control.exit_info2 = 0x7000;
	run(VMEXIT_EXCEPTION + VECTOR_PF, 0x1002);
	assert_int_equal(vcpu.exit.reason, EXIT_HOST_INTERRUPT);
	assert_int_equal(vcpu.event.vector, VECTOR_PF);
	assert_int_equal(vcpu.event.error_code, 4);
	assert_int_equal(vmcb.save.cr2, 0x7000);
	assert_false(vmcb.save.rflags & RFLAGS_TF);
	assert_true(vcpu.nmi_blocked);

	/* it is done: the trap is nobody's but ours */
	vmcb.control.exit_info1 = vmcb.control.exit_info2 = 0;
	vmcb.save.dr6 = DR6_RESET | DR6_BS;
	run(VMEXIT_EXCEPTION + VECTOR_DB, 0x3000);
	assert_int_equal(vcpu.exit.reason, EXIT_HOST_INTERRUPT);
	assert_false(vcpu.event.valid);
	assert_int_equal(vmcb.save.dr6, DR6_RESET);
	assert_false(vcpu.nmi_blocked);
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
	assert_false(vcpu.nmi_blocked);
	assert_false(vmcb.control.intercept1 & VMCB_INTERCEPT1_IRET);
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

/* What the monitor wants to see: words in the VMCB, and exits that are not given back. */
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
		assert_int_equal(vmcb.control.tlb_control, VMCB_TLB_FLUSH_ALL);
	}
	svm_leave(&vcpu);
	page.tpr_threshold = 1;
	run(VMEXIT_HLT, 0x1000);
	assert_int_equal(vmcb.control.intercept_cr_write, BIT(0) | BIT(3) | BIT(4) | BIT(8));
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

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, setup)
	const struct CMUnitTest tests[] = {
		TEST(test_plain_reasons),
		TEST(test_io),
		TEST(test_next_rip),
		TEST(test_msr),
		TEST(test_nested_fault),
		TEST(test_exception),
		TEST(test_interrupted_delivery),
		TEST(test_segments),
		TEST(test_injection),
		TEST(test_advance),
		TEST(test_registers_pass),
		TEST(test_task_priority),
		TEST(test_lost_shadow),
		TEST(test_leave),
		TEST(test_length_is_looked_for),
		TEST(test_interrupt_window),
		TEST(test_nmi_window),
		TEST(test_nmi_step),
		TEST(test_nmi_not_delivered),
		TEST(test_reflection),
		TEST(test_traps),
		TEST(test_dump_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
