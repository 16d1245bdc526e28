/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* Intel 8259A data sheet. A PC has two of them, the slave at the master's input 2. */
#define PIC_MASTER 0x20u
#define PIC_SLAVE  0xa0u
/* edge/level control registers: a set bit makes the 8259's input level-triggered */
#define PIC_ELCR_MASTER	   0x4d0u
#define PIC_ELCR_SLAVE	   0x4d1u
#define PIC_CASCADE_INPUT  2u
#define PIC_INPUT_COUNT	   8u
#define PIC_SPURIOUS_INPUT 7u

enum pic_port { /* offsets from the base of either 8259 */
		PIC_COMMAND = 0,
		PIC_DATA = 1,
};

enum pic_icw1 {
	PIC_ICW1_ICW4 = 1 << 0,
	PIC_ICW1_SINGLE = 1 << 1,
	PIC_ICW1_LEVEL = 1 << 3,
	PIC_ICW1_INIT = 1 << 4,
};

enum pic_icw4 {
	PIC_ICW4_8086 = 1 << 0,
	PIC_ICW4_AEOI = 1 << 1,
	PIC_ICW4_SFNM = 1 << 4, /* special fully nested mode */
};

enum pic_ocw2 {
	PIC_OCW2_LEVEL = 0x07,
	PIC_OCW2_EOI = 1 << 5,
	PIC_OCW2_SPECIFIC = 1 << 6,
	PIC_OCW2_ROTATE = 1 << 7,
	PIC_OCW2_COMMAND = 0xe0,
};

enum pic_ocw3 {
	PIC_OCW3_READ_IRR = 0x02,
	PIC_OCW3_READ_ISR = 0x03,
	PIC_OCW3_POLL = 1 << 2,
	PIC_OCW3 = 1 << 3, /* marks a command word as an OCW3, not an OCW2 */
	PIC_OCW3_SMM = 1 << 5,
	PIC_OCW3_ESMM = 1 << 6,
};
