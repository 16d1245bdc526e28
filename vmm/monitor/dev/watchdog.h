/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/bus/device.h"

#define WATCHDOG_PORT	    0x630u
#define WATCHDOG_PORT_COUNT 6u
#define WATCHDOG_CONTROL    0u /* the control register: bit 0 lets the watchdog run */
#define WATCHDOG_KICK	    1u /* a register: any write to it lets the count begin anew */
/* the register with the time limit in seconds, two bytes; 0 counts as 1 */
#define WATCHDOG_COUNT 2u
/* the register with the seconds until the watchdog expires, two bytes; 0 while it is stopped */
#define WATCHDOG_LEFT	     4u
#define WATCHDOG_RUN	     0x01u
#define WATCHDOG_COUNT_MAX   3600u
#define WATCHDOG_COUNT_START 60u

struct watchdog_state {
	u64 expires_ns; /* guest time at which the watchdog expires; valid only while it runs */
	u16 count;
	u8 control;
	u8 reserved[5];
};

/*
 * A watchdog timer: stopped until the guest starts it; the VM crashes when it expires. The
 * registers are Skerry's own: the ACPI table WDAT (load/wdat.h) tells the guest how to use them.
 */
struct watchdog {
	struct device device;
	struct watchdog_state state;
};

enum status watchdog_attach(struct platform *platform,
			    const struct platform_config *config) MUST_CHECK;
