/* SPDX-License-Identifier: MIT */
/* Messages of devices to the local APICs (SDM vol. 3, 11.11): who gets them, when, and how. */
#include "tests/unit/irqchip_fixture.h"

#define TO(destination) (MSI_ADDRESS_BASE | (u64)(destination) << MSI_ADDRESS_DESTINATION_SHIFT)
#define LOW		((u32)APIC_LOWEST_PRIORITY << MSI_DATA_DELIVERY_SHIFT)
#define MODE(mode)	((u32)(mode) << MSI_DATA_DELIVERY_SHIFT)
#define VECTOR		0x51u

/* Returns the CPUs that have the vector requested, a bit each; they forget it. */
static u32 take(u32 vector)
{
	u32 cpus = 0;

	for (u32 i = 0; i < CPUS; i++) {
		if (vector_requested(i, vector))
			cpus |= 1u << i;
		if (vector_requested(i, vector))
			lapic_accept(&chip.lapic[i], vector);
		lapic_write(&chip.lapic[i], LAPIC_EOI, 0);
	}
	return cpus;
}

static u32 sent_to(u64 address, u32 data)
{
	bool accepted = irqchip_message(&chip, address, data);
	u32 cpus = take(data & MSI_DATA_VECTOR);

	assert_int_equal(accepted, cpus != 0);
	return cpus;
}

static void physical(void **state)
{
	(void)state;
	assert_int_equal(sent_to(TO(0), VECTOR), 1u << 0);
	assert_int_equal(sent_to(TO(3), VECTOR), 1u << 3);
	assert_int_equal(sent_to(TO(CPUS), VECTOR), 0);
	assert_int_equal(sent_to(TO(0xff), VECTOR), 0xf);
	/* bits that are not defined do not matter */
	assert_int_equal(sent_to(TO(2) | 0xff3, VECTOR | 0xffff3000), 1u << 2);
	assert_int_equal(sent_to(TO(2), 15), 0); /* there is no such vector */
}

static void other_addresses(void **state)
{
	(void)state;
	assert_int_equal(sent_to(0xfec00000, VECTOR), 0);
	assert_int_equal(sent_to(0xfef00000, VECTOR), 0);
	assert_int_equal(sent_to(TO(1) | 1ull << 32, VECTOR), 0);
	assert_int_equal(sent_to(0, VECTOR), 0);
}

static void logical(void **state)
{
	(void)state;
	for (u32 i = 0; i < CPUS; i++)
		lapic_write(&chip.lapic[i], LAPIC_LDR, 1u << (24 + i));
	assert_int_equal(sent_to(TO(0x0a) | MSI_ADDRESS_LOGICAL, VECTOR), 0xa);
	assert_int_equal(sent_to(TO(0x30) | MSI_ADDRESS_LOGICAL, VECTOR), 0);
	/* clusters: CPUs 0 and 1 in cluster 1, 2 and 3 in cluster 2 */
	for (u32 i = 0; i < CPUS; i++) {
		lapic_write(&chip.lapic[i], LAPIC_DFR, LAPIC_DFR_CLUSTER);
		lapic_write(&chip.lapic[i], LAPIC_LDR, (i / 2 + 1) << 28 | 1u << (24 + i % 2));
	}
	assert_int_equal(sent_to(TO(0x13) | MSI_ADDRESS_LOGICAL, VECTOR), 0x3);
	assert_int_equal(sent_to(TO(0x22) | MSI_ADDRESS_LOGICAL, VECTOR), 0x8);
}

/*
 * By the delivery mode or by the redirection hint one CPU gets the message, the one of the lowest
 * priority.
 */
static void lowest_priority(void **state)
{
	(void)state;
	for (u32 i = 0; i < CPUS; i++)
		lapic_write(&chip.lapic[i], LAPIC_LDR, 1u << (24 + i));
	lapic_write(&chip.lapic[0], LAPIC_TPR, 0x20);
	lapic_write(&chip.lapic[1], LAPIC_TPR, 0x20);
	lapic_write(&chip.lapic[3], LAPIC_TPR, 0x30);
	assert_int_equal(sent_to(TO(0x0f) | MSI_ADDRESS_LOGICAL, VECTOR | LOW), 1u << 2);
	assert_int_equal(sent_to(TO(0x0b) | MSI_ADDRESS_LOGICAL, VECTOR | LOW), 1u << 0);
	assert_int_equal(sent_to(TO(0x0b) | MSI_ADDRESS_LOGICAL | MSI_ADDRESS_REDIRECTION, VECTOR),
			 1u << 1);
	assert_int_equal(sent_to(TO(3), VECTOR | LOW), 1u << 3); /* the only candidate */
}

