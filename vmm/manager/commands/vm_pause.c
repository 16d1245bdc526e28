/* SPDX-License-Identifier: MIT */
#include "vmm/manager/commands/vm_act.h"

static void run(struct reply *reply, const struct arguments *arguments)
{
	vm_act_run(reply, arguments, ACTION_PAUSE);
}

COMMAND(vm_pause,
	.name = "vm pause",
	.arguments = "NAME",
	.summary = "stops a running VM's time",
	.detail = "Its clocks stand still until `vm resume`, but for the RTC.",
	.example = "vm pause alpha",
	.keys = "name state reason",
	.run = run,
	.minimum = 1,
	.maximum = 1,
	.changes = true,
	.completion = COMPLETE_VM);
