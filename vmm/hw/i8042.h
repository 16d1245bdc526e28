/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* Intel 8042 keyboard controller, as the IBM PC/AT technical reference programs it. */
#define I8042_DATA_PORT	   0x60u
#define I8042_COMMAND_PORT 0x64u /* the port of commands when written, of the status when read */
#define I8042_IRQ	   1u

enum i8042_status {
	I8042_STATUS_OUTPUT = 1 << 0,  /* a byte for the CPU waits at the data port */
	I8042_STATUS_SYSTEM = 1 << 2,  /* the controller's self-test has passed */
	I8042_STATUS_COMMAND = 1 << 3, /* the last write was to the command port */
	I8042_STATUS_UNLOCKED = 1 << 4,
	I8042_STATUS_TIMEOUT = 1 << 6, /* the keyboard or mouse did not answer */
};

enum i8042_command {
	I8042_READ_CONFIG = 0x20,
	I8042_WRITE_CONFIG = 0x60,
	I8042_DISABLE_AUX = 0xa7,
	I8042_ENABLE_AUX = 0xa8,
	I8042_TEST_AUX = 0xa9,
	I8042_SELF_TEST = 0xaa,
	I8042_TEST_KEYBOARD = 0xab,
	I8042_DISABLE_KEYBOARD = 0xad,
	I8042_ENABLE_KEYBOARD = 0xae,
	I8042_READ_OUTPUT_PORT = 0xd0,
	I8042_WRITE_OUTPUT_PORT = 0xd1,
	I8042_LOOP_KEYBOARD = 0xd2,
	I8042_LOOP_AUX = 0xd3,
	I8042_WRITE_AUX = 0xd4,
	/*
	 * command that pulses low each of the output port's bits 3:0 that is 0 in the command; bit
	 * 0 resets the CPU
	 */
	I8042_PULSE = 0xf0,
};

#define I8042_CONFIG_IRQ	  (1u << 0)
#define I8042_CONFIG_SYSTEM	  (1u << 2)
#define I8042_CONFIG_KEYBOARD_OFF (1u << 4)
#define I8042_CONFIG_AUX_OFF	  (1u << 5)
#define I8042_SELF_TEST_PASSED	  0x55u
#define I8042_TEST_CLOCK_LOW	  0x01u
#define I8042_RESEND		  0xfeu
#define I8042_OUTPUT_RESET	  (1u << 0) /* a 0 resets the CPU */
#define I8042_OUTPUT_A20	  (1u << 1)

/* System control port A of the IBM PS/2. */
#define CONTROL_A_PORT	0x92u
#define CONTROL_A_RESET (1u << 0) /* a change of this bit from 0 to 1 resets the CPU at once */
#define CONTROL_A_A20	(1u << 1)

/* The chipset's reset control register. */
#define RESET_CONTROL_PORT   0xcf9u
#define RESET_CONTROL_SYSTEM (1u << 1) /* a hard reset instead of a soft one */
/* a change of this bit from 0 to 1 resets the host at once */
#define RESET_CONTROL_CPU  (1u << 2)
#define RESET_CONTROL_FULL (1u << 3)
