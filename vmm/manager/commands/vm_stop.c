/* SPDX-License-Identifier: MIT */
#include "vmm/manager/commands/vm_act.h"

static void run(struct reply *reply, const struct arguments *arguments)
{
	vm_act_run(reply, arguments, ACTION_STOP);
}

COMMAND(vm_stop,
	.name = "vm stop",
	.arguments = "NAME",
	.summary = "presses the power button, ends the guest after stop_timeout",
	.detail = "A paused guest cannot react and is ended at once.",
	.example = "vm stop alpha",
	.keys = "name state reason",
	.run = run,
	.minimum = 1,
	.maximum = 1,
	.changes = true,
	.completion = COMPLETE_VM);
