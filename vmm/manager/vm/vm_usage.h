/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/vm/vm.h"

/* What a VM has used since its last fresh boot. Read at different instants: not to the cycle. */
struct vm_usage {
	u64 guest_ns;	/* of CPUs, inside the guest */
	u64 monitor_ns; /* of CPUs, outside it */
	u64 steal_ns;	/* its threads waited for a CPU */
	u64 halted_ns;	/* the rest of the time that its vCPUs were there: they had nothing to do */
};

struct vm_usage vm_usage(const struct vm *vm);
