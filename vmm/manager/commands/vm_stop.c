/* SPDX-License-Identifier: MIT */
/*
 * The command `vm stop`: presses guests' power buttons, and ends those that do not react in time.
 * Run by command.c through vm_act.c.
 */
#include "vmm/manager/commands/vm_act.h"

VM_ACT_COMMAND(vm_stop, ACTION_STOP, .name = "vm stop", .right = MAY_OPERATE,
	       .summary = "presses the power button, ends the guest after stop_timeout",
	       .detail = "A paused guest cannot react and is ended at once.",
	       .example = "vm stop alpha web*");
