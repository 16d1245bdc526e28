/* SPDX-License-Identifier: MIT */
/* Shows that interrupts arrive, and only when they may: PIC, I/O APIC, local APIC, shadows, NMI. */
#include "tests/guest/rt/devices.h"

#define SHORT_US	20000u	 /* the time for which nothing may come */
#define LIMIT_US	5000000u /* the time that an awaited interrupt may take */
#define PIT_1000_HZ	((u16)(PIT_HZ / 1000))
#define PIN_PIT		2u /* the PC wires IRQ0 to pin 2 */
#define PIN_SERIAL	4u
#define SERIAL_IER	0x3f9u
#define SERIAL_IIR	0x3fau
#define SERIAL_MCR	0x3fcu
#define SERIAL_IER_THRE 0x02u
#define UNTOUCHED	0x1800000ull /* the end of RAM that nothing else uses */
#define SERIAL_MCR_OUT2 0x08u	     /* the bit that lets the UART's interrupt out */

static void no_end(struct trap_frame *frame)
{
	(void)frame;
}

static void forget(void)
{
	for (u32 i = 0; i < 256; i++)
		trap_count[i] = 0;
}

/* Lets in every pending interrupt. */
static void open_window(void)
{
	asm volatile("sti; nop; nop; cli" ::: "memory");
}

static void test_pic(void)
{
	volatile u32 *count = &trap_count[VECTOR_PIC_MASTER];

	forget();
	trap_set_hook(VECTOR_PIC_MASTER, pic_end_of_interrupt);
	pic_start(0xfe, 0xff);
	pit_start(0, PIT_MODE_RATE, PIT_1000_HZ);
	interrupts_on();
	check("pic-irq0", wait_count(count, 5, LIMIT_US), "IRQ0 does not come");
	pic_mask_all();
	*count = 0;
	wait_us(SHORT_US);
	check_equal("pic-masked", *count, 0);

	trap_set_hook(VECTOR_PIC_MASTER, no_end);
	out8(PIC_MASTER + PIC_DATA, 0xfe);
	wait_count(count, 1, LIMIT_US);
	wait_us(SHORT_US);
	check_equal("pic-no-eoi", *count, 1);
	out8(PIC_MASTER + PIC_COMMAND, PIC_OCW3 | PIC_OCW3_READ_ISR);
	check_equal("pic-isr", in8(PIC_MASTER + PIC_COMMAND), 1);
	out8(PIC_MASTER + PIC_COMMAND, PIC_OCW3 | PIC_OCW3_READ_IRR);
	check_equal("pic-irr", in8(PIC_MASTER + PIC_COMMAND) & 1, 1);
	trap_set_hook(VECTOR_PIC_MASTER, pic_end_of_interrupt);
	out8(PIC_MASTER + PIC_COMMAND, PIC_OCW2_EOI);
	check("pic-eoi", wait_count(count, 3, LIMIT_US), "nothing comes after EOI");
	interrupts_off();
	*count = 0;
	wait_us(SHORT_US);
	check_equal("if-off", *count, 0);
	open_window();
	check_between("if-on", *count, 1, 1000); /* on a busy host there is more than one */
	pic_mask_all();
	check_equal("pic-mask-reads", in8(PIC_MASTER + PIC_DATA), 0xff);
}

static void test_ioapic(void)
{
	volatile u32 *count = &trap_count[VECTOR_IOAPIC];

	forget();
	trap_set_hook(VECTOR_IOAPIC, lapic_end_of_interrupt);
	ioapic_route(PIN_PIT, VECTOR_IOAPIC);
	interrupts_on();
	check("ioapic-edge", wait_count(count, 5, LIMIT_US), "the PIT does not come through pin 2");
	ioapic_route(PIN_PIT, VECTOR_IOAPIC | IOAPIC_ENTRY_MASKED);
	*count = 0;
	wait_us(SHORT_US);
	check_equal("ioapic-masked", *count, 0);
	trap_set_hook(VECTOR_IOAPIC, no_end);
	ioapic_route(PIN_PIT, VECTOR_IOAPIC);
	wait_count(count, 1, LIMIT_US);
	wait_us(SHORT_US);
	check_equal("ioapic-no-eoi", *count, 1);
	trap_set_hook(VECTOR_IOAPIC, lapic_end_of_interrupt);
	lapic_put(LAPIC_EOI, 0);
	check("ioapic-eoi", wait_count(count, 2, LIMIT_US), "nothing comes after EOI");
	interrupts_off();
	ioapic_route(PIN_PIT, IOAPIC_ENTRY_MASKED);
	open_window();
}

