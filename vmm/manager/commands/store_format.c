/* SPDX-License-Identifier: MIT */
/*
 * The command `store format`: makes an empty store on a disk. Run by command.c; the store's driver
 * does it.
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
	item.flags = store->config->overcommit != 0 ? (u32)STORE_OVERCOMMIT : 0;
	for (u32 i = 1; i < arguments->count; i++) {
		const char *word = arguments->word[i];

		if (string_equal(word, "overwrite")) {
			item.flags |= STORE_FORMAT_OVER;
		} else if (string_equal(word, "copies")) {
			item.flags |= STORE_FORMAT_COPIES;
		} else {
			reply_bad(reply, "\"%s\" is not valid; use copies or overwrite",
				  text_show(shown, sizeof(shown), text_of(word)));
			return;
		}
	}
	command_store_ask(reply, store, STORE_FORMAT, &item);
}

COMMAND(store_format,
	.name = "store format",
	.right = MAY_CONFIGURE,
	.arguments = "STORE [copies] [overwrite]",
	.summary = "make an empty store on the disk of its section",
	.detail = "What the disk holds is lost. A disk that holds a store already is refused\n"
		  "without `overwrite`. With `copies` each block of the store's metadata is\n"
		  "there twice: what the disk has spoiled is read from its copy.",
	.example = "store format pool",
	.keys = "store said",
	.run = command_store_format_run,
	.minimum = 1,
	.maximum = 3,
	.audited = true,
	.changes = true);
