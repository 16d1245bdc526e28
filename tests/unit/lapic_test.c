/* SPDX-License-Identifier: MIT */
/* The local APIC by the book (SDM vol. 3, chapter 11): registers, priorities, IPIs, timer, x2APIC.
 */
#include "tests/unit/irqchip_fixture.h"

static struct lapic *const bsp = &chip.lapic[0];

static u64 rdmsr(struct lapic *lapic, u32 msr)
{
	u64 value = 0xdead;

	assert_true(lapic_msr_read(lapic, msr, &value));
	return value;
}

static bool wrmsr(struct lapic *lapic, u32 msr, u64 value)
{
	return lapic_msr_write(lapic, msr, value, PHYSICAL_BITS);
}

static u32 x2msr(u32 offset)
{
	return MSR_X2APIC_BASE + (offset >> 4);
}

static void enable_x2apic(u32 cpu)
{
	struct lapic *lapic = &chip.lapic[cpu];

	assert_true(wrmsr(lapic, MSR_APIC_BASE, lapic->state.apic_base | APIC_BASE_EXTD));
}

static void send_ipi(u32 cpu, u32 destination, u32 low)
{
	lapic_write(&chip.lapic[cpu], LAPIC_ICR_HIGH, destination << 24);
	lapic_write(&chip.lapic[cpu], LAPIC_ICR, low);
}

static void reset_state(void **state)
{
	struct lapic *ap = &chip.lapic[1];

	(void)state;
	assert_int_equal(rdmsr(bsp, MSR_APIC_BASE), 0xfee00900);
	assert_int_equal(rdmsr(ap, MSR_APIC_BASE), 0xfee00800);
	assert_int_equal(lapic_read(ap, LAPIC_ID), 1u << 24);
	assert_int_equal(lapic_read(ap, LAPIC_VERSION), 0x01050014);
	assert_int_equal(lapic_read(ap, LAPIC_SVR), 0xff);
	assert_int_equal(lapic_read(ap, LAPIC_DFR), 0xffffffff);
	assert_int_equal(lapic_read(ap, LAPIC_LVT_LINT0), LAPIC_LVT_MASKED);
	assert_int_equal(lapic_read(ap, LAPIC_LVT_ERROR), LAPIC_LVT_MASKED);
	assert_int_equal(lapic_read(ap, LAPIC_TIMER_INITIAL), 0);
	assert_int_equal(irqchip_pending(&chip, 1), PENDING_WAIT);
	assert_int_equal(irqchip_pending(&chip, 0), 0);
	/* The boot processor as firmware leaves it. */
	assert_int_equal(lapic_read(bsp, LAPIC_SVR), 0x1ff);
	assert_int_equal(lapic_read(bsp, LAPIC_LVT_LINT0), 0x700);
	assert_int_equal(lapic_read(bsp, LAPIC_LVT_LINT1), 0x400);
}

static void writable_bits(void **state)
{
	(void)state;
	lapic_write(bsp, LAPIC_TPR, 0xffffff42);
	assert_int_equal(lapic_read(bsp, LAPIC_TPR), 0x42);
	lapic_write(bsp, LAPIC_LVT_TIMER, 0xffffffff);
	assert_int_equal(lapic_read(bsp, LAPIC_LVT_TIMER), 0x000700ff);
	lapic_write(bsp, LAPIC_LVT_LINT0, 0xffffffff);
	assert_int_equal(lapic_read(bsp, LAPIC_LVT_LINT0), 0x0001a7ff);
	lapic_write(bsp, LAPIC_LVT_ERROR, 0xffffffff);
	assert_int_equal(lapic_read(bsp, LAPIC_LVT_ERROR), 0x000100ff);
	lapic_write(bsp, LAPIC_LDR, 0xffffffff);
	assert_int_equal(lapic_read(bsp, LAPIC_LDR), 0xff000000);
	lapic_write(bsp, LAPIC_DFR, 0);
	assert_int_equal(lapic_read(bsp, LAPIC_DFR), 0x0fffffff);
	lapic_write(bsp, LAPIC_TIMER_DIVIDE, 0xffffffff);
	assert_int_equal(lapic_read(bsp, LAPIC_TIMER_DIVIDE), 0xb);
	lapic_write(bsp, LAPIC_ID, 0);
	lapic_write(bsp, LAPIC_VERSION, 0);
	assert_int_equal(lapic_read(bsp, LAPIC_VERSION), 0x01050014);
	lapic_write(bsp, LAPIC_ICR_HIGH, 0xffffffff);
	assert_int_equal(lapic_read(bsp, LAPIC_ICR_HIGH), 0xff000000);
}

static void software_disable_masks_the_table(void **state)
{
	(void)state;
	lapic_write(bsp, LAPIC_LVT_TIMER, 0x30);
	lapic_write(bsp, LAPIC_SVR, 0xff);
	assert_int_equal(lapic_read(bsp, LAPIC_LVT_TIMER), LAPIC_LVT_MASKED | 0x30);
	lapic_write(bsp, LAPIC_LVT_TIMER, 0x31);
	assert_int_equal(lapic_read(bsp, LAPIC_LVT_TIMER), LAPIC_LVT_MASKED | 0x31);
	/* No fixed interrupt is taken, but NMI is. */
	assert_false(lapic_deliver(bsp, APIC_FIXED, 0x40, false));
	assert_int_equal(irqchip_pending(&chip, 0), 0);
	assert_true(lapic_deliver(bsp, APIC_NMI, 0, false));
	assert_int_equal(irqchip_pending(&chip, 0), PENDING_NMI);
}

