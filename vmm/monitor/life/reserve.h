/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct machine;
struct vcpu;

/*
 * Has all vCPUs' threads ask the kernel for the CPU time that the manager has set at the VM's
 * start.
 */
void reserve_start(struct machine *machine);
/*
 * Has all vCPUs' threads ask the kernel for another CPU time, budget_ns in each period_ns; wakes
 * every vCPU.
 */
void reserve_change(struct machine *machine, u64 budget_ns, u64 period_ns);
bool reserve_under_way(const struct machine *machine);
/*
 * Asks the kernel for the CPU time to be reserved for the calling thread's vCPU, unless the vCPU
 * has already asked for it.
 */
void reserve_ask(struct vcpu *vcpu);
