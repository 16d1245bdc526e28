/* SPDX-License-Identifier: MIT */
/* The pair of 8259As by the data sheet, and their connection to the processor. */
#include "tests/unit/irqchip_fixture.h"
#include "vmm/monitor/dev/acpi_pm.h"

static struct device *const device = &chip.pic.device;

static void out8(u32 port, u32 value)
{
	fixture_write(device, port, 1, value);
}

static u32 in8(u32 port)
{
	return (u32)fixture_read(device, port, 1);
}

static void raise(u32 irq)
{
	irqchip_set_line(&chip, irq, true);
}

static void lower(u32 irq)
{
	irqchip_set_line(&chip, irq, false);
}

static int take(void)
{
	return irqchip_take_interrupt(&chip, 0);
}

/* Programs vectors 0x20 and 0x28, everything unmasked; `icw4` gives further bits of ICW4. */
static void program(u32 icw4)
{
	out8(0x20, 0x11);
	out8(0x21, 0x20);
	out8(0x21, 0x04);
	out8(0x21, PIC_ICW4_8086 | icw4);
	out8(0xa0, 0x11);
	out8(0xa1, 0x28);
	out8(0xa1, 0x02);
	out8(0xa1, PIC_ICW4_8086 | (icw4 & PIC_ICW4_AEOI));
}

static int setup(void **state)
{
	chip_setup(state);
	program(0);
	return 0;
}

static void quiet_after_power_on(void **state)
{
	(void)state;
	assert_int_equal(in8(0x21), 0xff);
	raise(1);
	assert_int_equal(irqchip_pending(&chip, 0), 0);
}

/* Linux warns if the ELCR contradicts the ACPI tables. */
static void power_management_is_level_triggered(void **state)
{
	(void)state;
	assert_int_equal(in8(0x4d0), 0);
	assert_int_equal(in8(0x4d1), 1u << (IRQCHIP_SCI - 8));
}

static void nested_priorities(void **state)
{
	(void)state;
	raise(3);
	raise(5);
	assert_int_equal(irqchip_pending(&chip, 0), PENDING_EXTINT);
	assert_int_equal(take(), 0x23);
	assert_int_equal(take(), -1); /* 5 waits for 3 */
	raise(1);
	assert_int_equal(take(), 0x21);
	out8(0x20, PIC_OCW3 | PIC_OCW3_READ_ISR);
	assert_int_equal(in8(0x20), 0x0a);
	out8(0x20, PIC_OCW3 | PIC_OCW3_READ_IRR);
	assert_int_equal(in8(0x20), 0x20);
	out8(0x20, PIC_OCW2_EOI); /* the EOI ends input 1, the highest in service */
	assert_int_equal(take(), -1);
	out8(0x20, PIC_OCW2_EOI | PIC_OCW2_SPECIFIC | 3);
	assert_int_equal(take(), 0x25);
}

static void edges_and_masks(void **state)
{
	(void)state;
	raise(4);
	assert_int_equal(take(), 0x24);
	out8(0x20, PIC_OCW2_EOI);
	assert_int_equal(take(), -1); /* the line is still high: there is no new edge */
	lower(4);
	raise(4);
	assert_int_equal(take(), 0x24);
	out8(0x20, PIC_OCW2_EOI);
	/* A mask delays the request, and does not lose it. */
	out8(0x21, 0x10);
	assert_int_equal(in8(0x21), 0x10);
	lower(4);
	raise(4);
	assert_int_equal(take(), -1);
	out8(0x21, 0);
	assert_int_equal(take(), 0x24);
	out8(0x20, PIC_OCW2_EOI);
	/* An edge that falls before INTA is gone. */
	lower(4);
	raise(4);
	lower(4);
	assert_int_equal(irqchip_pending(&chip, 0), 0);
	assert_int_equal(pic_acknowledge(&chip.pic), 0x27); /* the interrupt is spurious */
	out8(0x20, PIC_OCW3 | PIC_OCW3_READ_ISR);
	assert_int_equal(in8(0x20), 0);
}

