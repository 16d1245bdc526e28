/* SPDX-License-Identifier: MIT */
/*
 * The two 8259A controllers of a PC. Called by irqchip.c for lines and acknowledgement, and by the
 * port bus for registers; owns both chips' state.
 */
#include "vmm/monitor/irqchip/pic.h"
#include "lib/bits.h"
#include "vmm/monitor/irqchip/irqchip.h"

/* The numbers of the pair's ranges of registers; the first two are also those of the chips. */
enum pic_region { PIC_REGION_MASTER, PIC_REGION_SLAVE, PIC_REGION_ELCR };

/*
 * Returns IRR: level-triggered inputs follow the line; an edge counts only while the line stays
 * high until INTA (8259A data sheet, "interrupt request").
 */
static u8 pic_chip_irr(const struct pic_chip *chip)
{
	u8 level = chip->level_mode ? 0xff : chip->elcr;

	return (u8)(chip->line & (chip->edge | level));
}

/*
 * Returns the highest-priority input in mask, as its distance from the input of highest priority; 8
 * if there is none.
 */
static u32 pic_chip_priority(const struct pic_chip *chip, u8 mask)
{
	for (u32 i = 0; i < PIC_INPUT_COUNT; i++)
		if (mask >> ((chip->lowest + 1u + i) % PIC_INPUT_COUNT) & 1)
			return i;
	return PIC_INPUT_COUNT;
}

static u32 pic_chip_input(const struct pic_chip *chip, u32 priority)
{
	return (chip->lowest + 1u + priority) % PIC_INPUT_COUNT;
}

/* Returns the input for which the chip requests service now, or -1. */
static int pic_chip_request(const struct pic_chip *chip, bool master)
{
	u32 request = pic_chip_priority(chip, pic_chip_irr(chip) & (u8)~chip->imr);
	u8 blocking = chip->isr;
	u32 input;

	/*
	 * In special mask mode a masked input in service no longer blocks those of lower priority.
	 */
	if (chip->special_mask)
		blocking &= (u8)~chip->imr;
	if (request == PIC_INPUT_COUNT || request > pic_chip_priority(chip, blocking))
		return -1;
	input = pic_chip_input(chip, request);
	/*
	 * In special fully nested mode the slave may interrupt its own service, and nothing else
	 * may.
	 */
	if ((blocking >> input & 1) &&
	    !(chip->special_nested && master && input == PIC_CASCADE_INPUT))
		return -1;
	return (int)input;
}

static void pic_chip_set_line(struct pic_chip *chip, u32 input, bool level)
{
	u8 bit = (u8)(1u << input);

	if (level) {
		chip->edge |= (u8)(bit & ~chip->line);
		chip->line |= bit;
	} else {
		chip->edge &= (u8)~bit;
		chip->line &= (u8)~bit;
	}
}

static void pic_update(struct pic *pic)
{
	struct pic_state *state = &pic->state;
	bool output;

	pic_chip_set_line(&state->chip[0], PIC_CASCADE_INPUT,
			  pic_chip_request(&state->chip[1], false) >= 0);
	output = pic_chip_request(&state->chip[0], true) >= 0;
	if (output == state->output)
		return;
	state->output = output;
	if (output)
		irqchip_intr_raised(pic->device.irqchip);
}

static void pic_chip_acknowledge(struct pic_chip *chip, u32 input)
{
	u8 bit = (u8)(1u << input);

	chip->edge &= (u8)~bit;
	if (!chip->auto_eoi)
		chip->isr |= bit;
	else if (chip->rotate_on_aeoi)
		chip->lowest = (u8)input;
}

void pic_set_line(struct pic *pic, u32 irq, bool level)
{
	if (irq == PIC_CASCADE_INPUT || irq >= 2 * PIC_INPUT_COUNT)
		return;
	pic_chip_set_line(&pic->state.chip[irq / PIC_INPUT_COUNT], irq % PIC_INPUT_COUNT, level);
	pic_update(pic);
}

/*
 * Makes an INTA cycle or a poll of one chip; returns the input acknowledged, or -1 if there is
 * none.
 */
