/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/config/config.h"

/* The commands under way to the stores of a VM's volumes: one command for each store. */
struct vm_volumes_work {
	bool begun;
	u32 operation; /* enum store_operation */
	u32 stores;    /* a bit for each store that has not answered yet */
	/* by store, the number of the command; 0: the store has not been asked yet */
	u64 number[CONFIG_STORE_MAX];
};