static void level_triggered(void **state)
{
	(void)state;
	out8(0x4d0, 0xff);
	out8(0x4d1, 0xff);
	assert_int_equal(in8(0x4d0), 0xf8);
	assert_int_equal(in8(0x4d1), 0xde);
	raise(5);
	assert_int_equal(take(), 0x25);
	out8(0x20, PIC_OCW2_EOI);
	assert_int_equal(take(), 0x25);
	lower(5);
	out8(0x20, PIC_OCW2_EOI);
	assert_int_equal(take(), -1);
}

static void cascade(void **state)
{
	(void)state;
	raise(12);
	raise(10);
	assert_int_equal(take(), 0x2a);
	out8(0x20, PIC_OCW3 | PIC_OCW3_READ_ISR);
	out8(0xa0, PIC_OCW3 | PIC_OCW3_READ_ISR);
	assert_int_equal(in8(0x20), 0x04);
	assert_int_equal(in8(0xa0), 0x04);
	/* Without special fully nested mode the master blocks even the slave's higher requests. */
	raise(8);
	assert_int_equal(take(), -1);
	raise(1);
	assert_int_equal(take(), 0x21);
	out8(0x20, PIC_OCW2_EOI);
	out8(0xa0, PIC_OCW2_EOI);
	out8(0x20, PIC_OCW2_EOI);
	assert_int_equal(take(), 0x28);
	out8(0xa0, PIC_OCW2_EOI);
	out8(0x20, PIC_OCW2_EOI);
	assert_int_equal(take(), 0x2c);
	/* The line of interrupt 2 belongs to the slave. */
	out8(0xa0, PIC_OCW2_EOI);
	out8(0x20, PIC_OCW2_EOI);
	raise(2);
	raise(16); /* the line has a pin of the I/O APIC only */
	assert_int_equal(take(), -1);
}

static void special_fully_nested(void **state)
{
	(void)state;
	program(PIC_ICW4_SFNM);
	raise(10);
	assert_int_equal(take(), 0x2a);
	raise(8);
	assert_int_equal(take(), 0x28);
	raise(11);
	assert_int_equal(take(), -1);
	/* The master's requests below the slave's input still wait. */
	raise(5);
	assert_int_equal(take(), -1);
	raise(1);
	assert_int_equal(take(), 0x21);
}

static void slave_spurious(void **state)
{
	(void)state;
	raise(10);
	assert_int_equal(irqchip_pending(&chip, 0), PENDING_EXTINT);
	assert_int_equal(chip.kick, 1);
	/* The master passes INTA to the slave, whose request has gone: its input 7. */
	chip.pic.state.chip[1].line = 0;
	assert_int_equal(take(), 0x2f);
	out8(0x20, PIC_OCW3 | PIC_OCW3_READ_ISR);
	out8(0xa0, PIC_OCW3 | PIC_OCW3_READ_ISR);
	assert_int_equal(in8(0x20), 0x04);
	assert_int_equal(in8(0xa0), 0);
}

static void rotation(void **state)
{
	(void)state;
	raise(0);
	raise(3);
	raise(4);
	out8(0x20, PIC_OCW2_SPECIFIC | PIC_OCW2_ROTATE | 3); /* 3 is lowest, 4 highest */
	assert_int_equal(take(), 0x24);
	out8(0x20, PIC_OCW2_EOI | PIC_OCW2_ROTATE); /* now input 4 is the lowest */
	assert_int_equal(take(), 0x20);
	assert_int_equal(chip.pic.state.chip[0].lowest, 4);
	out8(0x20, PIC_OCW2_EOI | PIC_OCW2_SPECIFIC | PIC_OCW2_ROTATE | 0);
	assert_int_equal(chip.pic.state.chip[0].lowest, 0);
	assert_int_equal(chip.pic.state.chip[0].isr, 0);
	/* With nothing in service nothing rotates. */
	out8(0x20, PIC_OCW2_EOI | PIC_OCW2_ROTATE);
	assert_int_equal(chip.pic.state.chip[0].lowest, 0);
	assert_int_equal(take(), 0x23);
}

