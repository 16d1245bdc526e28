/* SPDX-License-Identifier: MIT */
/*
 * Limits how often a monitor's signals wake the manager. Called by the event loop on each signal,
 * by vm_step, and where a VM gets a new monitor. Owns paced_tsc and deaf_until_tsc of the VM and
 * mutes the event that its monitor signals.
 */
#include "vmm/manager/vm/vm_pace.h"
#include "vmm/manager/process/events.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/rt/clock.h"

void vm_pace_reset(struct vm *vm)
{
	vm->paced_tsc = 0;
	vm->deaf_until_tsc = 0;
}

/*
 * Counts a signal of the monitor. `paced_tsc` is the TSC at which all signals so far would have
 * come if they had come one in each interval.
 */
void vm_pace_signalled(struct vm *vm)
{
	u64 interval = clock_ns_to_tsc(VM_PACE_NS);
	u64 now = clock_tsc();

	vm->paced_tsc = MAX(vm->paced_tsc, now) + interval;
	if (vm->monitor.ring != HANDLE_NONE && vm->paced_tsc - now > VM_PACE_BURST * interval &&
	    events_mute(vm->monitor.ring) == STATUS_OK)
		vm->deaf_until_tsc = now + interval;
}

void vm_pace_step(struct vm *vm, u64 now_tsc)
{
	if (vm->deaf_until_tsc == 0 || now_tsc < vm->deaf_until_tsc)
		return;
	vm->deaf_until_tsc = 0;
	/* This also delivers the signals of the muted time. */
	(void)!events_bind(vm->monitor.ring, EVENT_CHANNEL, vm->id);
}
