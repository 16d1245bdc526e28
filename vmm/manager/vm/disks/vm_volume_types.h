/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/config/config.h"

/* What the stores of a VM's volumes are asked for, one command for each. */
struct vm_volumes_work {
	bool begun;
	u32 operation;		      /* enum store_operation */
	u32 stores;		      /* those that have not answered yet, a bit for each */
	u64 number[CONFIG_STORE_MAX]; /* of the command; 0: the store has not been asked yet */
};
