/* SPDX-License-Identifier: MIT */
/*
 * The command `lock`: asks for the password before the next command, at the console or channel that
 * it came from. Run by command.c; locks COM3 as well and forgets typed keys.
 */
#include "vmm/manager/command/command.h"
#include "vmm/manager/gdb/gdb.h"
#include "vmm/manager/config/disk_key.h"
#include "vmm/manager/config/vm_save_key.h"

static void command_lock_run(struct reply *reply, const struct arguments *arguments)
{
	(void)arguments;
	/* the asker is the console, at which the keys were typed */
	if (reply->to->channel == NULL) {
		vm_save_key_forget();
		disk_key_forget();
	}
	if (!login_required()) {
		reply_error(reply, "no password is set that would open it again: `password` makes "
				   "one for the configuration");
		return;
	}
	login_lock(reply->to->login);
	gdb_lock();
}

COMMAND(lock,
	.name = "lock",
	.right = MAY_HOST,
	.arguments = "",
	.summary = "asks for the password before the next command",
	.detail = "Locks whichever the command came from, the console or the machine channel.\n"
		  "COM3, where `gdb` lets a GDB debug a VM, is locked with it; a GDB is detached.\n"
		  "At the console it also forgets what `state key` and `disk key` have asked for.",
	.example = "lock",
	.run = command_lock_run,
	.changes = true);
