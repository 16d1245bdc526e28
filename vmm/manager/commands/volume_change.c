/* SPDX-License-Identifier: MIT */
/*
 * The commands that change volumes or drop them: `volume resize`, `rename`, `drop` and `rollback`.
 * Run by command.c; the store's driver does it.
 */
#include "lib/string.h"
#include "vmm/manager/command/command.h"
#include "vmm/manager/commands/volume.h"
#include "vmm/manager/disk/rekey.h"
#include "vmm/manager/disk/store_key.h"

#define USERS_BYTES 160u

/* Returns whether no rekey of the volume is under way; if one is, writes an error. */
static bool command_volume_stays(struct reply *reply, const struct store *store,
				 const struct store_volume *volume)
{
	if (!rekey_is_of(store, volume->id))
		return true;
	reply_fail(reply, CODE_BAD_STATE, "%s gets another key now; wait until it has it",
		   volume->name);
	return false;
}

static void command_volume_resize_run(struct reply *reply, const struct arguments *arguments)
{
	struct store_volume volume;
	char shown[CONFIG_NAME_BYTES];
	struct text name;
	struct store *store = command_volume(reply, arguments->word[0], &name, &volume);
	struct store_item item = {.volume = 0};

	if (store == NULL)
		return;
	if (!command_volume_size(arguments->word[1], &item.sectors) ||
	    item.sectors < volume.sectors) {
		reply_bad(reply,
			  "\"%s\" is not valid; the volume has %llu KiB and never shrinks, give it "
			  "more in steps of 4K up to 1T",
			  text_show(shown, sizeof(shown), text_of(arguments->word[1])),
			  (unsigned long long)(volume.sectors * BLOCK_SECTOR_BYTES / KIB));
		return;
	}
	if (!command_volume_stays(reply, store, &volume))
		return;
	item.volume = volume.id;
	command_store_ask(reply, store, STORE_RESIZE, &item);
}

COMMAND(volume_resize,
	.name = "volume resize",
	.right = MAY_CONFIGURE,
	.arguments = "STORE/VOLUME SIZE",
	.summary = "make a volume larger",
	.detail = "A guest that uses it is told. A volume never shrinks.",
	.example = "volume resize pool/web 16G",
	.keys = "store said",
	.run = command_volume_resize_run,
	.minimum = 2,
	.maximum = 2,
	.audited = true,
	.changes = true);

static void command_volume_rename_run(struct reply *reply, const struct arguments *arguments)
{
	struct store_item item = {.volume = 0};
	struct store_volume volume;
	char users[USERS_BYTES];
	char problem[2 * DRIVER_TEXT_BYTES];
	struct text old;
	struct store *store = command_volume_or_backup(reply, arguments->word[0], &old, &volume);

	if (store == NULL || !command_volume_name(reply, arguments->word[1], &item))
		return;
	store_users(store, volume.id, users, sizeof(users));
	if (users[0] != '\0') {
		reply_fail(reply, CODE_BAD_STATE, "%s uses it under its name; stop that VM first",
			   users);
		return;
	}
	if (!command_volume_stays(reply, store, &volume))
		return;
	if (!store_key_pass_on(store, &volume, &item, problem, sizeof(problem))) {
		reply_fail(reply, CODE_FAILED, "%s: %s", volume.name, problem);
		return;
	}
	item.volume = volume.id;
	command_store_ask(reply, store, STORE_RENAME, &item);
}

COMMAND(volume_rename,
	.name = "volume rename",
	.right = MAY_CONFIGURE,
	.arguments = "STORE/VOLUME NAME",
	.summary = "give a volume that nobody uses another name",
	.example = "volume rename pool/web web-old",
	.keys = "store said",
	.run = command_volume_rename_run,
	.minimum = 2,
	.maximum = 2,
	.audited = true,
	.changes = true);

static bool command_volume_is_free(struct reply *reply, const struct store *store,
				   const struct store_volume *volume)
{
	char users[USERS_BYTES];

	store_users(store, volume->id, users, sizeof(users));
	if (users[0] == '\0')
		return command_volume_stays(reply, store, volume);
	reply_fail(reply, CODE_BAD_STATE, "%s uses it; stop that VM first", users);
	return false;
}

static void command_volume_drop_run(struct reply *reply, const struct arguments *arguments)
{
	struct store_volume volume;
	struct store_item item;
	struct text name;
	struct store *store = command_volume_or_backup(reply, arguments->word[0], &name, &volume);

	if (store == NULL || !command_volume_is_free(reply, store, &volume))
		return;
	item = (struct store_item){.volume = volume.id};
	command_store_ask(reply, store, STORE_DROP, &item);
}

COMMAND(volume_drop,
	.name = "volume drop",
	.right = MAY_CONFIGURE,
	.arguments = "STORE/VOLUME",
	.summary = "drop a volume or a snapshot that nobody uses, and what it alone holds",
	.example = "volume drop pool/web-monday",
	.keys = "store said",
	.run = command_volume_drop_run,
	.minimum = 1,
	.maximum = 1,
	.audited = true,
	.changes = true);

static void command_volume_rollback_run(struct reply *reply, const struct arguments *arguments)
{
	struct store_volume volume;
	struct store_volume other;
	struct store_item item;
	struct text name;
	struct store *store = command_volume(reply, arguments->word[0], &name, &volume);

	if (store == NULL || !command_volume_is_free(reply, store, &volume) ||
	    !command_volume_in(reply, store, arguments->word[1], &other))
		return;
	if (volume.key.id != other.key.id) {
		reply_fail(
			reply, CODE_BAD_STATE,
			"%s and %s are not encrypted by the same key; clone the other one instead",
			volume.name, other.name);
		return;
	}
	item = (struct store_item){.volume = volume.id, .other = other.id};
	command_store_ask(reply, store, STORE_ROLLBACK, &item);
}

COMMAND(volume_rollback,
	.name = "volume rollback",
	.right = MAY_CONFIGURE,
	.arguments = "STORE/VOLUME SNAPSHOT",
	.summary = "let a volume that nobody uses hold what a snapshot of the store holds",
	.detail = "What the volume held is lost.",
	.example = "volume rollback pool/web web-monday",
	.keys = "store said",
	.run = command_volume_rollback_run,
	.minimum = 2,
	.maximum = 2,
	.audited = true,
	.changes = true);
