/* SPDX-License-Identifier: MIT */
/*
 * The command `volume list`: shows the volumes of one store or of all. Run by command.c; only
 * reads, and takes as many turns as the lists are long.
 */
#include "lib/string.h"
#include "vmm/manager/command/command.h"
#include "vmm/manager/commands/volume.h"
#include "vmm/rt/format.h"

void command_volume_keys(struct reply *reply, const struct store *store,
			 const struct store_volume *volume, const char *users)
{
	char name[4 * STORE_NAME_BYTES];
	char key_id[20];

	driver_text(volume->name, sizeof(volume->name), name, sizeof(name));
	json_string(&reply->object, "store", store->config->section.name);
	json_string(&reply->object, "name", name);
	json_u64(&reply->object, "id", volume->id);
	json_u64(&reply->object, "parent", volume->parent);
	json_u64(&reply->object, "bytes", volume->sectors * BLOCK_SECTOR_BYTES);
	json_u64(&reply->object, "own_bytes", volume->own_bytes);
	json_u64(&reply->object, "made_unix_seconds", volume->made_s);
	json_bool(&reply->object, "read_only", (volume->flags & STORE_VOLUME_READ_ONLY) != 0);
	json_bool(&reply->object, "snapshot", (volume->flags & STORE_VOLUME_SNAPSHOT) != 0);
	driver_text(volume->key.name, sizeof(volume->key.name), name, sizeof(name));
	format(key_id, sizeof(key_id), "%016llx", (unsigned long long)volume->key.id);
	json_string(&reply->object, "encrypt", volume->key.id != 0 ? name : "");
	json_string(&reply->object, "key_id", volume->key.id != 0 ? key_id : "");
	json_string(&reply->object, "users", users);
}

void command_volume_show(struct reply *reply, const struct store *store,
			 const struct store_volume *volume)
{
	char said[4 * STORE_KEY_BYTES];
	char key[sizeof(said) + 20] = "-";
	char name[2 * STORE_NAME_BYTES];
	char users[VOLUME_USERS_BYTES];

	store_users(store, volume->id, users, sizeof(users));
	if (reply->json) {
		reply_object_begin(reply);
		command_volume_keys(reply, store, volume, users);
		reply_object_end(reply);
		return;
	}
	driver_text(volume->name, sizeof(volume->name), name, sizeof(name));
	driver_text(volume->key.name, sizeof(volume->key.name), said, sizeof(said));
	if (volume->key.id != 0)
		format(key, sizeof(key), "%s %016llx", said, (unsigned long long)volume->key.id);
	reply_line(reply, "%-16s %-24s %10llu %10llu %-9s %-26s %s", store->config->section.name,
		   name, (unsigned long long)(volume->sectors * BLOCK_SECTOR_BYTES / KIB),
		   (unsigned long long)(volume->own_bytes / KIB),
		   (volume->flags & STORE_VOLUME_SNAPSHOT) != 0	   ? "snapshot"
		   : (volume->flags & STORE_VOLUME_READ_ONLY) != 0 ? "read-only"
								   : "-",
		   key, users);
}

/* Shows the volume of that number, counted through the lists of all stores. */
static bool command_volume_list_show(struct reply *reply, u64 number)
{
	const struct store *store = store_at((u32)(number / STORE_VOLUME_MAX));
	struct store_volume volume;

	if (store == NULL)
		return false;
	if (!store->config->section.declared || store->page == NULL ||
	    (reply->vm_name[0] != '\0' &&
	     !string_equal(reply->vm_name, store->config->section.name)))
		return true;
	if (store_volume_at(store, (u32)(number % STORE_VOLUME_MAX), &volume) && volume.id != 0)
		command_volume_show(reply, store, &volume);
	return true;
}

static bool command_volume_list_resume(struct reply *reply)
{
	return reply_list(reply, command_volume_list_show);
}

static void command_volume_list_show_titles(struct reply *reply)
{
	if (!reply->json)
		reply_line(reply, "%-16s %-24s %10s %10s %-9s %-26s %s", "STORE", "VOLUME", "KIB",
			   "OWN KIB", "KIND", "ENCRYPTED BY", "USED BY");
}

static void command_volume_list_one(struct reply *reply, const char *word)
{
	struct store_volume volume;
	struct text name;
	struct store *store = command_volume(reply, word, &name, &volume);

	if (store == NULL)
		return;
	command_volume_list_show_titles(reply);
	command_volume_show(reply, store, &volume);
}

static void command_volume_list_run(struct reply *reply, const struct arguments *arguments)
{
	reply->vm_name[0] = '\0';
	if (arguments->count > 0 && strchr(arguments->word[0], '/') != NULL) {
		command_volume_list_one(reply, arguments->word[0]);
		return;
	}
	if (arguments->count > 0) {
		const struct store *store = command_store(reply, arguments->word[0]);

		if (store == NULL)
			return;
		string_copy(reply->vm_name, sizeof(reply->vm_name), store->config->section.name);
	}
	command_volume_list_show_titles(reply);
	reply->resume = command_volume_list_resume;
}

COMMAND(volume_list,
	.name = "volume list",
	.right = MAY_VIEW,
	.arguments = "[STORE | STORE/VOLUME]",
	.summary = "the volumes of a store or of all stores, or one of them",
	.detail = "OWN is what no other volume shares with it. Volumes with the same key and the\n"
		  "same number behind it are encrypted alike.",
	.example = "volume list pool",
	.keys = "store name id parent bytes own_bytes made_unix_seconds read_only snapshot encrypt "
		"key_id users",
	.run = command_volume_list_run,
	.maximum = 1);
