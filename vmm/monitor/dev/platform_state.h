/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/platform/platform_add.h"
#include "vmm/monitor/state/section_types.h"

/* The state that the interrupt controllers of a VM share: version 1 of section STATE_IRQCHIP. */
struct irqchip_saved {
	u64 kick;
	u32 lowest_last;
	u32 reserved;
};

/* The saved state of a bus: version 1 of section STATE_BUS. */
struct bus_saved {
	u64 unknown_count;
	u64 unknown_last;
};

/*
 * A platform to be saved or loaded, with those local APICs whose bit in `lapics`, one for each
 * vCPU, is set.
 */
struct platform_part {
	struct platform *platform;
	u64 lapics;
};

/*
 * Describes section number `index` of the platform's state, all but its clock; `owner` is a struct
 * platform_part.
 */
bool platform_section(void *owner, u32 index, struct state_section *section);
