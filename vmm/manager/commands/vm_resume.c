/* SPDX-License-Identifier: MIT */
/* The command `vm resume`: continues a paused VM. Run by command.c through vm_act.c. */
#include "vmm/manager/commands/vm_act.h"

VM_ACT_COMMAND(vm_resume, ACTION_RESUME, .name = "vm resume", .right = MAY_OPERATE,
	       .summary = "continues a paused VM", .example = "vm resume alpha");
