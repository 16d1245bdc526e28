/* SPDX-License-Identifier: MIT */
#include "vmm/manager/commands/vm_act.h"

static void run(struct reply *reply, const struct arguments *arguments)
{
	vm_act_run(reply, arguments, ACTION_START);
}

COMMAND(vm_start,
	.name = "vm start",
	.arguments = "NAME",
	.summary = "boots a created, stopped or crashed VM",
	.detail = "A VM that has run before boots afresh, with a new monitor.",
	.example = "vm start alpha",
	.keys = "name state reason",
	.run = run,
	.minimum = 1,
	.maximum = 1,
	.changes = true,
	.completion = COMPLETE_VM);
