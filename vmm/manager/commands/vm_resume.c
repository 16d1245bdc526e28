/* SPDX-License-Identifier: MIT */
#include "vmm/manager/commands/vm_act.h"

static void run(struct reply *reply, const struct arguments *arguments)
{
	vm_act_run(reply, arguments, ACTION_RESUME);
}

COMMAND(vm_resume,
	.name = "vm resume",
	.arguments = "NAME",
	.summary = "continues a paused VM",
	.example = "vm resume alpha",
	.keys = "name state reason",
	.run = run,
	.minimum = 1,
	.maximum = 1,
	.changes = true,
	.completion = COMPLETE_VM);
