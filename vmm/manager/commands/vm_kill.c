/* SPDX-License-Identifier: MIT */
#include "vmm/manager/commands/vm_act.h"

VM_ACT_COMMAND(vm_kill, ACTION_KILL,
	.name = "vm kill",
	.right = MAY_OPERATE,
	.summary = "ends a guest at once, without the power button",
	.detail = "The VM stays, stopped; its guest has lost what it had not written.",
	.example = "vm kill alpha");
