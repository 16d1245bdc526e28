/* SPDX-License-Identifier: MIT */
/* The command `vm start`: boots VMs. Run by command.c through vm_act.c. */
#include "vmm/manager/commands/vm_act.h"

VM_ACT_COMMAND(vm_start, ACTION_START, .name = "vm start", .right = MAY_OPERATE,
	       .summary = "boots a created, stopped or crashed VM",
	       .detail = "A VM that has run before boots afresh, with a new monitor.",
	       .example = "vm start alpha web*");