static void end_level(struct trap_frame *frame)
{
	if (trap_count[VECTOR_IOAPIC] >= 3)
		(void)in8(SERIAL_IIR); /* the read withdraws the request */
	lapic_end_of_interrupt(frame);
}

/* SDM vol. 3, 11.8.5: as long as the line is high, EOI brings the interrupt again. */
static void test_level(void)
{
	volatile u32 *count = &trap_count[VECTOR_IOAPIC];
	u32 entry = IOAPIC_REDIRECTION + 2 * PIN_SERIAL;

	forget();
	trap_set_hook(VECTOR_IOAPIC, end_level);
	ioapic_route(PIN_SERIAL, VECTOR_IOAPIC | IOAPIC_ENTRY_LEVEL);
	out8(SERIAL_MCR, in8(SERIAL_MCR) | SERIAL_MCR_OUT2);
	out8(SERIAL_IER, SERIAL_IER_THRE);
	interrupts_on();
	wait_count(count, 3, LIMIT_US);
	wait_us(SHORT_US);
	out8(SERIAL_IER, 0);
	check_equal("level-until-low", *count, 3);
	*count = 0;
	trap_set_hook(VECTOR_IOAPIC, no_end);
	out8(SERIAL_IER, SERIAL_IER_THRE);
	wait_count(count, 1, LIMIT_US);
	wait_us(SHORT_US);
	interrupts_off();
	out8(SERIAL_IER, 0);
	check_equal("level-no-eoi", *count, 1);
	check_equal("remote-irr", ioapic_get(entry) & IOAPIC_ENTRY_REMOTE_IRR,
		    IOAPIC_ENTRY_REMOTE_IRR);
	lapic_put(LAPIC_EOI, 0);
	check_equal("remote-irr-eoi", ioapic_get(entry) & IOAPIC_ENTRY_REMOTE_IRR, 0);
	ioapic_route(PIN_SERIAL, IOAPIC_ENTRY_MASKED);
	open_window();
}

static void test_ipi(void)
{
	forget();
	trap_set_hook(VECTOR_LOW, lapic_end_of_interrupt);
	trap_set_hook(VECTOR_HIGH, lapic_end_of_interrupt);
	lapic_send_self(VECTOR_LOW);
	check("ipi-requested", lapic_requested(VECTOR_LOW), "its IRR bit is not set");
	check_equal("ipi-waits", trap_count[VECTOR_LOW], 0);
	open_window();
	check_equal("ipi-self", trap_count[VECTOR_LOW], 1);
	check("ipi-accepted", !lapic_requested(VECTOR_LOW), "its IRR bit is still set");

	forget();
	lapic_send_self(VECTOR_LOW);
	lapic_send_self(VECTOR_HIGH);
	open_window();
	open_window();
	check_equal("ipi-both", trap_count[VECTOR_LOW] + trap_count[VECTOR_HIGH], 2);
	check("ipi-priority", trap_order[VECTOR_HIGH] < trap_order[VECTOR_LOW],
	      "the lower vector came first");

	forget();
	trap_set_hook(VECTOR_HIGH, no_end);
	lapic_send_self(VECTOR_HIGH);
	open_window();
	lapic_send_self(VECTOR_LOW);
	open_window();
	check_equal("ipi-in-service", trap_count[VECTOR_LOW], 0);
	lapic_put(LAPIC_EOI, 0);
	open_window();
	check_equal("ipi-after-eoi", trap_count[VECTOR_LOW], 1);
	/* the interrupt is sent by the CPU's ID instead of the shorthand */
	lapic_put(LAPIC_ICR_HIGH, lapic_get(LAPIC_ID));
	lapic_put(LAPIC_ICR, VECTOR_LOW | (u32)LAPIC_ICR_ASSERT);
	open_window();
	check_equal("ipi-physical", trap_count[VECTOR_LOW], 2);
}

static void undefined(void *unused)
{
	(void)unused;
	asm volatile("ud2");
}

/*
 * An interrupt pushes its frame to memory that was never touched before: a second-stage fault cuts
 * its delivery short, and the same interrupt must be delivered again. A CPU or a hypervisor that
 * has forgotten it would deliver the last event it knows: the exception that is raised first here.
 */
