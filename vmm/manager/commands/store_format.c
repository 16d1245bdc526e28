/* SPDX-License-Identifier: MIT */
/*
 * The commands `store format`, which makes an empty store, and `store check`, which compares all of
 * a store's tables. Run by command.c; the store's driver does it.
 */
#include "lib/string.h"
#include "vmm/manager/command/command.h"
#include "vmm/manager/commands/volume.h"

static void command_store_format_run(struct reply *reply, const struct arguments *arguments)
{
	struct store *store = command_store(reply, arguments->word[0]);
	struct store_item item = {.volume = 0};
	char shown[CONFIG_NAME_BYTES];

	if (store == NULL)
		return;
	if (arguments->count > 1 && !string_equal(arguments->word[1], "overwrite")) {
		reply_bad(reply, "\"%s\" is not valid; use overwrite",
			  text_show(shown, sizeof(shown), text_of(arguments->word[1])));
		return;
	}
	item.flags = (store->config->overcommit != 0 ? (u32)STORE_OVERCOMMIT : 0) |
		     (arguments->count > 1 ? (u32)STORE_FORMAT_OVER : 0);
	command_store_ask(reply, store, STORE_FORMAT, &item);
}

COMMAND(store_format,
	.name = "store format",
	.right = MAY_CONFIGURE,
	.arguments = "STORE [overwrite]",
	.summary = "make an empty store on the disk of its section",
	.detail = "What the disk holds is lost. A disk that holds a store already is refused\n"
		  "without `overwrite`.",
	.example = "store format pool",
	.keys = "store said",
	.run = command_store_format_run,
	.minimum = 1,
	.maximum = 2,
	.audited = true,
	.changes = true);

static void command_store_check_run(struct reply *reply, const struct arguments *arguments)
{
	const struct store_item item = {.volume = 0};
	struct store *store = command_store(reply, arguments->word[0]);

	if (store != NULL)
		command_store_ask(reply, store, STORE_CHECK, &item);
}

COMMAND(store_check,
	.name = "store check",
	.right = MAY_OPERATE,
	.arguments = "STORE",
	.summary = "read all of a store's tables from its disk, and say what is wrong with them",
	.example = "store check pool",
	.keys = "store said",
	.run = command_store_check_run,
	.minimum = 1,
	.maximum = 1);