static int pic_chip_inta(struct pic *pic, u32 which)
{
	struct pic_chip *chip = &pic->state.chip[which];
	int input = pic_chip_request(chip, which == 0);

	if (input >= 0)
		pic_chip_acknowledge(chip, (u32)input);
	/*
	 * The slave's INT falls with its INTA: the slave's next request is a new edge for the
	 * master.
	 */
	if (which == 1)
		pic_chip_set_line(&pic->state.chip[0], PIC_CASCADE_INPUT, false);
	return input;
}

u8 pic_acknowledge(struct pic *pic)
{
	struct pic_chip *chip = &pic->state.chip[0];
	int input = pic_chip_inta(pic, 0);

	if (input == PIC_CASCADE_INPUT) {
		chip = &pic->state.chip[1];
		input = pic_chip_inta(pic, 1);
	}
	pic_update(pic);
	return (u8)(chip->vector_base + (input < 0 ? (int)PIC_SPURIOUS_INPUT : input));
}

static void pic_chip_write_icw1(struct pic_chip *chip, u8 value)
{
	*chip = (struct pic_chip){
		.line = chip->line,
		.elcr = chip->elcr,
		.elcr_mask = chip->elcr_mask,
		.vector_base = chip->vector_base,
		.lowest = 7,
		.init_step = 2,
		.wants_icw4 = value & PIC_ICW1_ICW4,
		.single = (value & PIC_ICW1_SINGLE) != 0,
		.level_mode = (value & PIC_ICW1_LEVEL) != 0,
	};
}

static void pic_chip_write_ocw2(struct pic_chip *chip, u8 value)
{
	u32 input = value & PIC_OCW2_LEVEL;

	switch (value & PIC_OCW2_COMMAND) {
	case PIC_OCW2_EOI:
	case PIC_OCW2_EOI | PIC_OCW2_ROTATE: {
		u8 in_service = chip->isr;
		u32 priority;

		/* Special mask mode: a non-specific EOI does not end inputs that are masked. */
		if (chip->special_mask)
			in_service &= (u8)~chip->imr;
		priority = pic_chip_priority(chip, in_service);
		if (priority == PIC_INPUT_COUNT)
			break;
		input = pic_chip_input(chip, priority);
		chip->isr &= (u8) ~(1u << input);
		if (value & PIC_OCW2_ROTATE)
			chip->lowest = (u8)input;
		break;
	}
	case PIC_OCW2_EOI | PIC_OCW2_SPECIFIC:
		chip->isr &= (u8) ~(1u << input);
		break;
	case PIC_OCW2_EOI | PIC_OCW2_SPECIFIC | PIC_OCW2_ROTATE:
		chip->isr &= (u8) ~(1u << input);
		chip->lowest = (u8)input;
		break;
	case PIC_OCW2_SPECIFIC | PIC_OCW2_ROTATE:
		chip->lowest = (u8)input;
		break;
	case PIC_OCW2_ROTATE:
		chip->rotate_on_aeoi = 1;
		break;
	case 0:
		chip->rotate_on_aeoi = 0;
		break;
	default: /* 010b: the command does nothing */
		break;
	}
}

static void pic_chip_write_ocw3(struct pic_chip *chip, u8 value)
{
	if (value & PIC_OCW3_POLL)
		chip->poll = 1;
	if ((value & PIC_OCW3_READ_ISR) == PIC_OCW3_READ_ISR)
		chip->read_isr = 1;
	else if (value & PIC_OCW3_READ_IRR)
		chip->read_isr = 0;
	if (value & PIC_OCW3_ESMM)
		chip->special_mask = (value & PIC_OCW3_SMM) != 0;
}

/* Writes the data port: ICW2 to ICW4, in order; when none of these is expected, OCW1. */
static void pic_chip_write_data(struct pic_chip *chip, u8 value)
{
	switch (chip->init_step) {
	case 0:
		chip->imr = value;
		break;
	case 2:
		chip->vector_base = value & 0xf8;
		if (!chip->single)
			chip->init_step = 3;
		else
			chip->init_step = chip->wants_icw4 ? 4 : 0;
		break;
	case 3: /* ICW3 has no effect, as the wiring is fixed */
		chip->init_step = chip->wants_icw4 ? 4 : 0;
		break;
	default:
		chip->auto_eoi = (value & PIC_ICW4_AEOI) != 0;
		chip->special_nested = (value & PIC_ICW4_SFNM) != 0;
		chip->init_step = 0;
		break;
	}
}

