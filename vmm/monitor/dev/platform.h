/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/platform/platform_add.h"

/*
 * Makes all devices of the VM, as they are after power-on; `clock` must be set. Returns the error
 * of platform_add or of a device's attach function, which is a bug or a configuration with too many
 * devices.
 */
enum status platform_init(struct platform *platform,
			  const struct platform_config *config) MUST_CHECK;
/* Tells all devices that guest time has jumped by `ns`, in which the guest could do nothing. */
void platform_jumped(struct platform *platform, u64 ns);
/*
 * Resets all devices and interrupt controllers, but not date and CMOS bytes. Clears pending events
 * and kicks of vCPUs.
 */
void platform_reset(struct platform *platform);
/*
 * Sets up PIT and 8259s, after a reset, as a PC's firmware leaves them for the system it starts.
 * The timer's interrupt comes at vector 8 from the first STI on.
 */
void platform_firmware(struct platform *platform);

/* Access memory that no RAM answers, for vCPU `cpu`; `size` is 1 to 8 bytes. */
u64 platform_memory_read(struct platform *platform, u32 cpu, u64 gpa, u32 size);
void platform_memory_write(struct platform *platform, u32 cpu, u64 gpa, u32 size, u64 value);

/*
 * Fires the timers that are due by clock.now_ns. vCPU 0 serves the devices, each vCPU its own local
 * APIC.
 */
void platform_tick(struct platform *platform, u32 cpu);
/* Returns the guest time at which platform_tick(cpu) is next needed, or DEADLINE_NONE. */
u64 platform_deadline(const struct platform *platform, u32 cpu);
