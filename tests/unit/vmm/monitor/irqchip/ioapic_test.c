/* SPDX-License-Identifier: MIT */
/* The I/O APIC (82093AA): redirection, edge and level, Remote IRR and what clears it. */
#include "tests/unit/irqchip_fixture.h"

#define BASE IOAPIC_DEFAULT_ADDRESS
#define PIN  14u

static struct device *const device = &chip.ioapic.device;

static u32 reg_read(u32 reg)
{
	fixture_write(device, BASE + IOAPIC_IOREGSEL, 4, reg);
	return (u32)fixture_read(device, BASE + IOAPIC_IOWIN, 4);
}

static void reg_write(u32 reg, u32 value)
{
	fixture_write(device, BASE + IOAPIC_IOREGSEL, 4, reg);
	fixture_write(device, BASE + IOAPIC_IOWIN, 4, value);
}

static void set_entry(u32 pin, u64 entry)
{
	reg_write(IOAPIC_REDIRECTION + 2 * pin + 1, (u32)(entry >> 32));
	reg_write(IOAPIC_REDIRECTION + 2 * pin, (u32)entry);
}

static u32 entry_low(u32 pin)
{
	return reg_read(IOAPIC_REDIRECTION + 2 * pin);
}

/* The CPU takes the vector and writes EOI. */
static void service(u32 vector)
{
	assert_int_equal(irqchip_take_interrupt(&chip, 0), vector);
	lapic_write(bsp, LAPIC_EOI, 0);
}

static void registers(void **state)
{
	(void)state;
	assert_int_equal(reg_read(IOAPIC_VERSION), 0x00170020);
	reg_write(IOAPIC_VERSION, 0);
	assert_int_equal(reg_read(IOAPIC_VERSION), 0x00170020);
	reg_write(IOAPIC_ID, 0xffffffff);
	assert_int_equal(reg_read(IOAPIC_ID), 0x0f000000);
	assert_int_equal(reg_read(IOAPIC_ARBITRATION), 0x0f000000);
	assert_int_equal(entry_low(23), IOAPIC_ENTRY_MASKED);
	assert_int_equal(reg_read(0x40), ~0u);
	reg_write(0x40, 0);
	reg_write(0x03, 0);
	assert_int_equal(entry_low(0), IOAPIC_ENTRY_MASKED);
	assert_int_equal(reg_read(0x10 + 2 * 23), IOAPIC_ENTRY_MASKED);
	set_entry(0, 0x1040);
	assert_int_equal(entry_low(0), 0x40);
	fixture_write(device, BASE + IOAPIC_IOREGSEL, 4, IOAPIC_REDIRECTION);
	fixture_write(device, BASE + IOAPIC_IOWIN, 1, 0x55);
	assert_int_equal(entry_low(0), 0x40);
	set_entry(PIN, ~0ull);
	/* Delivery status and Remote IRR are read-only, bits 55:17 are reserved. */
	assert_int_equal(entry_low(PIN), 0x0001afff);
	assert_int_equal(reg_read(IOAPIC_REDIRECTION + 2 * PIN + 1), 0xff000000);
	assert_int_equal(fixture_read(device, BASE, 1), IOAPIC_REDIRECTION + 2 * PIN + 1);
	assert_int_equal(fixture_read(device, BASE + 0x13, 1), 0xff);
	assert_int_equal(fixture_read(device, BASE + 0x20, 4), 0);
}

static void edge(void **state)
{
	(void)state;
	set_entry(PIN, 0x78);
	irqchip_set_line(&chip, PIN, true);
	irqchip_set_line(&chip, PIN, true); /* the level stays: this is no new edge */
	service(0x78);
	assert_int_equal(irqchip_take_interrupt(&chip, 0), -1);
	irqchip_set_line(&chip, PIN, false);
	assert_int_equal(irqchip_take_interrupt(&chip, 0), -1);
	irqchip_set_line(&chip, PIN, true);
	service(0x78);
	/* Masked edges are lost. */
	irqchip_set_line(&chip, PIN, false);
	set_entry(PIN, IOAPIC_ENTRY_MASKED | 0x78);
	irqchip_set_line(&chip, PIN, true);
	irqchip_set_line(&chip, PIN, false);
	set_entry(PIN, 0x78);
	assert_int_equal(irqchip_take_interrupt(&chip, 0), -1);
	irqchip_set_line(&chip, PIN, true);
	service(0x78);
}

