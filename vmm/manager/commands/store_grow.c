/* SPDX-License-Identifier: MIT */
/*
 * The command `store grow`: lets a store take the room by which its disk or partition has grown.
 * Run by command.c; the store's driver does it.
 */
#include "vmm/manager/disk/store_grow.h"

#include "vmm/manager/command/command.h"
#include "vmm/manager/commands/volume.h"

static void command_store_grow_run(struct reply *reply, const struct arguments *arguments)
{
	struct store *store = command_store(reply, arguments->word[0]);
	struct store_item item = {.volume = 0};
	char problem[2 * DRIVER_TEXT_BYTES];

	if (store == NULL)
		return;
	if (store_grow_problem(store, &item.sectors, problem, sizeof(problem)) != NULL)
		reply_fail(reply, CODE_BAD_STATE, "%s: %s", store->config->section.name, problem);
	else
		command_store_ask(reply, store, STORE_GROW, &item);
}

COMMAND(store_grow,
	.name = "store grow",
	.right = MAY_CONFIGURE,
	.arguments = "STORE",
	.summary = "let a store take the room by which its disk has grown",
	.detail = "At any time: VMs that use its volumes go on, and those that were paused as the\n"
		  "store was full go on again. A disk in memory grows by `disk resize`, and what\n"
		  "another disk or a partition has grown by is seen after `driver restart`, or\n"
		  "after a boot. A store grows 32 times at most, and never shrinks.",
	.example = "store grow pool",
	.keys = "store said",
	.run = command_store_grow_run,
	.minimum = 1,
	.maximum = 1,
	.audited = true,
	.changes = true);
