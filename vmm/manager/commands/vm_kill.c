/* SPDX-License-Identifier: MIT */
/*
 * The command `vm kill`: ends a guest without its power button. Run by command.c through vm_act.c.
 */
#include "vmm/manager/commands/vm_act.h"

VM_ACT_COMMAND(vm_kill, ACTION_KILL, .name = "vm kill", .right = MAY_OPERATE,
	       .summary = "ends a guest at once, without the power button",
	       .detail = "The VM stays, stopped; its guest has lost what it had not written.",
	       .example = "vm kill alpha");
