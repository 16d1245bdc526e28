/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/vcpu.h"

/*
 * The short way of the commonest exits, which leaves out what only a timer, a signal or a command
 * makes necessary: for these the kernel returns by itself. It serves ports and device memory of
 * devices without a clock, the registers of the local APIC but for its count, TSC deadlines set and
 * come, and interrupt windows.
 *
 * Runs the guest, which was set going, until there is more to do: that exit stands as it was, or is
 * settled and its reason EXIT_NONE. To others the vCPU is in the guest all the while; who wants
 * something of it meanwhile has kicked it, which the next run returns for.
 */
void brief_run(struct vcpu *vcpu);
