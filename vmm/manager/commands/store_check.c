/* SPDX-License-Identifier: MIT */
/*
 * The command `store check`: lets a store's driver compare the metadata on the disk with those in
 * memory. Run by command.c; `store list` shows the driver's progress.
 */
#include "vmm/manager/command/command.h"
#include "vmm/manager/commands/volume.h"

static void command_store_check_run(struct reply *reply, const struct arguments *arguments)
{
	command_store_begin(reply, arguments->word[0], STORE_CHECK);
}

COMMAND(store_check,
	.name = "store check",
	.right = MAY_CONFIGURE,
	.arguments = "STORE",
	.summary = "begin to look at a store's metadata on its disk",
	.detail = "The driver goes on beside what VMs ask for; `store list` shows how far it is.\n"
		  "A block that the disk has spoiled is written anew from memory.",
	.example = "store check pool",
	.keys = "store said",
	.run = command_store_check_run,
	.minimum = 1,
	.maximum = 1,
	.audited = true,
	.changes = true);
