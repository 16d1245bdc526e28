/* SPDX-License-Identifier: MIT */
/*
 * The command `vm destroy`: ends a VM and removes it from the list. Run by command.c through
 * vm_act.c.
 */
#include "vmm/manager/commands/vm_act.h"

VM_ACT_COMMAND(vm_destroy, ACTION_DESTROY, .name = "vm destroy",
	       .right = MAY_OPERATE | MAY_CONFIGURE,
	       .summary = "ends a VM at once and returns all it had",
	       .detail = "Waits until every page is back. The right operate is enough for runs.",
	       .example = "vm destroy alpha");
