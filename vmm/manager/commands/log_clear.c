/* SPDX-License-Identifier: MIT */
/* The command `log clear`: drops the kept lines, except those of the audit. Run by command.c. */
#include "vmm/manager/command/command.h"
#include "vmm/manager/log/log.h"

static void command_log_clear_run(struct reply *reply, const struct arguments *arguments)
{
	(void)reply;
	(void)arguments;
	log_take_kernel();
	log_store_clear(log_lines());
}

COMMAND(log_clear,
	.name = "log clear",
	.right = MAY_HOST,
	.arguments = "",
	.summary = "drops the lines kept so far, except the audit's",
	.example = "log clear",
	.run = command_log_clear_run,
	.audited = true);