static void test_untouched_stack(void)
{
	u64 turns = 40000000;

	forget();
	trap_set_hook(VECTOR_HIGH, lapic_end_of_interrupt);
	trap_catch(undefined, NULL);
	lapic_put(LAPIC_LVT_TIMER, VECTOR_HIGH);
	lapic_put(LAPIC_TIMER_INITIAL, 2000000);
	asm volatile("mov %%rsp, %%rbx; mov %2, %%rsp; sti\n"
		     "1: cmpl $0, (%1); jne 2f; dec %0; jnz 1b\n"
		     "2: cli; mov %%rbx, %%rsp"
		     : "+r"(turns)
		     : "r"(&trap_count[VECTOR_HIGH]), "r"(UNTOUCHED)
		     : "rbx", "cc", "memory");
	check_equal("untouched-stack", trap_count[VECTOR_HIGH], 1);
	lapic_put(LAPIC_LVT_TIMER, LAPIC_LVT_MASKED);
}

static void test_priority(void)
{
	forget();
	lapic_put(LAPIC_TPR, VECTOR_LOW & 0xf0);
	check_equal("tpr-cr8", read_cr8(), VECTOR_LOW >> 4);
	lapic_send_self(VECTOR_LOW);
	open_window();
	check_equal("tpr-masks", trap_count[VECTOR_LOW], 0);
	interrupts_on();
	lapic_put(LAPIC_TPR, 0);
	asm volatile("nop");
	interrupts_off();
	check_equal("tpr-lowered", trap_count[VECTOR_LOW], 1);

	forget();
	write_cr8(VECTOR_LOW >> 4);
	check_equal("cr8-tpr", lapic_get(LAPIC_TPR), VECTOR_LOW & 0xf0);
	lapic_send_self(VECTOR_LOW);
	interrupts_on();
	asm volatile("nop");
	check_equal("cr8-masks", trap_count[VECTOR_LOW], 0);
	check_equal("ppr", lapic_get(LAPIC_PPR) & 0xf0, VECTOR_LOW & 0xf0);
	write_cr8(0);
	asm volatile("nop");
	interrupts_off();
	check_equal("cr8-lowered", trap_count[VECTOR_LOW], 1);

	/* an interrupt that IF holds back until the priority does */
	forget();
	lapic_send_self(VECTOR_LOW);
	write_cr8(VECTOR_LOW >> 4);
	interrupts_on();
	asm volatile("nop");
	check_equal("cr8-raised-meanwhile", trap_count[VECTOR_LOW], 0);
	check_equal("cr8-raised-tpr", lapic_get(LAPIC_TPR), VECTOR_LOW & 0xf0);
	write_cr8(0);
	asm volatile("nop");
	interrupts_off();
	check_equal("cr8-raised-lowered", trap_count[VECTOR_LOW], 1);
}

static void gate_back(struct trap_frame *frame)
{
	(void)frame;
	trap_gate_present(VECTOR_HIGH, true);
	write_cr8(VECTOR_LOW >> 4);
	write_cr8(0);
}

/* An interrupt that finds no gate, whose handler therefore is that of another vector. */
static void test_gate(void)
{
	forget();
	trap_set_hook(VECTOR_NP, gate_back);
	trap_set_hook(VECTOR_HIGH, no_end);
	trap_gate_present(VECTOR_HIGH, false);
	lapic_send_self(VECTOR_HIGH);
	open_window();
	/* QEMU 7.2 may deliver a virtual interrupt again whose delivery has raised a fault */
	check_between("no-gate", trap_count[VECTOR_NP], 1, 2);
	lapic_put(LAPIC_EOI, 0);
	trap_set_hook(VECTOR_NP, NULL);
	trap_set_hook(VECTOR_HIGH, lapic_end_of_interrupt);
}

static void test_shadows(void)
{
	forget();
	lapic_send_self(VECTOR_LOW);
	asm volatile("sti; cli" ::: "memory");
	check_equal("sti-shadow", trap_count[VECTOR_LOW], 0);
	asm volatile("sti; nop; cli" ::: "memory");
	check_equal("sti-one-instruction", trap_count[VECTOR_LOW], 1);
	/* the shadow ends after an instruction that exits, too */
	lapic_send_self(VECTOR_LOW);
	asm volatile("xor %%eax, %%eax; sti; cpuid; cli" ::: "eax", "ebx", "ecx", "edx", "memory");
	check_equal("shadow-ends-after-exit", trap_count[VECTOR_LOW], 2);
	lapic_send_self(VECTOR_LOW);
	asm volatile("pushfq; orl $0x200, (%%rsp); popfq; cli" ::: "memory", "cc");
	check_equal("popf-has-none", trap_count[VECTOR_LOW], 3);
}

