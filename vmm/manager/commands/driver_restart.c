/* SPDX-License-Identifier: MIT */
/*
 * The command `driver restart`: ends a driver's process and starts another. Run by command.c;
 * driver/driver.c does the work.
 */
#include "vmm/manager/command/command.h"
#include "vmm/manager/driver/driver.h"

static void command_driver_restart_run(struct reply *reply, const struct arguments *arguments)
{
	struct driver *driver = driver_find(arguments->word[0]);
	char shown[DRIVER_NAME_BYTES];
	bool ended;

	if (driver == NULL) {
		reply_fail(reply, CODE_NOT_FOUND,
			   "there is no driver \"%s\", `driver list` shows them",
			   text_show(shown, sizeof(shown), text_of(arguments->word[0])));
		return;
	}
	ended = driver_restart(driver);
	if (!reply->json)
		reply_line(reply, "%s: %s", driver->name,
			   ended ? "its process was ended, another one starts"
				 : "it had no process, one starts");
}

COMMAND(driver_restart,
	.name = "driver restart",
	.right = MAY_CONFIGURE,
	.arguments = "DRIVER",
	.summary = "end a driver's process and start it anew",
	.detail = "Its clients go on: requests without an answer are sent again.",
	.example = "driver restart nvme0",
	.run = command_driver_restart_run,
	.minimum = 1,
	.maximum = 1,
	.audited = true,
	.changes = true);
