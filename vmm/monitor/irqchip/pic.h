/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/hw/pic.h"
#include "vmm/monitor/bus/device.h"

/* One 8259A. Fields have the names of the data sheet. */
struct pic_chip {
	u8 line; /* the present levels of the inputs */
	u8 edge; /* edge latches: a bit for each input with a rising edge not yet acknowledged */
	u8 isr;
	u8 imr;
	u8 elcr;	/* edge/level control: the level-triggered inputs, a bit each */
	u8 elcr_mask;	/* bits of `elcr` that the guest can set */
	u8 vector_base; /* the vector of input 0, set by ICW2 */
	u8 lowest;	/* the number of the input of lowest priority; 7 after ICW1 */
	u8 init_step;	/* the ICW that is expected next: 2, 3, 4; 0: none is expected */
	u8 wants_icw4;
	u8 single;     /* the chip is alone (ICW1.SNGL): no ICW3 follows */
	u8 level_mode; /* all inputs are level-triggered (ICW1.LTIM) */
	u8 auto_eoi;
	u8 rotate_on_aeoi;
	u8 special_nested;
	u8 special_mask;
	u8 read_isr; /* whether a read of the command port gives ISR; otherwise it gives IRR */
	u8 poll;     /* the next read of the chip is a poll, which acknowledges an input */
};

struct pic_state {
	struct pic_chip chip[2]; /* the master, then the slave */
	u8 output;		 /* the level of the master's INT */
	u8 reserved[3];
};

/* The pair of 8259As of a PC with its edge/level control registers. */
struct pic {
	struct device device;
	struct pic_state state;
};

void pic_init(struct pic *pic, struct irqchip *irqchip);
/* Sets the level of the input for ISA interrupt `irq`, 0 to 15; 2 is the cascade and ignored. */
void pic_set_line(struct pic *pic, u32 irq, bool level);
/* Returns whether the master asserts INTR, the line to LINT0 of the local APICs. */
static inline bool pic_output(const struct pic *pic)
{
	return pic->state.output;
}
/*
 * Runs the INTA cycles, which put the requesting input in service. Returns its vector: input 7's if
 * nothing is requested now (spurious).
 */
u8 pic_acknowledge(struct pic *pic);