static void level(void **state)
{
	(void)state;
	set_entry(PIN, IOAPIC_ENTRY_LEVEL | 0x77);
	irqchip_set_line(&chip, PIN, true);
	assert_true(entry_low(PIN) & IOAPIC_ENTRY_REMOTE_IRR);
	assert_int_equal(irqchip_take_interrupt(&chip, 0), 0x77);
	irqchip_set_line(&chip, PIN, false);
	irqchip_set_line(&chip, PIN, true);
	assert_false(vector_requested(0, 0x77));
	/* A line still asserted at EOI is delivered again; a line deasserted before is not. */
	lapic_write(bsp, LAPIC_EOI, 0);
	assert_int_equal(irqchip_take_interrupt(&chip, 0), 0x77);
	irqchip_set_line(&chip, PIN, false);
	lapic_write(bsp, LAPIC_EOI, 0);
	assert_int_equal(irqchip_take_interrupt(&chip, 0), -1);
	assert_false(entry_low(PIN) & IOAPIC_ENTRY_REMOTE_IRR);
}

static void level_masked_and_unmasked(void **state)
{
	(void)state;
	set_entry(PIN, IOAPIC_ENTRY_LEVEL | IOAPIC_ENTRY_MASKED | 0x77);
	irqchip_set_line(&chip, PIN, true);
	assert_int_equal(irqchip_take_interrupt(&chip, 0), -1);
	set_entry(PIN, IOAPIC_ENTRY_LEVEL | 0x77);
	assert_int_equal(irqchip_take_interrupt(&chip, 0), 0x77);
	/* Masked while in service: after EOI nothing is delivered until it is unmasked. */
	set_entry(PIN, IOAPIC_ENTRY_LEVEL | IOAPIC_ENTRY_MASKED | 0x77);
	lapic_write(bsp, LAPIC_EOI, 0);
	assert_int_equal(irqchip_take_interrupt(&chip, 0), -1);
	set_entry(PIN, IOAPIC_ENTRY_LEVEL | 0x77);
	service(0x77);
}

static void remote_irr_ends(void **state)
{
	(void)state;
	/* By turning the entry to edge and back, as old kernels do. */
	set_entry(PIN, IOAPIC_ENTRY_LEVEL | 0x77);
	irqchip_set_line(&chip, PIN, true);
	irqchip_set_line(&chip, PIN, false);
	set_entry(PIN, IOAPIC_ENTRY_MASKED | 0x77);
	set_entry(PIN, IOAPIC_ENTRY_LEVEL | 0x77);
	assert_false(entry_low(PIN) & IOAPIC_ENTRY_REMOTE_IRR);
	assert_int_equal(irqchip_take_interrupt(&chip, 0), 0x77);
	lapic_write(bsp, LAPIC_EOI, 0);

	/* By the EOI register, with the APIC's broadcast suppressed. */
	lapic_write(bsp, LAPIC_SVR, 0x1ff | LAPIC_SVR_EOI_SUPPRESSION);
	irqchip_set_line(&chip, PIN, true);
	assert_int_equal(irqchip_take_interrupt(&chip, 0), 0x77);
	irqchip_set_line(&chip, PIN, false);
	lapic_write(bsp, LAPIC_EOI, 0);
	assert_true(entry_low(PIN) & IOAPIC_ENTRY_REMOTE_IRR);
	fixture_write(device, BASE + IOAPIC_EOIR, 4, 0x76);
	assert_true(entry_low(PIN) & IOAPIC_ENTRY_REMOTE_IRR);
	fixture_write(device, BASE + IOAPIC_EOIR, 4, 0x77);
	assert_false(entry_low(PIN) & IOAPIC_ENTRY_REMOTE_IRR);
}

