/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/machine/vcpu.h"

/*
 * The fast path for the commonest exits. It does no work that only a timer, a signal or a command
 * of the manager makes necessary: for those the kernel makes the guest exit anyway. It handles
 * accesses to ports, device memory and the local APIC, TSC deadlines that are set or have come, and
 * interrupt windows.
 *
 * Runs the guest, which has been made ready, until there is more to do: the last exit is then
 * untouched, or is handled and its reason is EXIT_NONE. For other threads the vCPU is in the guest
 * all the while; a thread that needs the vCPU meanwhile kicks it, and its next run then returns.
 */
void fast_path_run(struct vcpu *vcpu);