/* The I/O APIC has more inputs. */
static void inputs_above_15(void **state)
{
	struct pic_state before = chip.pic.state;

	(void)state;
	for (u32 irq = 16; irq < IRQCHIP_LINE_COUNT; irq++)
		raise(irq);
	assert_memory_equal(&chip.pic.state, &before, sizeof(before));
	assert_int_equal(take(), -1);
}

static void automatic_eoi(void **state)
{
	(void)state;
	program(PIC_ICW4_AEOI);
	raise(3);
	raise(5);
	assert_int_equal(take(), 0x23);
	assert_int_equal(take(), 0x25);
	out8(0x20, PIC_OCW3 | PIC_OCW3_READ_ISR);
	assert_int_equal(in8(0x20), 0);
	/* With rotation on automatic EOI the request that was served becomes the lowest. */
	out8(0x20, PIC_OCW2_ROTATE);
	lower(3);
	raise(3);
	assert_int_equal(take(), 0x23);
	assert_int_equal(chip.pic.state.chip[0].lowest, 3);
	out8(0x20, 0);
	lower(5);
	raise(5);
	assert_int_equal(take(), 0x25);
	assert_int_equal(chip.pic.state.chip[0].lowest, 3);
	/* The slave's second request reaches the master although its INT never fell in between. */
	raise(10);
	raise(11);
	assert_int_equal(take(), 0x2a);
	assert_int_equal(take(), 0x2b);
}

static void special_mask(void **state)
{
	(void)state;
	raise(3);
	assert_int_equal(take(), 0x23);
	out8(0x21, 0x08);
	out8(0x20, PIC_OCW3 | PIC_OCW3_ESMM | PIC_OCW3_SMM);
	raise(6);
	assert_int_equal(take(), 0x26); /* lower than 3, yet let through */
	/* A non-specific EOI passes over the masked one. */
	out8(0x20, PIC_OCW2_EOI);
	out8(0x20, PIC_OCW3 | PIC_OCW3_READ_ISR);
	assert_int_equal(in8(0x20), 0x08);
	out8(0x20, PIC_OCW3 | PIC_OCW3_ESMM);
	raise(7);
	assert_int_equal(take(), -1);
}

static void poll(void **state)
{
	(void)state;
	out8(0x20, PIC_OCW3 | PIC_OCW3_POLL);
	assert_int_equal(in8(0x20), 0);
	raise(0);
	out8(0x20, PIC_OCW3 | PIC_OCW3_POLL);
	assert_int_equal(in8(0x20), 0x80);
	out8(0x20, PIC_OCW2_EOI);
	raise(6);
	out8(0x20, PIC_OCW3 | PIC_OCW3_POLL);
	assert_int_equal(in8(0x20), 0x86);
	out8(0x20, PIC_OCW3 | PIC_OCW3_READ_ISR);
	assert_int_equal(in8(0x20), 0x40);
	assert_int_equal(take(), -1);
	out8(0x20, PIC_OCW2_EOI);
	raise(14);
	out8(0xa0, PIC_OCW3 | PIC_OCW3_POLL);
	assert_int_equal(in8(0xa0), 0x86);
	assert_int_equal(take(), -1);
}

static void initialisation_clears(void **state)
{
	(void)state;
	raise(3);
	assert_int_equal(take(), 0x23);
	raise(6);
	out8(0x21, 0xff);
	out8(0x20, 0x11);
	out8(0x21, 0x40);
	out8(0x21, 0x04);
	assert_int_equal(chip.pic.state.chip[0].init_step, 4);
	out8(0x21, 0x01);
	assert_int_equal(in8(0x21), 0);
	assert_int_equal(in8(0x20), 0); /* edges before the initialisation are forgotten */
	lower(6);
	raise(6);
	assert_int_equal(take(), 0x46);
	/* Single and without ICW4: two words are enough. */
	out8(0x20, PIC_ICW1_INIT | PIC_ICW1_SINGLE);
	out8(0x21, 0x57);
	out8(0x21, 0xfe);
	assert_int_equal(in8(0x21), 0xfe);
	assert_int_equal(chip.pic.state.chip[0].vector_base, 0x50);
}

