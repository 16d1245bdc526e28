/* SPDX-License-Identifier: MIT */
/*
 * The command `poweroff`: stops all VMs and switches the host off. Run by command.c; stop_all.c
 * waits for the VMs.
 */
#include "vmm/manager/commands/stop_all.h"
#include "vmm/manager/host/machine.h"

static void command_poweroff_run(struct reply *reply, const struct arguments *arguments)
{
	if (machine_power_problem() != NULL) {
		reply_error(reply, "cannot power off: %s", machine_power_problem());
		return;
	}
	stop_all_run(reply, arguments, SHUTDOWN_POWER_OFF);
}

COMMAND(poweroff,
	.name = "poweroff",
	.right = MAY_HOST,
	.arguments = "[now]",
	.summary = "stops all VMs and switches the host off",
	.detail = "As `vm stop` does it, so it takes stop_timeout at the most. `poweroff now`\n"
		  "does not ask the VMs.",
	.example = "poweroff",
	.run = command_poweroff_run,
	.maximum = 1,
	.audited = true,
	.completion = COMPLETE_WORDS,
	.words = "now");
