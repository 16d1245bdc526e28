/* SPDX-License-Identifier: MIT */
#include "vmm/manager/commands/vm_act.h"

static void run(struct reply *reply, const struct arguments *arguments)
{
	vm_act_run(reply, arguments, ACTION_RESET);
}

COMMAND(vm_reset,
	.name = "vm reset",
	.arguments = "NAME",
	.summary = "resets a running or paused VM, as its reset button would",
	.example = "vm reset alpha",
	.keys = "name state reason",
	.run = run,
	.minimum = 1,
	.maximum = 1,
	.changes = true,
	.completion = COMPLETE_VM);
