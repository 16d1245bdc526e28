/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/hw/i8042.h"
#include "vmm/monitor/bus/device.h"

struct reset_state {
	u8 control;   /* the register at port 0xcf9 */
	u8 control_a; /* the register at port 0x92 */
	u8 config;    /* the 8042's command byte */
	/*
	 * the 8042 command whose data byte comes next; 0: no command waits, and bytes go to the
	 * keyboard
	 */
	u8 expects;
	u8 status; /* bits of the 8042's status: I8042_STATUS_OUTPUT, _COMMAND and _TIMEOUT */
	u8 output;
	u8 reserved[2];
};

/*
 * The ways to reset a PC by port: 0xcf9, 0x92, and an 8042 that has neither keyboard nor mouse
 * and says so at once. A20 is always on.
 */
struct reset {
	struct device device;
	struct reset_state state;
};

enum status reset_attach(struct platform *platform,
			 const struct platform_config *config) MUST_CHECK;