static void priorities(void **state)
{
	(void)state;
	lapic_deliver(bsp, APIC_FIXED, 0x35, false);
	lapic_deliver(bsp, APIC_FIXED, 0x51, false);
	lapic_deliver(bsp, APIC_FIXED, 0x5f, false);
	assert_int_equal(chip.kick, 1);
	assert_int_equal(lapic_pending(bsp), 0x5f);
	assert_int_equal(irqchip_take_interrupt(&chip, 0), 0x5f);
	assert_int_equal(lapic_read(bsp, LAPIC_PPR), 0x50);
	assert_int_equal(bsp->page->reg[LAPIC_PPR / 4], 0x50); /* for those who read the page */
	/* Where the classes are equal TPR counts. */
	lapic_write(bsp, LAPIC_TPR, 0x53);
	assert_int_equal(lapic_read(bsp, LAPIC_PPR), 0x53);
	lapic_write(bsp, LAPIC_TPR, 0);
	/* The same class waits, a higher one does not. */
	assert_int_equal(lapic_pending(bsp), -1);
	lapic_deliver(bsp, APIC_FIXED, 0x60, false);
	assert_int_equal(irqchip_take_interrupt(&chip, 0), 0x60);
	assert_int_equal(lapic_read(bsp, LAPIC_ISR + 0x20), 1u << 31);
	assert_int_equal(lapic_read(bsp, LAPIC_ISR + 0x30), 1);

	lapic_write(bsp, LAPIC_EOI, 0);
	assert_int_equal(bsp->page->reg[LAPIC_PPR / 4], 0x50);
	lapic_write(bsp, LAPIC_EOI, 0);
	assert_int_equal(lapic_pending(bsp), 0x51);

	/* TPR: its class and below wait; TPR beats ISR in PPR with its low bits. */
	lapic_set_cr8(bsp, 5);
	assert_int_equal(lapic_read(bsp, LAPIC_TPR), 0x50);
	assert_int_equal(bsp->page->reg[LAPIC_PPR / 4], 0x50);
	assert_int_equal(irqchip_pending(&chip, 0), 0);
	assert_int_equal(irqchip_take_interrupt(&chip, 0), -1);
	lapic_write(bsp, LAPIC_TPR, 0x4f);
	assert_int_equal(bsp->page->reg[LAPIC_PPR / 4], 0x4f);
	assert_int_equal(lapic_get_cr8(bsp), 4);
	assert_int_equal(lapic_read(bsp, LAPIC_PPR), 0x4f);
	assert_int_equal(irqchip_pending(&chip, 0), PENDING_INTERRUPT);
	assert_int_equal(irqchip_take_interrupt(&chip, 0), 0x51);
	/* EOI without anything in service is nothing. */
	lapic_write(bsp, LAPIC_EOI, 0);
	lapic_write(bsp, LAPIC_EOI, 0);
}

static void trigger_mode_register(void **state)
{
	(void)state;
	lapic_deliver(bsp, APIC_FIXED, 0x41, true);
	assert_int_equal(lapic_read(bsp, LAPIC_TMR + 0x20), 2);
	lapic_deliver(bsp, APIC_FIXED, 0x41, false);
	assert_int_equal(lapic_read(bsp, LAPIC_TMR + 0x20), 0);
}

static void error_status(void **state)
{
	(void)state;
	lapic_write(bsp, LAPIC_LVT_ERROR, 0xfe);
	(void)lapic_read(bsp, 0x3f0);
	assert_true(vector_requested(0, 0xfe));
	vector_clear(bsp, LAPIC_IRR, 0xfe);
	/* Nothing is shown before a write, and no second interrupt comes. */
	assert_int_equal(lapic_read(bsp, LAPIC_ESR), 0);
	send_ipi(0, 0, 0x0f);
	assert_false(vector_requested(0, 0xfe));
	lapic_write(bsp, LAPIC_ESR, 0);
	assert_int_equal(lapic_read(bsp, LAPIC_ESR),
			 LAPIC_ESR_ILLEGAL_REGISTER | LAPIC_ESR_SEND_ILLEGAL_VECTOR);
	lapic_write(bsp, LAPIC_ESR, 0);
	assert_int_equal(lapic_read(bsp, LAPIC_ESR), 0);

	lapic_write(bsp, LAPIC_ICR, LAPIC_ICR_SHORTHAND_SELF | 5);
	assert_true(vector_requested(0, 0xfe));
	lapic_write(bsp, LAPIC_ESR, 0);
	assert_int_equal(lapic_read(bsp, LAPIC_ESR), LAPIC_ESR_RECEIVED_ILLEGAL_VECTOR);
	/* An illegal error vector is an error too, but not one without end. */
	lapic_write(bsp, LAPIC_LVT_ERROR, 0x02);
	lapic_write(bsp, 0x000, 0);
	lapic_write(bsp, LAPIC_ESR, 0);
	assert_int_equal(lapic_read(bsp, LAPIC_ESR),
			 LAPIC_ESR_RECEIVED_ILLEGAL_VECTOR | LAPIC_ESR_ILLEGAL_REGISTER);
}

