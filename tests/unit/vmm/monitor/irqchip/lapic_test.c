/* SPDX-License-Identifier: MIT */
/* The local APIC by the book (SDM vol. 3, chapter 11): registers, priorities, IPIs, timer, x2APIC.
 */
#include "tests/unit/irqchip_fixture.h"

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
	lapic_write(bsp, LAPIC_SVR, 0x1fe);
	assert_int_equal(lapic_read(bsp, LAPIC_LVT_TIMER), 0x30);
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
	assert_int_equal(bsp->page->reg[LAPIC_PPR / 4], 0x50); /* the page has the value too */
	/* If the classes are equal PPR is TPR. */
	lapic_write(bsp, LAPIC_TPR, 0x53);
	assert_int_equal(lapic_read(bsp, LAPIC_PPR), 0x53);
	lapic_write(bsp, LAPIC_TPR, 0);
	/* A vector of the same class waits, one of a higher class does not. */
	assert_int_equal(lapic_pending(bsp), -1);
	lapic_deliver(bsp, APIC_FIXED, 0x60, false);
	assert_int_equal(irqchip_take_interrupt(&chip, 0), 0x60);
	assert_int_equal(lapic_read(bsp, LAPIC_ISR + 0x20), 1u << 31);
	assert_int_equal(lapic_read(bsp, LAPIC_ISR + 0x30), 1);

	lapic_write(bsp, LAPIC_EOI, 0);
	assert_int_equal(bsp->page->reg[LAPIC_PPR / 4], 0x50);
	lapic_write(bsp, LAPIC_EOI, 0);
	assert_int_equal(lapic_pending(bsp), 0x51);

	/* Vectors of TPR's class and below wait; PPR is TPR, low bits included. */
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
	/* EOI with nothing in service does nothing. */
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
	lapic_vector_clear(bsp, LAPIC_IRR, 0xfe);
	/* ESR shows errors only once written, and until then no second interrupt comes. */
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
	assert_int_equal(lapic_read(bsp, LAPIC_ESR),
			 LAPIC_ESR_SEND_ILLEGAL_VECTOR | LAPIC_ESR_RECEIVED_ILLEGAL_VECTOR);
	/* An illegal vector in LVT Error is an error itself, but does not recurse. */
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
	/* There is no other model of logical destinations. */
	lapic_write(&chip.lapic[2], LAPIC_DFR, 0x5fffffff);
	send_ipi(0, 0x23, LAPIC_ICR_LOGICAL | 0x40);
	assert_int_equal(take_requests(0x40), 0x8);
}

/* An x2APIC's logical destination has a cluster in its upper half: none of an xAPIC's 8 bits. */
static void logical_ipi_from_x2apic_to_xapic(void **state)
{
	(void)state;
	lapic_write(&chip.lapic[1], LAPIC_LDR, 2u << 24);
	enable_x2apic(0);
	lapic_send(bsp, 0x00000002ull << LAPIC_ICR_X2_DESTINATION_SHIFT | LAPIC_ICR_LOGICAL | 0x40);
	assert_int_equal(take_requests(0x40), 1u << 1);
	lapic_send(bsp, 0x00010002ull << LAPIC_ICR_X2_DESTINATION_SHIFT | LAPIC_ICR_LOGICAL | 0x40);
	assert_int_equal(take_requests(0x40), 0);
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
	/* CPUs of equal priority take turns. */
	send_ipi(0, 0x0b, low);
	assert_int_equal(take_requests(0x40), 1u << 1);
	send_ipi(0, 0x0b, low);
	assert_int_equal(take_requests(0x40), 1u << 0);
	/* A software-disabled APIC takes no part. */
	lapic_write(&chip.lapic[2], LAPIC_SVR, 0xff);
	send_ipi(0, 0x04, low);
	assert_int_equal(take_requests(0x40), 0);
}