static void pic_write(struct device *device, u32 region, u64 offset, u32 size, u64 value)
{
	struct pic *pic = CONTAINER_OF(device, struct pic, device);
	struct pic_chip *chip = &pic->state.chip[region == PIC_REGION_ELCR ? offset : region];
	u8 byte = (u8)value;

	(void)size;
	if (region == PIC_REGION_ELCR) {
		chip->elcr = byte & chip->elcr_mask;
	} else if (offset & PIC_DATA) {
		pic_chip_write_data(chip, byte);
	} else if (byte & PIC_ICW1_INIT) {
		pic_chip_write_icw1(chip, byte);
	} else if (byte & PIC_OCW3) {
		pic_chip_write_ocw3(chip, byte);
	} else {
		pic_chip_write_ocw2(chip, byte);
	}
	pic_update(pic);
}

static u64 pic_read(struct device *device, u32 region, u64 offset, u32 size)
{
	struct pic *pic = CONTAINER_OF(device, struct pic, device);
	struct pic_chip *chip;

	(void)size;
	if (region == PIC_REGION_ELCR)
		return pic->state.chip[offset].elcr;
	chip = &pic->state.chip[region];
	if (chip->poll) {
		int input = pic_chip_inta(pic, region);

		chip->poll = 0;
		pic_update(pic);
		return input < 0 ? 0 : 0x80u | (u32)input;
	}
	if (offset & PIC_DATA)
		return chip->imr;
	return chip->read_isr ? chip->isr : pic_chip_irr(chip);
}

static void pic_reset(struct device *device)
{
	struct pic_state *state = device->state;

	*state = (struct pic_state){0};
	for (u32 i = 0; i < 2; i++) {
		state->chip[i].lowest = 7;
		state->chip[i].imr = 0xff;
	}
	/* IRQ 0, 1, 2, 8 and 13 are edge-triggered by construction. */
	state->chip[0].elcr_mask = 0xf8;
	state->chip[1].elcr_mask = 0xde;
	/* The mode of the lines is as a PC's firmware leaves it, and as the ACPI tables say. */
	state->chip[1].elcr = 1u << (IRQCHIP_SCI - 8);
}

static bool pic_chip_valid(const struct pic_chip *chip, u8 elcr_mask)
{
	return chip->elcr_mask == elcr_mask && !(chip->elcr & ~elcr_mask) && chip->lowest < 8 &&
	       chip->init_step <= 4 && chip->init_step != 1 && !(chip->vector_base & 7);
}

static bool pic_valid(const void *bytes)
{
	const struct pic_state *state = bytes;

	return pic_chip_valid(&state->chip[0], 0xf8) && pic_chip_valid(&state->chip[1], 0xde) &&
	       state->output <= 1;
}

static const struct device_region pic_regions[] = {
	[PIC_REGION_MASTER] = {DEVICE_PORTS, PIC_MASTER, 2},
	[PIC_REGION_SLAVE] = {DEVICE_PORTS, PIC_SLAVE, 2},
	/* the edge/level register (ELCR) of the master, then that of the slave */
	[PIC_REGION_ELCR] = {DEVICE_PORTS, PIC_ELCR_MASTER, 2},
};

static const struct device_ops pic_ops = {
	.widest = 1,
	.read = pic_read,
	.write = pic_write,
	.reset = pic_reset,
	.valid = pic_valid,
};

void pic_init(struct pic *pic, struct irqchip *irqchip)
{
	pic->device = (struct device){
		.name = "pic",
		.ops = &pic_ops,
		.regions = pic_regions,
		.region_count = ARRAY_COUNT(pic_regions),
		.state = &pic->state,
		.state_bytes = sizeof(pic->state),
		.kind = STATE_PIC,
		.version = 1,
		.irqchip = irqchip,
	};
	device_reset(&pic->device);
}
