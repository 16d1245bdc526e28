/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/vm/vm_operation_types.h"

struct vm;

/*
 * A trim frees the pages of a VM's memory that hold only zeros, while its guest runs and cannot
 * tell: for `vm trim`, and for vm_overcommit.h when others need memory.
 */
enum vm_trim_phase {
	TRIM_NONE,
	TRIM_LOOKING, /* the kernel looks at pages */
};

struct vm_trim {
	u64 next;      /* number of the RAM's page to look at next */
	u64 end;       /* number of the RAM's page before which the trim ends */
	u64 given;     /* pages freed by the present or the last trim */
	u64 given_all; /* pages freed by trims since the VM's creation */
	u64 ended_tsc;
	u64 step_until_tsc; /* time limit of the step under way; 0: no step is under way */
};
