/* SPDX-License-Identifier: MIT */
#include "vmm/manager/command.h"
#include "vmm/manager/host/shutdown.h"

static void run(struct reply *reply, const struct arguments *arguments)
{
	(void)arguments;
	shutdown_run(reply, SHUTDOWN_REBOOT);
}

COMMAND(reboot,
	.name = "reboot",
	.arguments = "",
	.summary = "resets the machine at once",
	.detail = "VMs are not asked.",
	.example = "reboot",
	.run = run,
	.audited = true);
