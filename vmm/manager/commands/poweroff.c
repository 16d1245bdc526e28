/* SPDX-License-Identifier: MIT */
#include "vmm/manager/command.h"
#include "vmm/manager/host/machine.h"
#include "vmm/manager/host/shutdown.h"

static void run(struct reply *reply, const struct arguments *arguments)
{
	(void)arguments;
	if (machine_power_problem() != NULL) {
		reply_error(reply, "cannot power off: %s", machine_power_problem());
		return;
	}
	shutdown_run(reply, SHUTDOWN_POWER_OFF);
}

COMMAND(poweroff,
	.name = "poweroff",
	.arguments = "",
	.summary = "switches the machine off at once",
	.detail = "VMs are not asked.",
	.example = "poweroff",
	.run = run,
	.audited = true);
