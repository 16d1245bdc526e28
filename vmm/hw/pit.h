/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* Intel 8254 data sheet. */
#define PIT_HZ		  1193182u
#define PIT_PORT	  0x40u /* channels 0 to 2 have ports 0x40 to 0x42 */
#define PIT_CONTROL_PORT  0x43u
#define PIT_GATE_PORT	  0x61u /* the PC's system control port B */
#define PIT_IRQ		  0u
#define PIT_CHANNEL_COUNT 3u

/* The control word. */
enum pit_control {
	PIT_CONTROL_BCD = 1 << 0,
	PIT_CONTROL_MODE = 0x0e,
	PIT_CONTROL_MODE_SHIFT = 1,
	PIT_CONTROL_ACCESS = 0x30,
	PIT_CONTROL_LATCH = 0x00,
	PIT_CONTROL_LOW_HIGH = 0x30,
	PIT_CONTROL_CHANNEL_SHIFT = 6,
	/* stands in place of a channel's number and makes the command a read-back */
	PIT_CONTROL_READ_BACK = 0xc0,
	PIT_READ_BACK_NO_COUNT = 1 << 5,
	PIT_READ_BACK_NO_STATUS = 1 << 4,
};

enum pit_mode {
	PIT_MODE_TERMINAL_COUNT = 0,
	PIT_MODE_ONE_SHOT = 1,
	PIT_MODE_RATE = 2,
	PIT_MODE_SQUARE_WAVE = 3,
	PIT_MODE_HARDWARE_STROBE = 5,
};

/* Status byte of the read-back command. */
enum pit_status {
	PIT_STATUS_OUT = 1 << 7,
	PIT_STATUS_NULL_COUNT = 1 << 6,
};

/* Bits of port 0x61. */
enum pit_gate {
	PIT_GATE_2 = 1 << 0, /* the gate of the PIT's channel 2 */
	PIT_GATE_SPEAKER = 1 << 1,
	PIT_GATE_REFRESH = 1 << 4, /* toggles with each refresh of the memory */
	PIT_GATE_OUT_2 = 1 << 5,   /* the output of the PIT's channel 2 */
};
