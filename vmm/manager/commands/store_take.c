/* SPDX-License-Identifier: MIT */
/*
 * The command `store take`: lets a store's driver look again whether this host can have a store
 * that another host holds, or has taken. Run by command.c; `store list` shows how it ends.
 */
#include "vmm/manager/command/command.h"
#include "vmm/manager/commands/volume.h"

static void command_store_take_run(struct reply *reply, const struct arguments *arguments)
{
	command_store_begin(reply, arguments->word[0], STORE_TAKE);
}

COMMAND(store_take,
	.name = "store take",
	.right = MAY_CONFIGURE,
	.arguments = "STORE",
	.summary = "begin to take a store from a host that is gone",
	.detail = "The driver watches the store for longer than its lease, and takes it only if\n"
		  "the other host commits nothing meanwhile; `store list` shows how it ends.\n"
		  "Make sure first that the other host is off or cut from the disk: one that\n"
		  "only stands still may have writes under way, which destroy data later.",
	.example = "store take pool",
	.keys = "store said",
	.run = command_store_take_run,
	.minimum = 1,
	.maximum = 1,
	.audited = true,
	.changes = true);
