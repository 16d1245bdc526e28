/* SPDX-License-Identifier: MIT */
/*
 * The commands that make volumes: `volume create`, `volume clone` and `volume snapshot`. Run by
 * command.c; the store's driver does it.
 */
#include "lib/string.h"
#include "vmm/manager/command/command.h"
#include "vmm/manager/commands/volume.h"

/* Takes `from=VOLUME`, a volume of the same store. */
static bool command_volume_take_from(struct reply *reply, const struct store *store,
				     const char *word, struct store_item *item)
{
	char shown[CONFIG_NAME_BYTES];
	struct store_volume from;

	if (strncmp(word, "from=", 5) != 0) {
		reply_bad(reply, "\"%s\" is not valid; use from=VOLUME",
			  text_show(shown, sizeof(shown), text_of(word)));
		return false;
	}
	if (!command_volume_in(reply, store, word + 5, &from))
		return false;
	item->volume = from.id;
	return true;
}

static void command_volume_create_run(struct reply *reply, const struct arguments *arguments)
{
	struct store_item item = {.volume = 0};
	char shown[CONFIG_NAME_BYTES];
	struct text name;
	struct store *store = command_volume(reply, arguments->word[0], &name, NULL);

	if (store == NULL)
		return;
	if (!command_volume_size(arguments->word[1], &item.sectors)) {
		reply_bad(reply, "\"%s\" is not valid; use a size in steps of 4K up to 1T",
			  text_show(shown, sizeof(shown), text_of(arguments->word[1])));
		return;
	}
	if (arguments->count > 2 &&
	    !command_volume_take_from(reply, store, arguments->word[2], &item))
		return;
	text_copy(item.name, sizeof(item.name), name);
	command_store_ask(reply, store, STORE_CREATE, &item);
}

COMMAND(volume_create,
	.name = "volume create",
	.right = MAY_CONFIGURE,
	.arguments = "STORE/VOLUME SIZE [from=VOLUME]",
	.summary = "make a volume that reads as zeros, or that holds what another one does",
	.detail = "Its size is set aside in the store unless the store has `overcommit = yes`.\n"
		  "A VM uses it as `disk = STORE/VOLUME`.",
	.example = "volume create pool/web 8G",
	.keys = "store name id parent bytes own_bytes made_unix_seconds read_only snapshot users",
	.run = command_volume_create_run,
	.minimum = 2,
	.maximum = 3,
	.audited = true,
	.changes = true);

/* Makes a volume that shares all that another one holds. */
static void command_volume_copy(struct reply *reply, const struct arguments *arguments,
				enum store_operation operation)
{
	struct store_volume from;
	struct store_item item;
	struct text name;
	struct store *store = command_volume(reply, arguments->word[0], &name, &from);

	if (store == NULL)
		return;
	item = (struct store_item){.volume = from.id, .sectors = from.sectors};
	if (!command_volume_name(reply, arguments->word[1], &item))
		return;
	command_store_ask(reply, store, operation, &item);
}

static void command_volume_clone_run(struct reply *reply, const struct arguments *arguments)
{
	command_volume_copy(reply, arguments, STORE_CREATE);
}

COMMAND(volume_clone,
	.name = "volume clone",
	.right = MAY_CONFIGURE,
	.arguments = "STORE/VOLUME NAME",
	.summary = "make a volume of that name that holds what the volume or snapshot holds now",
	.detail = "The two share their chunks until one of them is written to.",
	.example = "volume clone pool/web web2",
	.keys = "store name id parent bytes own_bytes made_unix_seconds read_only snapshot users",
	.run = command_volume_clone_run,
	.minimum = 2,
	.maximum = 2,
	.audited = true,
	.changes = true);

static void command_volume_snapshot_run(struct reply *reply, const struct arguments *arguments)
{
	command_volume_copy(reply, arguments, STORE_SNAPSHOT);
}

COMMAND(volume_snapshot,
	.name = "volume snapshot",
	.right = MAY_CONFIGURE,
	.arguments = "STORE/VOLUME NAME",
	.summary = "keep what the volume holds now as a read-only volume of that name",
	.detail = "A guest may go on writing meanwhile; what it has not flushed may be missing.",
	.example = "volume snapshot pool/web web-monday",
	.keys = "store name id parent bytes own_bytes made_unix_seconds read_only snapshot users",
	.run = command_volume_snapshot_run,
	.minimum = 2,
	.maximum = 2,
	.audited = true,
	.changes = true);