static void physical_and_shorthand_ipis(void **state)
{
	(void)state;
	send_ipi(0, 2, 0x40);
	assert_int_equal(take_requests(0x40), 1u << 2);
	send_ipi(1, 0xff, 0x40);
	assert_int_equal(take_requests(0x40), 0xf);
	send_ipi(1, 9, 0x40);
	assert_int_equal(take_requests(0x40), 0);
	send_ipi(1, 0, LAPIC_ICR_SHORTHAND_SELF | 0x40);
	assert_int_equal(take_requests(0x40), 1u << 1);
	send_ipi(1, 0, LAPIC_ICR_SHORTHAND_ALL | 0x40);
	assert_int_equal(take_requests(0x40), 0xf);
	send_ipi(1, 0, LAPIC_ICR_SHORTHAND_OTHERS | 0x40);
	assert_int_equal(take_requests(0x40), 0xd);
	/* The trigger mode of an ordinary IPI is ignored; the status bit reads 0. */
	send_ipi(0, 0, LAPIC_ICR_LEVEL | LAPIC_ICR_ASSERT | LAPIC_ICR_PENDING | 0x40);
	assert_int_equal(lapic_read(bsp, LAPIC_TMR + 0x20), 0);
	assert_int_equal(lapic_read(bsp, LAPIC_ICR), LAPIC_ICR_LEVEL | LAPIC_ICR_ASSERT | 0x40);
}

static void logical_ipis(void **state)
{
	(void)state;
	for (u32 i = 0; i < CPUS; i++)
		lapic_write(&chip.lapic[i], LAPIC_LDR, 1u << (24 + i));
	send_ipi(0, 0x0a, LAPIC_ICR_LOGICAL | 0x40);
	assert_int_equal(take_requests(0x40), 0xa);
	send_ipi(0, 0x30, LAPIC_ICR_LOGICAL | 0x40);
	assert_int_equal(take_requests(0x40), 0);

	/* Cluster model: CPUs 0 and 1 in cluster 1, 2 and 3 in cluster 2. */
	for (u32 i = 0; i < CPUS; i++) {
		lapic_write(&chip.lapic[i], LAPIC_DFR, 0x0fffffff);
		lapic_write(&chip.lapic[i], LAPIC_LDR, (0x10 * (1 + i / 2) | 1u << i % 2) << 24);
	}
	send_ipi(0, 0x23, LAPIC_ICR_LOGICAL | 0x40);
	assert_int_equal(take_requests(0x40), 0xc);
	send_ipi(0, 0xf1, LAPIC_ICR_LOGICAL | 0x40);
	assert_int_equal(take_requests(0x40), 0x5);
	send_ipi(0, 0xff, LAPIC_ICR_LOGICAL | 0x40);
	assert_int_equal(take_requests(0x40), 0xf);
}

static void lowest_priority(void **state)
{
	const u32 low = APIC_LOWEST_PRIORITY << 8 | LAPIC_ICR_LOGICAL | 0x40;

	(void)state;
	for (u32 i = 0; i < CPUS; i++)
		lapic_write(&chip.lapic[i], LAPIC_LDR, 1u << (24 + i));
	lapic_write(&chip.lapic[0], LAPIC_TPR, 0x20);
	lapic_write(&chip.lapic[1], LAPIC_TPR, 0x20);
	lapic_write(&chip.lapic[3], LAPIC_TPR, 0x30);
	send_ipi(0, 0x0f, low);
	assert_int_equal(take_requests(0x40), 1u << 2);
	send_ipi(0, 0x0b, low);
	assert_int_equal(take_requests(0x40), 1u << 0);
	/* Equals take turns. */
	send_ipi(0, 0x0b, low);
	assert_int_equal(take_requests(0x40), 1u << 1);
	send_ipi(0, 0x0b, low);
	assert_int_equal(take_requests(0x40), 1u << 0);
	/* One that software has disabled takes part in nothing. */
	lapic_write(&chip.lapic[2], LAPIC_SVR, 0xff);
	send_ipi(0, 0x04, low);
	assert_int_equal(take_requests(0x40), 0);
}

