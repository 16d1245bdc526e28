/* SPDX-License-Identifier: MIT */
#include "vmm/manager/commands/vm_act.h"

VM_ACT_COMMAND(vm_resume, ACTION_RESUME,
	.name = "vm resume",
	.right = MAY_OPERATE,
	.summary = "continues a paused VM",
	.example = "vm resume alpha");
