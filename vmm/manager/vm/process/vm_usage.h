/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/vm/vm.h"

/*
 * The times of a VM since its last fresh boot. They are read at different instants and do not add
 * up to the cycle.
 */
struct vm_usage {
	u64 guest_ns;	/* CPU time inside the guest */
	u64 monitor_ns; /* CPU time outside the guest */
	u64 steal_ns;	/* the time that the VM's threads waited for a CPU */
	u64 halted_ns;	/* the rest of the vCPUs' time, in which they had nothing to do */
};

struct vm_usage vm_usage(const struct vm *vm);