static void init_and_sipi(void **state)
{
	(void)state;
	/* A first SIPI starts it, a second is lost. */
	send_ipi(0, 1, APIC_SIPI << 8 | LAPIC_ICR_ASSERT | 0x9f);
	assert_int_equal(irqchip_pending(&chip, 1), PENDING_WAIT | PENDING_SIPI);
	assert_int_equal(irqchip_take_sipi(&chip, 1), 0x9f);
	assert_int_equal(irqchip_pending(&chip, 1), 0);
	chip.kick = 0;
	send_ipi(0, 1, APIC_SIPI << 8 | LAPIC_ICR_ASSERT | 0x10);
	assert_int_equal(irqchip_pending(&chip, 1), 0);
	assert_int_equal(chip.kick, 0);

	lapic_write(&chip.lapic[1], LAPIC_SVR, 0x1ff);
	lapic_write(&chip.lapic[1], LAPIC_LVT_TIMER, 0x30);
	lapic_write(&chip.lapic[1], LAPIC_TIMER_INITIAL, 1000);
	(void)lapic_read(&chip.lapic[1], 0x3f0);
	lapic_write(&chip.lapic[1], LAPIC_TPR, 0x70);
	lapic_deliver(&chip.lapic[1], APIC_NMI, 0, false);
	send_ipi(0, 1, APIC_INIT << 8 | LAPIC_ICR_LEVEL | LAPIC_ICR_ASSERT);
	send_ipi(0, 1, APIC_INIT << 8 | LAPIC_ICR_LEVEL); /* de-assert: nothing */
	send_ipi(0, 1, APIC_SIPI << 8 | LAPIC_ICR_ASSERT | 0x10);
	assert_int_equal(chip.kick, 2);
	assert_int_equal(irqchip_pending(&chip, 1), PENDING_INIT);
	irqchip_take_init(&chip, 1);
	assert_int_equal(irqchip_pending(&chip, 1), PENDING_WAIT | PENDING_SIPI);
	assert_int_equal(irqchip_take_sipi(&chip, 1), 0x10);
	assert_int_equal(irqchip_pending(&chip, 1), 0);
	assert_int_equal(lapic_read(&chip.lapic[1], LAPIC_TPR), 0);
	lapic_write(&chip.lapic[1], LAPIC_SVR, 0x1ff);
	lapic_write(&chip.lapic[1], LAPIC_LVT_TIMER, 0x30);
	assert_int_equal(lapic_deadline(&chip.lapic[1]), DEADLINE_NONE);
	lapic_write(&chip.lapic[1], LAPIC_ESR, 0);
	assert_int_equal(lapic_read(&chip.lapic[1], LAPIC_ESR), 0);
	/* An INIT takes an unread SIPI with it. */
	send_ipi(0, 1, APIC_INIT << 8 | LAPIC_ICR_ASSERT);
	send_ipi(0, 1, APIC_SIPI << 8 | 0x10);
	send_ipi(0, 1, APIC_INIT << 8 | LAPIC_ICR_ASSERT);
	irqchip_take_init(&chip, 1);
	assert_int_equal(irqchip_pending(&chip, 1), PENDING_WAIT);
	assert_int_equal(lapic_read(&chip.lapic[1], LAPIC_SVR), 0xff);

	/* The boot processor does not wait. */
	send_ipi(1, 0, APIC_INIT << 8 | LAPIC_ICR_ASSERT);
	irqchip_take_init(&chip, 0);
	assert_int_equal(irqchip_pending(&chip, 0), 0);
	assert_int_equal(rdmsr(bsp, MSR_APIC_BASE), 0xfee00900);
}

static void two_nmis_are_kept(void **state)
{
	(void)state;
	for (u32 i = 0; i < 3; i++)
		send_ipi(0, 0, APIC_NMI << 8 | LAPIC_ICR_ASSERT);
	irqchip_take_nmi(&chip, 0);
	assert_int_equal(irqchip_pending(&chip, 0), PENDING_NMI);
	irqchip_take_nmi(&chip, 0);
	assert_int_equal(irqchip_pending(&chip, 0), 0);
	irqchip_take_nmi(&chip, 0);
	assert_int_equal(irqchip_pending(&chip, 0), 0);
}

static void timer_one_shot(void **state)
{
	(void)state;
	lapic_write(bsp, LAPIC_LVT_TIMER, 0x30);
	lapic_write(bsp, LAPIC_TIMER_DIVIDE, LAPIC_TIMER_DIVIDE_BY_16);
	lapic_write(bsp, LAPIC_TIMER_INITIAL, 1000);
	assert_int_equal(lapic_read(bsp, LAPIC_TIMER_CURRENT), 1000);
	assert_int_equal(lapic_deadline(bsp), 16000);
	at_ns(16 * 400);
	assert_int_equal(lapic_read(bsp, LAPIC_TIMER_CURRENT), 600);
	at_ns(16 * 400 + 15);
	assert_int_equal(lapic_read(bsp, LAPIC_TIMER_CURRENT), 600);
	/* A new divider goes on from the present count. */
	at_ns(16 * 400);
	lapic_write(bsp, LAPIC_TIMER_DIVIDE, LAPIC_TIMER_DIVIDE_BY_1);
	assert_int_equal(lapic_read(bsp, LAPIC_TIMER_CURRENT), 600);
	assert_int_equal(lapic_deadline(bsp), 7000);
	at_ns(6999);
	lapic_tick(bsp);
	assert_int_equal(take_requests(0x30), 0);
	at_ns(7000);
	lapic_tick(bsp);
	assert_int_equal(take_requests(0x30), 1);
	assert_int_equal(lapic_read(bsp, LAPIC_TIMER_CURRENT), 0);
	assert_int_equal(lapic_deadline(bsp), DEADLINE_NONE);
	assert_int_equal(lapic_read(bsp, LAPIC_TIMER_INITIAL), 1000);
	/* Zero stops it. */
	lapic_write(bsp, LAPIC_TIMER_INITIAL, 50);
	lapic_write(bsp, LAPIC_TIMER_INITIAL, 0);
	assert_int_equal(lapic_deadline(bsp), DEADLINE_NONE);
}