static u32 nmi_depth;
static u32 nmi_deepest;

static void nested_nmi(struct trap_frame *frame)
{
	(void)frame;
	nmi_depth++;
	if (nmi_depth > nmi_deepest)
		nmi_deepest = nmi_depth;
	if (trap_count[VECTOR_NMI] == 1) {
		lapic_send_self(APIC_NMI << APIC_DELIVERY_SHIFT);
		cpuid(0, 0); /* an exit with NMIs blocked */
	}
	nmi_depth--;
}

/* Sends three NMIs; of those that come in its handler a CPU keeps one (SDM vol. 3, 6.7.1). */
static void three_nmis(struct trap_frame *frame)
{
	(void)frame;
	for (u32 i = 0; i < 3 && trap_count[VECTOR_NMI] == 1; i++)
		lapic_send_self(APIC_NMI << APIC_DELIVERY_SHIFT);
}

static void test_nmi(void)
{
	forget();
	lapic_send_self(APIC_NMI << APIC_DELIVERY_SHIFT);
	wait_count(&trap_count[VECTOR_NMI], 1, SHORT_US);
	check_equal("nmi", trap_count[VECTOR_NMI], 1);
	forget();
	trap_set_hook(VECTOR_NMI, nested_nmi);
	lapic_send_self(APIC_NMI << APIC_DELIVERY_SHIFT);
	wait_count(&trap_count[VECTOR_NMI], 2, LIMIT_US);
	check_equal("nmi-pending", trap_count[VECTOR_NMI], 2);
	check_equal("nmi-blocked", nmi_deepest, 1);
	forget();
	trap_set_hook(VECTOR_NMI, three_nmis);
	lapic_send_self(APIC_NMI << APIC_DELIVERY_SHIFT);
	wait_count(&trap_count[VECTOR_NMI], 3, SHORT_US);
	check_equal("nmi-one-kept", trap_count[VECTOR_NMI], 2);
	trap_set_hook(VECTOR_NMI, NULL);
}

static void test_software(void)
{
	forget();
	asm volatile("int $0x70");
	check_equal("int-n", trap_count[0x70], 1);
	/* the gate of vector 3, by INT3 */
	trap_set_hook(VECTOR_BP, no_end);
	asm volatile("int3");
	check_equal("int3", trap_count[VECTOR_BP], 1);
	trap_set_hook(VECTOR_BP, NULL);
}

static void test_x2apic(void)
{
	if ((cpuid(1, 0).ecx & BIT(21)) == 0) {
		absent("x2apic");
		return;
	}
	forget();
	write_msr(MSR_APIC_BASE, read_msr(MSR_APIC_BASE) | APIC_BASE_EXTD);
	check_equal("x2apic-id", read_msr(MSR_X2APIC_BASE + (LAPIC_ID >> 4)),
		    cpuid(1, 0).ebx >> 24);
	write_msr(MSR_X2APIC_BASE + (LAPIC_SELF_IPI >> 4), VECTOR_LOW);
	trap_set_hook(VECTOR_LOW, no_end);
	open_window();
	check_equal("x2apic-self-ipi", trap_count[VECTOR_LOW], 1);
	write_msr(MSR_X2APIC_BASE + (LAPIC_EOI >> 4), 0);
	write_msr(MSR_X2APIC_BASE + (LAPIC_ICR >> 4), VECTOR_LOW | LAPIC_ICR_SHORTHAND_SELF);
	open_window();
	check_equal("x2apic-icr", trap_count[VECTOR_LOW], 2);
	write_msr(MSR_X2APIC_BASE + (LAPIC_EOI >> 4), 0);
}

void guest_main(void)
{
	check("pm-timer", clock_init(), "no FADT with a PM timer");
	pic_mask_all();
	test_pic();
	lapic_enable();
	test_ioapic();
	test_level();
	test_ipi();
	test_untouched_stack();
	test_priority();
	test_gate();
	test_shadows();
	test_nmi();
	test_software();
	test_x2apic();
}