static void way_to_the_processor(void **state)
{
	(void)state;
	/* LINT0 masked: no interrupt. */
	lapic_write(bsp, LAPIC_LVT_LINT0, LAPIC_LVT_MASKED | APIC_EXTINT << 8);
	raise(3);
	assert_int_equal(irqchip_pending(&chip, 0), 0);
	chip.kick = 0;
	lapic_write(bsp, LAPIC_LVT_LINT0, APIC_EXTINT << 8);
	assert_int_equal(chip.kick, 1);
	/* TPR does not apply. */
	lapic_set_cr8(bsp, 15);
	assert_int_equal(take(), 0x23);
	lapic_set_cr8(bsp, 0);

	/* LINT0 as a fixed interrupt, as a kernel tries when all else fails. */
	lapic_write(bsp, LAPIC_LVT_LINT0, 0x61);
	out8(0x20, PIC_OCW2_EOI);
	raise(0);
	assert_int_equal(take(), 0x61);
	pic_acknowledge(&chip.pic);
	lapic_write(bsp, LAPIC_EOI, 0);
	/* The PIC's interrupt goes as an NMI. */
	out8(0x20, PIC_OCW2_EOI);
	lapic_write(bsp, LAPIC_LVT_LINT0, APIC_NMI << 8);
	lower(0);
	raise(0);
	assert_int_equal(irqchip_pending(&chip, 0), PENDING_NMI);
	irqchip_take_nmi(&chip, 0);
	/* With the APIC disabled LINT0 is INTR. */
	assert_true(lapic_msr_write(bsp, MSR_APIC_BASE, 0xfee00000 | APIC_BASE_BSP, PHYSICAL_BITS));
	assert_int_equal(irqchip_pending(&chip, 0), PENDING_EXTINT);
	assert_int_equal(take(), 0x20);
}

static void save_and_load(void **state)
{
	u64 saved[(sizeof(struct pic_state) + 7) / 8];
	u64 bad[ARRAY_COUNT(saved)];

	(void)state;
	raise(3);
	assert_int_equal(take(), 0x23);
	raise(12); /* the interrupt comes through input 2, so it goes before input 3 */
	assert_int_equal(device_save(device, saved, sizeof(struct pic_state)), STATUS_OK);
	device_reset(device);
	assert_int_equal(take(), -1);
	assert_int_equal(device_load(device, saved, sizeof(struct pic_state)), STATUS_OK);
	assert_memory_equal(saved, device->state, sizeof(struct pic_state));
	assert_int_equal(take(), 0x2c);

	memcpy(bad, saved, sizeof(struct pic_state));
	((struct pic_state *)bad)->chip[1].lowest = 8;
	assert_int_equal(device_load(device, bad, sizeof(struct pic_state)), STATUS_BAD_FORMAT);
	memcpy(bad, saved, sizeof(struct pic_state));
	((struct pic_state *)bad)->chip[0].elcr = 1;
	assert_int_equal(device_load(device, bad, sizeof(struct pic_state)), STATUS_BAD_FORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(quiet_after_power_on, chip_setup),
		cmocka_unit_test_setup(power_management_is_level_triggered, chip_setup),
		cmocka_unit_test_setup(nested_priorities, setup),
		cmocka_unit_test_setup(edges_and_masks, setup),
		cmocka_unit_test_setup(level_triggered, setup),
		cmocka_unit_test_setup(cascade, setup),
		cmocka_unit_test_setup(special_fully_nested, setup),
		cmocka_unit_test_setup(slave_spurious, setup),
		cmocka_unit_test_setup(rotation, setup),
		cmocka_unit_test_setup(inputs_above_15, setup),
		cmocka_unit_test_setup(automatic_eoi, setup),
		cmocka_unit_test_setup(special_mask, setup),
		cmocka_unit_test_setup(poll, setup),
		cmocka_unit_test_setup(initialisation_clears, setup),
		cmocka_unit_test_setup(way_to_the_processor, setup),
		cmocka_unit_test_setup(save_and_load, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