static void timer_dividers(void **state)
{
	static const u32 divider[8] = {2, 4, 8, 16, 32, 64, 128, 1};

	(void)state;
	lapic_write(bsp, LAPIC_LVT_TIMER, 0x30);
	for (u32 i = 0; i < 8; i++) {
		lapic_write(bsp, LAPIC_TIMER_DIVIDE, (i & 3) | (i & 4) << 1);
		lapic_write(bsp, LAPIC_TIMER_INITIAL, 10);
		assert_int_equal(lapic_deadline(bsp), 10 * divider[i]);
	}
	lapic_write(bsp, LAPIC_TIMER_INITIAL, ~0u);
	assert_int_equal(lapic_read(bsp, LAPIC_TIMER_CURRENT), ~0u);
}

static void timer_periodic(void **state)
{
	(void)state;
	lapic_write(bsp, LAPIC_TIMER_DIVIDE, LAPIC_TIMER_DIVIDE_BY_1);
	lapic_write(bsp, LAPIC_LVT_TIMER, LAPIC_LVT_TIMER_PERIODIC | 0x30);
	lapic_write(bsp, LAPIC_TIMER_INITIAL, 1000);
	at_ns(1000);
	assert_int_equal(lapic_read(bsp, LAPIC_TIMER_CURRENT), 1000);
	assert_int_equal(take_requests(0x30), 1);
	assert_int_equal(lapic_deadline(bsp), 2000);
	/* With its vector requested already it is in no hurry; one in time keeps its time. */
	lapic_deliver(bsp, APIC_FIXED, 0x30, false);
	assert_int_equal(lapic_deadline(bsp), 1000 + 50 * NS_PER_US);
	lapic_write(bsp, LAPIC_TIMER_INITIAL, 100000);
	assert_int_equal(lapic_deadline(bsp), 101000);
	lapic_write(bsp, LAPIC_TIMER_INITIAL, 1000);
	take_requests(0x30);
	/* Missed periods are one interrupt, and the beat is kept. */
	at_ns(5300);
	lapic_tick(bsp);
	assert_int_equal(take_requests(0x30), 1);
	assert_int_equal(lapic_deadline(bsp), 6000);
	assert_int_equal(lapic_read(bsp, LAPIC_TIMER_CURRENT), 700);
	/* Masked, it counts on in silence. */
	lapic_write(bsp, LAPIC_LVT_TIMER, LAPIC_LVT_MASKED | LAPIC_LVT_TIMER_PERIODIC | 0x30);
	assert_int_equal(lapic_deadline(bsp), DEADLINE_NONE);
	at_ns(6100);
	assert_int_equal(lapic_read(bsp, LAPIC_TIMER_CURRENT), 900);
	assert_int_equal(take_requests(0x30), 0);
}

static void timer_changes_mode(void **state)
{
	(void)state;
	lapic_write(bsp, LAPIC_TIMER_DIVIDE, LAPIC_TIMER_DIVIDE_BY_1);
	lapic_write(bsp, LAPIC_LVT_TIMER, 0x30);
	lapic_write(bsp, LAPIC_TIMER_INITIAL, 1000);
	at_ns(600);
	lapic_write(bsp, LAPIC_LVT_TIMER, LAPIC_LVT_TIMER_PERIODIC | 0x30);
	assert_int_equal(lapic_read(bsp, LAPIC_TIMER_CURRENT), 400);
	at_ns(1100);
	assert_int_equal(lapic_read(bsp, LAPIC_TIMER_CURRENT), 900);
	lapic_write(bsp, LAPIC_LVT_TIMER, 0x30);
	at_ns(2000);
	assert_int_equal(lapic_read(bsp, LAPIC_TIMER_CURRENT), 0);
	/* An expired one-shot does not come to life by becoming periodic. */
	lapic_write(bsp, LAPIC_LVT_TIMER, LAPIC_LVT_TIMER_PERIODIC | 0x30);
	at_ns(2500);
	assert_int_equal(lapic_read(bsp, LAPIC_TIMER_CURRENT), 0);
	assert_int_equal(lapic_read(bsp, LAPIC_TIMER_INITIAL), 1000);
	/* To TSC-deadline: disarmed. */
	lapic_write(bsp, LAPIC_TIMER_INITIAL, 1000);
	lapic_write(bsp, LAPIC_LVT_TIMER, LAPIC_LVT_TIMER_TSC_DEADLINE | 0x30);
	assert_int_equal(lapic_deadline(bsp), DEADLINE_NONE);
	assert_int_equal(lapic_read(bsp, LAPIC_TIMER_INITIAL), 0);
}

