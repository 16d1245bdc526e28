/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/bus/device.h"

/*
 * A guest's time. It starts at 0 with the VM and stands still while the VM is paused; the TSC a
 * vCPU reads is that time in TSC cycles plus the offset that the guest itself has added there
 * (IA32_TSC_ADJUST).
 */
struct machine_time {
	u64 tsc_khz;
	u64 base_tsc;	  /* the host's TSC at guest time 0; each pause moves it on */
	u64 paused_tsc;	  /* the host's TSC when the present pause began; 0: the VM is not paused */
	u64 wall_seconds; /* Unix time, in seconds, at host TSC wall_tsc */
	u64 wall_tsc;
};

void machine_time_start(struct machine_time *time, u64 tsc_khz, u64 host_tsc);
void machine_time_wall(struct machine_time *time, u64 seconds, u64 host_tsc);
void machine_time_pause(struct machine_time *time, u64 host_tsc);
void machine_time_resume(struct machine_time *time, u64 host_tsc);

/*
 * Fill in the clock that devices and a vCPU with clock->tsc_adjust see at host_tsc: the first
 * function all but wall time, the second all of the clock.
 */
void machine_time_update_guest(const struct machine_time *time, struct machine_clock *clock,
			       u64 host_tsc);
void machine_time_update(const struct machine_time *time, struct machine_clock *clock,
			 u64 host_tsc);

/* Returns the Unix time at host_tsc in ns; 0: the time is not known. */
u64 machine_time_wall_ns(const struct machine_time *time, u64 host_tsc);
/* Makes the guest's time jump forward by `ns`, as long as it stays below 2^63 cycles. */
void machine_time_jump(struct machine_time *time, u64 ns);

/*
 * Returns the offset that the CPU adds to the host's TSC for the guest's, not counting the vCPU's
 * IA32_TSC_ADJUST.
 */
u64 machine_time_tsc_offset(const struct machine_time *time);

/* Returns the host TSC at which guest time will be `ns`: 0 for DEADLINE_NONE, otherwise never 0. */
u64 machine_time_to_host(const struct machine_time *time, u64 ns);
