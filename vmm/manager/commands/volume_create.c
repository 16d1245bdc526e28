/* SPDX-License-Identifier: MIT */
/*
 * The commands that make volumes: `volume create`, `volume clone` and `volume snapshot`. Run by
 * command.c; the store's driver does it.
 */
#include "lib/string.h"
#include "vmm/manager/command/command.h"
#include "vmm/manager/commands/volume.h"
#include "vmm/manager/config/config_lists.h"
#include "vmm/manager/disk/store_key.h"

/* The words of `volume create` that follow the size. */
struct command_volume_words {
	struct store_volume from; /* the source volume; id 0: none */
	/* name of the key by which the volume is to be encrypted; NULL: it is not */
	const char *key;
};

static bool command_volume_take_words(struct reply *reply, const struct store *store,
				      const struct arguments *arguments,
				      struct command_volume_words *words)
{
	char shown[CONFIG_NAME_BYTES];

	for (u32 i = 2; i < arguments->count; i++) {
		const char *word = arguments->word[i];

		if (strncmp(word, "from=", 5) == 0 && words->from.id == 0) {
			if (!command_volume_in(reply, store, word + 5, &words->from))
				return false;
		} else if (strncmp(word, "encrypt=", 8) == 0 && words->key == NULL &&
			   config_name_valid(text_of(word + 8))) {
			words->key = word + 8;
		} else {
			reply_bad(reply,
				  "\"%s\" is not valid; use from=VOLUME, or encrypt=KEY with the "
				  "name of a key, each once",
				  text_show(shown, sizeof(shown), text_of(word)));
			return false;
		}
	}
	if (words->from.id == 0 || words->key == NULL)
		return true;
	reply_bad(reply, "a copy has the key of its volume; use from=VOLUME or encrypt=KEY, "
			 "not both");
	return false;
}

/* Fills in the key of a new volume that is a copy of `from`. */
static bool command_volume_pass_key(struct reply *reply, const struct store *store,
				    const struct store_volume *from, struct store_item *item)
{
	char problem[2 * DRIVER_TEXT_BYTES];

	if (store_key_pass_on(store, from, item, problem, sizeof(problem)))
		return true;
	reply_fail(reply, CODE_FAILED, "%s: %s", item->name, problem);
	return false;
}

static bool command_volume_make_key(struct reply *reply, const struct store *store, const char *key,
				    struct store_item *item)
{
	char problem[2 * DRIVER_TEXT_BYTES];

	if (store_key_new(store, key, item, problem, sizeof(problem)))
		return true;
	reply_fail(reply, CODE_NOT_FOUND, "%s: %s", item->name, problem);
	return false;
}

static void command_volume_create_run(struct reply *reply, const struct arguments *arguments)
{
	struct command_volume_words words = {.key = NULL};
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
	if (!command_volume_take_words(reply, store, arguments, &words))
		return;
	text_copy(item.name, sizeof(item.name), name);
	item.volume = words.from.id;
	if (words.key != NULL ? command_volume_make_key(reply, store, words.key, &item)
			      : command_volume_pass_key(reply, store, &words.from, &item))
		command_store_ask(reply, store, STORE_CREATE, &item);
}

COMMAND(volume_create,
	.name = "volume create",
	.right = MAY_CONFIGURE,
	.arguments = "STORE/VOLUME SIZE [from=VOLUME] [encrypt=KEY]",
	.summary = "make a volume that reads as zeros, or that holds what another one does",
	.detail = "Its size is set aside in the store unless the store has `overcommit = yes`.\n"
		  "A VM uses it as `disk = STORE/VOLUME`. With encrypt=KEY its content is\n"
		  "encrypted by the key of that name, which `disk key` takes; copies of it have\n"
		  "the same key.",
	.example = "volume create pool/web 8G encrypt=vault",
	.keys = "store name id parent bytes own_bytes made_unix_seconds read_only snapshot encrypt "
		"key_id users",
	.run = command_volume_create_run,
	.minimum = 2,
	.maximum = 4,
	.audited = true,
	.changes = true);

/* Makes a volume that shares all chunks of another one: a clone or a snapshot. */
static void command_volume_copy(struct reply *reply, const struct arguments *arguments,
				enum store_operation operation)
{
	struct store_volume from;
	struct store_item item;
	struct text name;
	struct store *store = command_volume_or_backup(reply, arguments->word[0], &name, &from);

	if (store == NULL)
		return;
	item = (struct store_item){.volume = from.id, .sectors = from.sectors};
	if (command_volume_name(reply, arguments->word[1], &item) &&
	    command_volume_pass_key(reply, store, &from, &item))
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
	.keys = "store name id parent bytes own_bytes made_unix_seconds read_only snapshot encrypt "
		"key_id users",
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
	.keys = "store name id parent bytes own_bytes made_unix_seconds read_only snapshot encrypt "
		"key_id users",
	.run = command_volume_snapshot_run,
	.minimum = 2,
	.maximum = 2,
	.audited = true,
	.changes = true);
