/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/bus/device.h"

#define PVPANIC_PORT	   0x505u
#define PVPANIC_PORT_COUNT 1u

/* Bits of the port (docs/specs/pvpanic of QEMU); a read returns those that the device knows. */
enum pvpanic_event {
	PVPANIC_PANICKED = 1 << 0,
	PVPANIC_CRASH_LOADED = 1 << 1, /* the guest has panicked, and a crash kernel takes over */
};

struct pvpanic_state {
	/*
	 * events of which the monitor has been told, enum pvpanic_event: it is told of each only
	 * once
	 */
	u64 told;
};

/*
 * The device by which a guest's kernel reports that it has panicked; the guest's driver finds it by
 * ACPI id QEMU0001.
 */
struct pvpanic {
	struct device device;
	struct pvpanic_state state;
};

enum status pvpanic_attach(struct platform *platform,
			   const struct platform_config *config) MUST_CHECK;