static void destinations(void **state)
{
	(void)state;
	set_entry(PIN, 2ull << 56 | 0x50);
	irqchip_set_line(&chip, PIN, true);
	assert_int_equal(take_requests(0x50), 1u << 2);
	irqchip_set_line(&chip, PIN, false);
	for (u32 i = 0; i < CPUS; i++)
		lapic_write(&chip.lapic[i], LAPIC_LDR, 1u << (24 + i));
	set_entry(PIN, 6ull << 56 | IOAPIC_ENTRY_LOGICAL | 0x50);
	irqchip_set_line(&chip, PIN, true);
	assert_int_equal(take_requests(0x50), 0x6);
	irqchip_set_line(&chip, PIN, false);
	set_entry(PIN, 0xffull << 56 | IOAPIC_ENTRY_LOGICAL | APIC_LOWEST_PRIORITY << 8 | 0x50);
	irqchip_set_line(&chip, PIN, true);
	assert_int_equal(take_requests(0x50), 1u << 1);
	irqchip_set_line(&chip, PIN, false);
	/* NMI is an edge even where the entry says level. */
	set_entry(PIN, IOAPIC_ENTRY_LEVEL | APIC_NMI << 8);
	irqchip_set_line(&chip, PIN, true);
	assert_int_equal(irqchip_pending(&chip, 0), PENDING_NMI);
	assert_false(entry_low(PIN) & IOAPIC_ENTRY_REMOTE_IRR);
}

static void level_that_nobody_accepts_waits(void **state)
{
	(void)state;
	set_entry(PIN, 9ull << 56 | IOAPIC_ENTRY_LEVEL | 0x50);
	irqchip_set_line(&chip, PIN, true);
	assert_false(entry_low(PIN) & IOAPIC_ENTRY_REMOTE_IRR);
	set_entry(PIN, IOAPIC_ENTRY_LEVEL | 0x50);
	assert_int_equal(take_requests(0x50), 1);
}

static void interrupt_0_is_pin_2(void **state)
{
	(void)state;
	set_entry(0, 0x30);
	set_entry(2, 0x32);
	set_entry(16, 0x36);
	irqchip_set_line(&chip, 0, true);
	assert_int_equal(take_requests(0x30), 0);
	assert_int_equal(take_requests(0x32), 1);
	irqchip_set_line(&chip, 16, true);
	assert_int_equal(take_requests(0x36), 1);
	take_requests(0x32);
	irqchip_set_line(&chip, 0, false);
	irqchip_set_line(&chip, 2, true); /* the 8259s' cascade: not a line */
	irqchip_set_line(&chip, IRQCHIP_LINE_COUNT, true);
	assert_int_equal(take_requests(0x32), 0);
	assert_int_equal(chip.ioapic.state.line, 1u << 16);
}

static void save_and_load(void **state)
{
	struct ioapic_state saved;
	struct ioapic_state bad;

	(void)state;
	set_entry(PIN, IOAPIC_ENTRY_LEVEL | 0x77);
	irqchip_set_line(&chip, PIN, true);
	assert_int_equal(device_save(device, &saved, sizeof(saved)), STATUS_OK);
	device_reset(device);
	assert_int_equal(entry_low(PIN), IOAPIC_ENTRY_MASKED);
	assert_int_equal(device_load(device, &saved, sizeof(saved)), STATUS_OK);
	assert_int_equal(entry_low(PIN), IOAPIC_ENTRY_REMOTE_IRR | IOAPIC_ENTRY_LEVEL | 0x77);
	take_requests(0x77);
	ioapic_eoi(&chip.ioapic, 0x77);
	assert_int_equal(take_requests(0x77), 1);

	bad = saved;
	bad.line = 1u << 24;
	assert_int_equal(device_load(device, &bad, sizeof(bad)), STATUS_BAD_FORMAT);
	bad = saved;
	bad.entry[3] = 1ull << 40;
	assert_int_equal(device_load(device, &bad, sizeof(bad)), STATUS_BAD_FORMAT);
	bad = saved;
	bad.select = 0x100;
	assert_int_equal(device_load(device, &bad, sizeof(bad)), STATUS_BAD_FORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(registers, chip_setup_enabled),
		cmocka_unit_test_setup(edge, chip_setup_enabled),
		cmocka_unit_test_setup(level, chip_setup_enabled),
		cmocka_unit_test_setup(level_masked_and_unmasked, chip_setup_enabled),
		cmocka_unit_test_setup(remote_irr_ends, chip_setup_enabled),
		cmocka_unit_test_setup(destinations, chip_setup_enabled),
		cmocka_unit_test_setup(level_that_nobody_accepts_waits, chip_setup_enabled),
		cmocka_unit_test_setup(interrupt_0_is_pin_2, chip_setup_enabled),
		cmocka_unit_test_setup(save_and_load, chip_setup_enabled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