static void timer_tsc_deadline(void **state)
{
	(void)state;
	/* In the other modes the MSR reads 0 and ignores writes. */
	assert_true(wrmsr(bsp, MSR_TSC_DEADLINE, 5000));
	assert_int_equal(rdmsr(bsp, MSR_TSC_DEADLINE), 0);
	lapic_write(bsp, LAPIC_LVT_TIMER, LAPIC_LVT_TIMER_TSC_DEADLINE | 0x30);
	lapic_write(bsp, LAPIC_TIMER_INITIAL, 7);
	assert_int_equal(lapic_read(bsp, LAPIC_TIMER_CURRENT), 0);

	at_ns(1000); /* TSC 2000 */
	assert_true(wrmsr(bsp, MSR_TSC_DEADLINE, 5000));
	assert_int_equal(rdmsr(bsp, MSR_TSC_DEADLINE), 5000);
	assert_int_equal(lapic_deadline(bsp), 2501);
	at_ns(2499);
	lapic_tick(bsp);
	assert_int_equal(take_requests(0x30), 0);
	at_ns(2501);
	lapic_tick(bsp);
	assert_int_equal(take_requests(0x30), 1);
	assert_int_equal(rdmsr(bsp, MSR_TSC_DEADLINE), 0);
	/* One that has passed fires at once; 0 disarms; far away does not overflow. */
	assert_true(wrmsr(bsp, MSR_TSC_DEADLINE, 1));
	assert_int_equal(take_requests(0x30), 1);
	assert_true(wrmsr(bsp, MSR_TSC_DEADLINE, 9000));
	assert_true(wrmsr(bsp, MSR_TSC_DEADLINE, 0));
	assert_int_equal(lapic_deadline(bsp), DEADLINE_NONE);
	fixture_clock.tsc_khz = 1;
	assert_true(wrmsr(bsp, MSR_TSC_DEADLINE, ~0ull));
	assert_int_equal(lapic_deadline(bsp), DEADLINE_NONE);
	/* A guest that moves its TSC moves the deadline. */
	fixture_clock.tsc_khz = 2000000;
	assert_true(wrmsr(bsp, MSR_TSC_DEADLINE, 9000));
	fixture_clock.guest_tsc = 8000;
	assert_int_equal(lapic_deadline(bsp), 2501 + 501);
}

static void memory_accesses(void **state)
{
	(void)state;
	assert_true(lapic_claims(bsp, 0xfee00fff));
	assert_false(lapic_claims(bsp, 0xfee01000));
	lapic_memory_write(bsp, 0xfee00080, 4, 0x21);
	assert_int_equal(lapic_memory_read(bsp, 0xfee00080, 4), 0x21);
	assert_int_equal(lapic_memory_read(bsp, 0xfee00030, 1), 0x14);
	assert_int_equal(lapic_memory_read(bsp, 0xfee00032, 2), 0x0105);
	/* Everything else is undefined: ignored here. */
	lapic_memory_write(bsp, 0xfee00080, 1, 0x33);
	lapic_memory_write(bsp, 0xfee00084, 4, 0x33);
	assert_int_equal(lapic_memory_read(bsp, 0xfee00080, 4), 0x21);
	assert_int_equal(lapic_memory_read(bsp, 0xfee00084, 4), 0);
	assert_int_equal(lapic_memory_read(bsp, 0xfee00ffe, 8), 0);
}

static void apic_base_transitions(void **state)
{
	const u64 xapic = 0xfee00000 | APIC_BASE_BSP | APIC_BASE_EN;
	const u64 x2apic = xapic | APIC_BASE_EXTD;
	const u64 off = 0xfee00000 | APIC_BASE_BSP;

	(void)state;
	assert_false(wrmsr(bsp, MSR_APIC_BASE, xapic | 1));
	assert_false(wrmsr(bsp, MSR_APIC_BASE, xapic | BIT(PHYSICAL_BITS)));
	assert_false(wrmsr(bsp, MSR_APIC_BASE, off | APIC_BASE_EXTD));
	/* Moved, it answers in its new place only. */
	assert_true(wrmsr(bsp, MSR_APIC_BASE, 0xfed40000 | APIC_BASE_BSP | APIC_BASE_EN));
	assert_false(lapic_claims(bsp, 0xfee00030));
	assert_true(lapic_claims(bsp, 0xfed40030));
	assert_true(wrmsr(bsp, MSR_APIC_BASE, xapic));

	lapic_write(bsp, LAPIC_TPR, 0x30);
	assert_true(wrmsr(bsp, MSR_APIC_BASE, x2apic));
	assert_int_equal(rdmsr(bsp, x2msr(LAPIC_TPR)), 0x30);
	assert_false(lapic_claims(bsp, 0xfee00030));
	assert_false(wrmsr(bsp, MSR_APIC_BASE, xapic));
	assert_false(wrmsr(bsp, MSR_APIC_BASE, off | APIC_BASE_EXTD));
	assert_true(wrmsr(bsp, MSR_APIC_BASE, x2apic));
	assert_true(wrmsr(bsp, MSR_APIC_BASE, off));
	assert_false(lapic_claims(bsp, 0xfee00030));
	assert_false(wrmsr(bsp, MSR_APIC_BASE, x2apic));
	assert_false(lapic_deliver(bsp, APIC_NMI, 0, false));
	assert_true(wrmsr(bsp, MSR_APIC_BASE, xapic));
	assert_int_equal(lapic_read(bsp, LAPIC_TPR), 0);
	assert_int_equal(lapic_read(bsp, LAPIC_SVR), 0xff);
	assert_int_equal(lapic_read(bsp, LAPIC_ID), 0);
}

