/* SPDX-License-Identifier: MIT */
#include "vmm/manager/commands/vm_act.h"

static void run(struct reply *reply, const struct arguments *arguments)
{
	vm_act_run(reply, arguments, ACTION_DESTROY);
}

COMMAND(vm_destroy,
	.name = "vm destroy",
	.arguments = "NAME",
	.summary = "ends a VM at once and returns all it had",
	.detail = "Waits until every page is back.",
	.example = "vm destroy alpha",
	.keys = "name state reason",
	.run = run,
	.minimum = 1,
	.maximum = 1,
	.changes = true,
	.completion = COMPLETE_VM);
