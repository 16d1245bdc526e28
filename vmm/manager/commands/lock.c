/* SPDX-License-Identifier: MIT */
#include "vmm/manager/command.h"

static void run(struct reply *reply, const struct arguments *arguments)
{
	(void)arguments;
	if (login_required())
		login_lock(reply->to->login);
	else
		reply_error(reply, "no password is set that would open it again: `password` makes "
				   "one for the configuration");
}

COMMAND(lock,
	.name = "lock",
	.right = MAY_HOST,
	.arguments = "",
	.summary = "asks for the password before the next command",
	.detail = "Locks whichever the command came from, the console or the machine channel.\n"
		  "What `gdb` has opened stays open.",
	.example = "lock",
	.run = run,
	.changes = true);
