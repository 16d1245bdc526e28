/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/machine/vcpu.h"

/*
 * The fast path for the commonest exits. It leaves out what only a timer, a signal or a command
 * makes necessary: for those the kernel ends a run anyway. It serves ports and device memory, the
 * registers of the local APIC, TSC deadlines set and come, and interrupt windows.
 *
 * Runs the guest, which has been made ready, until there is more to do: the last exit is then
 * untouched, or is handled and its reason is EXIT_NONE. To others the vCPU is in the guest all the
 * while; whoever wants something of it meanwhile kicks it, and the next run returns for that.
 */
void fast_path_run(struct vcpu *vcpu);