static void x2apic_registers(void **state)
{
	struct lapic *ap = &chip.lapic[3];
	u64 value;

	(void)state;
	assert_true(lapic_owns_msr(MSR_APIC_BASE));
	assert_true(lapic_owns_msr(MSR_TSC_DEADLINE));
	assert_true(lapic_owns_msr(0x800));
	assert_true(lapic_owns_msr(0x8ff));
	assert_false(lapic_owns_msr(0x7ff));
	assert_false(lapic_owns_msr(0x900));
	assert_false(lapic_msr_read(ap, x2msr(LAPIC_ID), &value));
	assert_false(wrmsr(ap, x2msr(LAPIC_TPR), 0));
	enable_x2apic(3);
	assert_int_equal(rdmsr(ap, x2msr(LAPIC_ID)), 3);
	assert_int_equal(rdmsr(ap, x2msr(LAPIC_LDR)), 1u << 3);
	assert_int_equal(rdmsr(ap, x2msr(LAPIC_VERSION)), 0x01050014);

	/* Write-only, gone or never there. */
	assert_false(lapic_msr_read(ap, x2msr(LAPIC_EOI), &value));
	assert_false(lapic_msr_read(ap, x2msr(LAPIC_SELF_IPI), &value));
	assert_false(lapic_msr_read(ap, x2msr(LAPIC_DFR), &value));
	assert_false(lapic_msr_read(ap, x2msr(LAPIC_ICR_HIGH), &value));
	assert_false(lapic_msr_read(ap, x2msr(LAPIC_APR), &value));
	assert_false(lapic_msr_read(ap, x2msr(LAPIC_LVT_CMCI), &value));
	assert_false(lapic_msr_read(ap, 0x800, &value));
	assert_false(lapic_msr_read(ap, 0x8ff, &value));
	assert_false(lapic_msr_read(ap, 0x902, &value));
	assert_false(wrmsr(ap, 0x908, 0));
	/* Read-only. */
	assert_false(wrmsr(ap, x2msr(LAPIC_ID), 3));
	assert_false(wrmsr(ap, x2msr(LAPIC_VERSION), 0));
	assert_false(wrmsr(ap, x2msr(LAPIC_LDR), 8));
	assert_false(wrmsr(ap, x2msr(LAPIC_PPR), 0));
	assert_false(wrmsr(ap, x2msr(LAPIC_IRR), 0));
	assert_false(wrmsr(ap, x2msr(LAPIC_TIMER_CURRENT), 0));
	assert_false(wrmsr(ap, x2msr(LAPIC_ICR_HIGH), 0));
	/* Reserved bits. */
	assert_false(wrmsr(ap, x2msr(LAPIC_TPR), 0x100));
	assert_false(wrmsr(ap, x2msr(LAPIC_EOI), 1));
	assert_false(wrmsr(ap, x2msr(LAPIC_ESR), 1));
	assert_false(wrmsr(ap, x2msr(LAPIC_SVR), 0x400));
	assert_false(wrmsr(ap, x2msr(LAPIC_LVT_TIMER), 1u << 19));
	assert_false(wrmsr(ap, x2msr(LAPIC_LVT_ERROR), 0x400));
	assert_false(wrmsr(ap, x2msr(LAPIC_TIMER_DIVIDE), 4));
	assert_false(wrmsr(ap, x2msr(LAPIC_TIMER_INITIAL), 1ull << 32));
	assert_false(wrmsr(ap, x2msr(LAPIC_SELF_IPI), 0x100));
	assert_false(wrmsr(ap, x2msr(LAPIC_ICR), 1u << 20));
	assert_true(wrmsr(ap, x2msr(LAPIC_EOI), 0));
	assert_true(wrmsr(ap, x2msr(LAPIC_ESR), 0));
	assert_true(wrmsr(ap, x2msr(LAPIC_LVT_LINT0), 0x18700));

	assert_true(wrmsr(ap, x2msr(LAPIC_SELF_IPI), 0x44));
	assert_int_equal(take_requests(0x44), 1u << 3);
	assert_true(wrmsr(ap, x2msr(LAPIC_ICR), 1ull << 32 | 0x45));
	assert_int_equal(rdmsr(ap, x2msr(LAPIC_ICR)), 1ull << 32 | 0x45);
	assert_int_equal(take_requests(0x45), 1u << 1);
	/* Bit 12 of ICR is not there, and not refused. */
	assert_true(wrmsr(ap, x2msr(LAPIC_ICR), 1ull << 32 | LAPIC_ICR_PENDING | 0x45));
	assert_int_equal(rdmsr(ap, x2msr(LAPIC_ICR)), 1ull << 32 | 0x45);
	/* EOI and ESR do what they are for. */
	assert_true(wrmsr(ap, x2msr(LAPIC_SELF_IPI), 0x03));
	assert_true(wrmsr(ap, x2msr(LAPIC_ESR), 0));
	assert_int_equal(rdmsr(ap, x2msr(LAPIC_ESR)), LAPIC_ESR_RECEIVED_ILLEGAL_VECTOR);
	lapic_accept(ap, 0x44);
	assert_int_equal(rdmsr(ap, x2msr(LAPIC_ISR + 0x20)), 1u << 4);
	assert_int_equal(rdmsr(ap, x2msr(LAPIC_ISR)), 0);
	assert_true(wrmsr(ap, x2msr(LAPIC_EOI), 0));
	assert_int_equal(rdmsr(ap, x2msr(LAPIC_ISR + 0x20)), 0);
	assert_int_equal(rdmsr(ap, x2msr(LAPIC_LVT_TIMER)), LAPIC_LVT_MASKED);
	assert_int_equal(rdmsr(ap, x2msr(LAPIC_LVT_ERROR)), LAPIC_LVT_MASKED);
	/* INIT leaves mode and ID. */
	lapic_init_signal(ap);
	assert_int_equal(rdmsr(ap, x2msr(LAPIC_LDR)), 1u << 3);
}

