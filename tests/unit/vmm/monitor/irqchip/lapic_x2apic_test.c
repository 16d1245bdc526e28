/* SPDX-License-Identifier: MIT */
/* IA32_APIC_BASE and the x2APIC's MSRs: which exist and which give #GP (SDM vol. 3, 11.12). */
#include "tests/unit/irqchip_fixture.h"

static void apic_base_transitions(void **state)
{
	const u64 xapic = 0xfee00000 | APIC_BASE_BSP | APIC_BASE_EN;
	const u64 x2apic = xapic | APIC_BASE_EXTD;
	const u64 off = 0xfee00000 | APIC_BASE_BSP;

	(void)state;
	assert_false(wrmsr(bsp, MSR_APIC_BASE, xapic | 1));
	assert_false(wrmsr(bsp, MSR_APIC_BASE, xapic | BIT(PHYSICAL_BITS)));
	assert_false(wrmsr(bsp, MSR_APIC_BASE, off | APIC_BASE_EXTD));
	/* A moved APIC answers at its new address only. */
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

	/* Write-only, or not in x2APIC mode, or nonexistent. */
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
	/* The ID is read-only. */
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
	/* Bit 12 of ICR does not exist in x2APIC mode, but is accepted. */
	assert_true(wrmsr(ap, x2msr(LAPIC_ICR), 1ull << 32 | LAPIC_ICR_PENDING | 0x45));
	assert_int_equal(rdmsr(ap, x2msr(LAPIC_ICR)), 1ull << 32 | 0x45);
	/* EOI and ESR work as in xAPIC mode. */
	assert_true(wrmsr(ap, x2msr(LAPIC_SELF_IPI), 0x03));
	assert_true(wrmsr(ap, x2msr(LAPIC_ESR), 0));
	assert_int_equal(rdmsr(ap, x2msr(LAPIC_ESR)),
			 LAPIC_ESR_SEND_ILLEGAL_VECTOR | LAPIC_ESR_RECEIVED_ILLEGAL_VECTOR);
	lapic_accept(ap, 0x44);
	assert_int_equal(rdmsr(ap, x2msr(LAPIC_ISR + 0x20)), 1u << 4);
	assert_int_equal(rdmsr(ap, x2msr(LAPIC_ISR)), 0);
	assert_true(wrmsr(ap, x2msr(LAPIC_EOI), 0));
	assert_int_equal(rdmsr(ap, x2msr(LAPIC_ISR + 0x20)), 0);
	assert_int_equal(rdmsr(ap, x2msr(LAPIC_LVT_TIMER)), LAPIC_LVT_MASKED);
	assert_int_equal(rdmsr(ap, x2msr(LAPIC_LVT_ERROR)), LAPIC_LVT_MASKED);
	/* INIT keeps mode and ID. */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(apic_base_transitions, chip_setup_enabled),
		cmocka_unit_test_setup(x2apic_registers, chip_setup_enabled),
		cmocka_unit_test_setup(x2apic_destinations, chip_setup_enabled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
