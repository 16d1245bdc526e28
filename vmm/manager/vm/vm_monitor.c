/* SPDX-License-Identifier: MIT */
/*
 * Ends a monitor's process. Called by vm_renew.c for one of a VM's two monitors, and by vm_build.c
 * for a VM whose memory is still in use. Destroys the handles of the monitor that it is given.
 */
#include "vmm/manager/vm/vm_monitor.h"
#include "vmm/manager/process/events.h"
#include "vmm/manager/vm/vm_handover.h"

void vm_monitor_end(struct vm_monitor *monitor)
{
	/* the signal that this process has ended is not needed */
	if (monitor->process != HANDLE_NONE)
		(void)!events_mute(monitor->process);
	vm_handover_end(&monitor->process);
	vm_handover_end(&monitor->wake);
	vm_handover_end(&monitor->ring);
}
