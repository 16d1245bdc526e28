/* SPDX-License-Identifier: MIT */
#include "vmm/manager/commands/vm_act.h"

VM_ACT_COMMAND(vm_reset, ACTION_RESET,
	.name = "vm reset",
	.right = MAY_OPERATE,
	.summary = "resets a running or paused VM, as its reset button would",
	.example = "vm reset alpha");