/* A level is ended by EOI, which the I/O APIC hears; its de-assertion changes nothing. */
static void levels(void **state)
{
	(void)state;
	assert_true(irqchip_message(&chip, TO(1), VECTOR | MSI_DATA_LEVEL | MSI_DATA_ASSERT));
	assert_true(lapic_vector_test(&chip.lapic[1], LAPIC_TMR, VECTOR));
	assert_int_equal(take(VECTOR), 1u << 1);
	assert_false(irqchip_message(&chip, TO(1), VECTOR | MSI_DATA_LEVEL));
	assert_int_equal(take(VECTOR), 0);
	assert_true(irqchip_message(&chip, TO(1), VECTOR | MSI_DATA_ASSERT));
	assert_false(lapic_vector_test(&chip.lapic[1], LAPIC_TMR, VECTOR));
}

static void other_modes(void **state)
{
	(void)state;
	chip.kick = 0;
	assert_true(irqchip_message(&chip, TO(0), MODE(APIC_NMI) | MSI_DATA_LEVEL));
	assert_int_equal(irqchip_pending(&chip, 0), PENDING_NMI);
	assert_int_equal(chip.kick, 1u << 0);
	assert_true(irqchip_message(&chip, TO(3), MODE(APIC_INIT)));
	assert_int_equal(irqchip_pending(&chip, 3), PENDING_INIT);
	irqchip_take_init(&chip, 3);
	chip.kick = 0;
	assert_false(irqchip_message(&chip, TO(3), MODE(APIC_SIPI) | 0x10));
	assert_false(irqchip_message(&chip, TO(1), MODE(APIC_SMI)));
	assert_false(irqchip_message(&chip, TO(1), MODE(APIC_EXTINT) | VECTOR));
	assert_false(irqchip_message(&chip, TO(1), MODE(3) | VECTOR));
	assert_int_equal(irqchip_pending(&chip, 3), PENDING_WAIT);
	assert_int_equal(chip.kick, 0);
}

/*
 * An interrupt that was taken and not delivered gives way to a higher class alone, and comes again
 * after it.
 */
static void puts_back(void **state)
{
	(void)state;
	assert_true(irqchip_message(&chip, TO(0), 0x40));
	assert_int_equal(irqchip_take_interrupt(&chip, 0), 0x40);
	assert_false(irqchip_put_back(&chip, 0, 0x40));
	assert_true(irqchip_message(&chip, TO(0), 0x4f));
	assert_false(irqchip_put_back(&chip, 0, 0x40));
	assert_true(irqchip_message(&chip, TO(0), 0x80));
	assert_false(irqchip_put_back(&chip, 0, 0x41)); /* the 8259's: none of the local APIC's */
	assert_true(irqchip_put_back(&chip, 0, 0x40));
	assert_int_equal(irqchip_take_interrupt(&chip, 0), 0x80);
	assert_int_equal(irqchip_take_interrupt(&chip, 0), -1);
	lapic_write(&chip.lapic[0], LAPIC_EOI, 0);
	assert_int_equal(irqchip_take_interrupt(&chip, 0), 0x4f);
	lapic_write(&chip.lapic[0], LAPIC_EOI, 0);
	assert_int_equal(irqchip_take_interrupt(&chip, 0), 0x40);
	lapic_write(&chip.lapic[0], LAPIC_EOI, 0);
	assert_int_equal(irqchip_pending(&chip, 0), 0);
	assert_int_equal(lapic_ppr(&chip.lapic[0]), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(physical, chip_setup_enabled),
		cmocka_unit_test_setup(other_addresses, chip_setup_enabled),
		cmocka_unit_test_setup(logical, chip_setup_enabled),
		cmocka_unit_test_setup(lowest_priority, chip_setup_enabled),
		cmocka_unit_test_setup(levels, chip_setup_enabled),
		cmocka_unit_test_setup(other_modes, chip_setup_enabled),
		cmocka_unit_test_setup(puts_back, chip_setup_enabled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