static void init_and_sipi(void **state)
{
	(void)state;
	/* The first SIPI starts it, a second one is ignored. */
	send_ipi(0, 1, APIC_SIPI << 8 | LAPIC_ICR_ASSERT | 0x9f);
	assert_int_equal(irqchip_pending(&chip, 1), PENDING_WAIT | PENDING_SIPI);
	assert_int_equal(irqchip_take_sipi(&chip, 1), 0x9f);
	assert_int_equal(irqchip_pending(&chip, 1), 0);
	chip.kick = 0;
	send_ipi(0, 1, APIC_SIPI << 8 | LAPIC_ICR_ASSERT | 0x10);
	assert_int_equal(irqchip_pending(&chip, 1), 0);
	assert_int_equal(chip.kick, 0);
	send_ipi(0, 1, APIC_INIT << 8 | LAPIC_ICR_LEVEL); /* a de-assert does nothing */
	assert_int_equal(irqchip_pending(&chip, 1), 0);

	lapic_write(&chip.lapic[1], LAPIC_SVR, 0x1ff);
	lapic_write(&chip.lapic[1], LAPIC_LVT_TIMER, 0x30);
	lapic_write(&chip.lapic[1], LAPIC_TIMER_INITIAL, 1000);
	(void)lapic_read(&chip.lapic[1], 0x3f0);
	lapic_write(&chip.lapic[1], LAPIC_TPR, 0x70);
	lapic_deliver(&chip.lapic[1], APIC_NMI, 0, false);
	send_ipi(0, 1, APIC_INIT << 8 | LAPIC_ICR_LEVEL | LAPIC_ICR_ASSERT);
	send_ipi(0, 1, APIC_INIT << 8 | LAPIC_ICR_LEVEL);
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
	/* INIT discards a SIPI not yet taken. */
	send_ipi(0, 1, APIC_INIT << 8 | LAPIC_ICR_ASSERT);
	send_ipi(0, 1, APIC_SIPI << 8 | 0x10);
	send_ipi(0, 1, APIC_INIT << 8 | LAPIC_ICR_ASSERT);
	irqchip_take_init(&chip, 1);
	assert_int_equal(irqchip_pending(&chip, 1), PENDING_WAIT);
	assert_int_equal(lapic_read(&chip.lapic[1], LAPIC_SVR), 0xff);

	/* The boot processor does not wait for a SIPI. */
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

static void one_nmi_is_kept_in_the_handler(void **state)
{
	(void)state;
	irqchip_latch_nmi(&chip, 0);
	assert_int_equal(irqchip_pending(&chip, 0), 0);
	for (u32 i = 0; i < 3; i++)
		send_ipi(0, 0, APIC_NMI << 8 | LAPIC_ICR_ASSERT);
	irqchip_latch_nmi(&chip, 0);
	assert_int_equal(irqchip_pending(&chip, 0), PENDING_NMI);
	irqchip_take_nmi(&chip, 0);
	assert_int_equal(irqchip_pending(&chip, 0), 0);
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
	/* Every other access is undefined, and ignored here. */
	lapic_memory_write(bsp, 0xfee00080, 1, 0x33);
	lapic_memory_write(bsp, 0xfee00084, 4, 0x33);
	assert_int_equal(lapic_memory_read(bsp, 0xfee00080, 4), 0x21);
	assert_int_equal(lapic_memory_read(bsp, 0xfee00084, 4), 0);
	assert_int_equal(lapic_memory_read(bsp, 0xfee00ffe, 8), 0);
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
	bad.state.apic_base |= 1;
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
		cmocka_unit_test_setup(logical_ipi_from_x2apic_to_xapic, chip_setup_enabled),
		cmocka_unit_test_setup(lowest_priority, chip_setup_enabled),
		cmocka_unit_test_setup(init_and_sipi, chip_setup),
		cmocka_unit_test_setup(two_nmis_are_kept, chip_setup_enabled),
		cmocka_unit_test_setup(one_nmi_is_kept_in_the_handler, chip_setup_enabled),
		cmocka_unit_test_setup(memory_accesses, chip_setup_enabled),
		cmocka_unit_test_setup(save_and_load, chip_setup_enabled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
