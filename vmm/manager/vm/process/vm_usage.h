/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/vm/vm.h"

/*
 * The times that a VM's vCPUs and threads have spent since its last boot. They are read at
 * different instants, so their sum is not exact to the cycle.
 */
struct vm_usage {
	u64 guest_ns;	/* CPU time of the vCPUs in the guest */
	u64 monitor_ns; /* CPU time of the VM's threads outside the guest */
	u64 steal_ns;	/* the time that the VM's threads waited for a CPU */
	u64 halted_ns;	/* the rest of the vCPUs' time, in which the guest had halted them */
};

struct vm_usage vm_usage(const struct vm *vm);
