/* SPDX-License-Identifier: MIT */
/*
 * Brings a VM's time up to date after a saved state has been loaded. Called by restore.c and
 * handover.c; changes the VM's time.
 */
#include "vmm/monitor/state/catch_up.h"

#include "vmm/monitor/machine/machine.h"
#include "vmm/monitor/state/machine_state.h"
#include "vmm/rt/start.h"

/*
 * Moves the stopped guest time on by the time since the save. The saved wall time comes from an
 * untrusted monitor: treat it as any number.
 */
void catch_up(struct machine *machine, const void *state)
{
	u64 saved_ns = state_wall_ns(state);
	u64 now_ns = machine_time_wall_ns(&machine->time, machine->time.paused_tsc);

	if ((start_info->parameter[MONITOR_FLAGS] & MONITOR_CLOCK_JUMPS) == 0 || saved_ns == 0 ||
	    saved_ns >= now_ns)
		return;
	machine_time_jump(&machine->time, now_ns - saved_ns);
	machine_update_clock(machine);
	platform_jumped(&machine->platform, now_ns - saved_ns);
}