static void x2apic_destinations(void **state)
{
	const u32 icr = x2msr(LAPIC_ICR);

	(void)state;
	for (u32 i = 0; i < CPUS; i++)
		enable_x2apic(i);
	assert_true(wrmsr(bsp, icr, 0xffffffffull << 32 | 0x40));
	assert_int_equal(take_requests(0x40), 0xf);
	assert_true(wrmsr(bsp, icr, 0xffull << 32 | 0x40));
	assert_int_equal(take_requests(0x40), 0);
	assert_true(wrmsr(bsp, icr, 0x6ull << 32 | LAPIC_ICR_LOGICAL | 0x40));
	assert_int_equal(take_requests(0x40), 0x6);
	assert_true(wrmsr(bsp, icr, 0x10006ull << 32 | LAPIC_ICR_LOGICAL | 0x40));
	assert_int_equal(take_requests(0x40), 0);
}

static void save_and_load(void **state)
{
	static struct lapic_saved saved;
	static struct lapic_saved bad;
	static struct lapic_saved again;

	(void)state;
	memset(&saved, 0, sizeof(saved));
	lapic_write(bsp, LAPIC_TIMER_DIVIDE, LAPIC_TIMER_DIVIDE_BY_1);
	lapic_write(bsp, LAPIC_LVT_TIMER, LAPIC_LVT_TIMER_PERIODIC | 0x30);
	lapic_write(bsp, LAPIC_TIMER_INITIAL, 1000);
	lapic_deliver(bsp, APIC_FIXED, 0x80, true);
	lapic_deliver(bsp, APIC_NMI, 0, false);
	lapic_deliver(bsp, APIC_NMI, 0, false);
	enable_x2apic(0);
	lapic_save(bsp, &saved);
	lapic_reset(bsp, 0);
	assert_int_equal(lapic_load(bsp, &saved), STATUS_OK);
	lapic_save(bsp, &again);
	assert_memory_equal(&saved, &again, sizeof(saved));
	assert_int_equal(lapic_deadline(bsp), 1000);
	assert_int_equal(irqchip_pending(&chip, 0), PENDING_NMI | PENDING_INTERRUPT);

	assert_int_equal(lapic_load(&chip.lapic[1], &saved), STATUS_BAD_FORMAT);
	bad = saved;
	bad.state.nmi_count = 3;
	assert_int_equal(lapic_load(bsp, &bad), STATUS_BAD_FORMAT);
	bad = saved;
	bad.state.apic_base = APIC_BASE_EXTD;
	assert_int_equal(lapic_load(bsp, &bad), STATUS_BAD_FORMAT);
	bad = saved;
	bad.page.reg[LAPIC_IRR / 4] = 1;
	assert_int_equal(lapic_load(bsp, &bad), STATUS_BAD_FORMAT);
	bad = saved;
	bad.page.reg[LAPIC_TIMER_DIVIDE / 4] = 4;
	assert_int_equal(lapic_load(bsp, &bad), STATUS_BAD_FORMAT);
	lapic_save(bsp, &again);
	assert_memory_equal(&saved, &again, sizeof(saved));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(reset_state, chip_setup),
		cmocka_unit_test_setup(writable_bits, chip_setup_enabled),
		cmocka_unit_test_setup(software_disable_masks_the_table, chip_setup_enabled),
		cmocka_unit_test_setup(priorities, chip_setup_enabled),
		cmocka_unit_test_setup(trigger_mode_register, chip_setup_enabled),
		cmocka_unit_test_setup(error_status, chip_setup_enabled),
		cmocka_unit_test_setup(physical_and_shorthand_ipis, chip_setup_enabled),
		cmocka_unit_test_setup(logical_ipis, chip_setup_enabled),
		cmocka_unit_test_setup(lowest_priority, chip_setup_enabled),
		cmocka_unit_test_setup(init_and_sipi, chip_setup),
		cmocka_unit_test_setup(two_nmis_are_kept, chip_setup_enabled),
		cmocka_unit_test_setup(timer_one_shot, chip_setup_enabled),
		cmocka_unit_test_setup(timer_dividers, chip_setup_enabled),
		cmocka_unit_test_setup(timer_periodic, chip_setup_enabled),
		cmocka_unit_test_setup(timer_changes_mode, chip_setup_enabled),
		cmocka_unit_test_setup(timer_tsc_deadline, chip_setup_enabled),
		cmocka_unit_test_setup(memory_accesses, chip_setup_enabled),
		cmocka_unit_test_setup(apic_base_transitions, chip_setup_enabled),
		cmocka_unit_test_setup(x2apic_registers, chip_setup_enabled),
		cmocka_unit_test_setup(x2apic_destinations, chip_setup_enabled),
		cmocka_unit_test_setup(save_and_load, chip_setup_enabled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
