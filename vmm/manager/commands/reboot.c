/* SPDX-License-Identifier: MIT */
/*
 * The command `reboot`: stops all VMs and resets the host. Run by command.c; stop_all.c waits for
 * the VMs.
 */
#include "vmm/manager/commands/stop_all.h"

static void command_reboot_run(struct reply *reply, const struct arguments *arguments)
{
	stop_all_run(reply, arguments, SHUTDOWN_REBOOT);
}

COMMAND(reboot,
	.name = "reboot",
	.right = MAY_HOST,
	.arguments = "[now]",
	.summary = "stops all VMs and resets the host",
	.detail = "As `vm stop` does it, so it takes stop_timeout at the most. `reboot now`\n"
		  "does not ask the VMs.",
	.example = "reboot",
	.run = command_reboot_run,
	.maximum = 1,
	.audited = true,
	.completion = COMPLETE_WORDS,
	.words = "now");
