/* SPDX-License-Identifier: MIT */
/*
 * The command `store scrub`: lets a store's driver compare the data of volumes with their
 * checksums. Run by command.c; `store list` shows the driver's progress and findings.
 */
#include "vmm/manager/command/command.h"
#include "vmm/manager/commands/volume.h"

static void command_store_scrub_run(struct reply *reply, const struct arguments *arguments)
{
	command_store_begin(reply, arguments->word[0], STORE_SCRUB);
}

COMMAND(store_scrub,
	.name = "store scrub",
	.right = MAY_CONFIGURE,
	.arguments = "STORE",
	.summary = "begin to compare what a store's volumes hold with its sums",
	.detail = "The driver goes on beside what VMs ask for and changes nothing; `store list`\n"
		  "shows how far it is, how much had no sum, and, of one store, where volumes\n"
		  "are damaged. Chunks have sums in stores with `checksum = yes`.",
	.example = "store scrub pool",
	.keys = "store said",
	.run = command_store_scrub_run,
	.minimum = 1,
	.maximum = 1,
	.audited = true,
	.changes = true);
