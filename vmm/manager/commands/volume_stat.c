/* SPDX-License-Identifier: MIT */
/*
 * The command `volume stat`: shows all facts about one volume. Run by command.c; only reads the
 * driver's reports and counts.
 */
#include "lib/string.h"
#include "vmm/manager/command/command.h"
#include "vmm/manager/commands/volume.h"
#include "vmm/rt/format.h"

/* The most snapshots, and the most clones, that are named; all are counted. */
#define NAMES_MAX 16u

/* The volumes that were made of a volume. */
struct made {
	u32 count;
	u32 named;
	char name[NAMES_MAX][4 * STORE_NAME_BYTES];
};

/* Finds a volume's snapshots, or the clones that were made of it. */
static void command_volume_stat_find(const struct store *store, u64 parent, bool snapshots,
				     struct made *made)
{
	struct store_volume volume;

	made->count = made->named = 0;
	for (u32 i = 0; store_volume_at(store, i, &volume); i++) {
		if (volume.id == 0 || volume.parent != parent ||
		    ((volume.flags & STORE_VOLUME_SNAPSHOT) != 0) != snapshots)
			continue;
		if (made->named < NAMES_MAX)
			driver_text(volume.name, sizeof(volume.name), made->name[made->named++],
				    sizeof(made->name[0]));
		made->count++;
	}
}

static void command_volume_stat_show_made(struct reply *reply, const char *key, const char *count,
					  const char *title, const struct made *made)
{
	if (!reply->json) {
		reply_line(reply, "  %s: %u", title, made->count);
		for (u32 i = 0; i < made->named; i++)
			reply_line(reply, "    %s", made->name[i]);
		return;
	}
	json_u64(&reply->object, count, made->count);
	json_array_begin(&reply->object, key);
	for (u32 i = 0; i < made->named; i++)
		json_string(&reply->object, NULL, made->name[i]);
	json_array_end(&reply->object);
}

/* Shows the snapshots of a volume, and the clones that were made of it. */
static void command_volume_stat_show_family(struct reply *reply, const struct store *store, u64 id)
{
	static struct made made; /* too large for the stack */

	command_volume_stat_find(store, id, true, &made);
	command_volume_stat_show_made(reply, "snapshots", "snapshot_count", "snapshots", &made);
	command_volume_stat_find(store, id, false, &made);
	command_volume_stat_show_made(reply, "clones", "clone_count", "clones", &made);
}

static void command_volume_stat_show_json(struct reply *reply, const struct store *store,
					  const struct store_volume *volume, const char *source)
{
	char users[VOLUME_USERS_BYTES];
	struct disk_counts counts;

	store_users(store, volume->id, users, sizeof(users));
	store_counts(store, volume->id, &counts);
	reply_object_begin(reply);
	command_volume_keys(reply, store, volume, users);
	json_u64(&reply->object, "shared_bytes", volume->shared_bytes);
	json_string(&reply->object, "source", source);
	json_bool(&reply->object, "checksum", store->config->checksum != 0);
	json_u64(&reply->object, "requests", counts.requests);
	json_u64(&reply->object, "read_bytes", counts.read_bytes);
	json_u64(&reply->object, "written_bytes", counts.written_bytes);
	command_volume_stat_show_family(reply, store, volume->id);
	reply_object_end(reply);
}

static void command_volume_stat_show(struct reply *reply, const struct store *store,
				     const struct store_volume *volume, const char *source)
{
	char key[4 * STORE_KEY_BYTES];
	char users[VOLUME_USERS_BYTES];
	struct disk_counts counts;

	store_users(store, volume->id, users, sizeof(users));
	store_counts(store, volume->id, &counts);
	driver_text(volume->key.name, sizeof(volume->key.name), key, sizeof(key));
	reply_line(reply, "  size: %llu KiB%s",
		   (unsigned long long)(volume->sectors * BLOCK_SECTOR_BYTES / KIB),
		   (volume->flags & STORE_VOLUME_READ_ONLY) != 0 ? ", read-only" : "");
	reply_line(reply, "  own: %llu KiB, shared with other volumes: %llu KiB",
		   (unsigned long long)(volume->own_bytes / KIB),
		   (unsigned long long)(volume->shared_bytes / KIB));
	reply_line(reply, "  made of: %s", source[0] != '\0' ? source : "-");
	reply_line(reply, "  encrypted by: %s", volume->key.id != 0 ? key : "-");
	reply_line(reply, "  checksums: %s", store->config->checksum != 0 ? "yes" : "no");
	reply_line(reply, "  used by: %s", users[0] != '\0' ? users : "-");
	reply_line(reply, "  its users' requests: %llu, %llu KiB read, %llu KiB written",
		   (unsigned long long)counts.requests,
		   (unsigned long long)(counts.read_bytes / KIB),
		   (unsigned long long)(counts.written_bytes / KIB));
	command_volume_stat_show_family(reply, store, volume->id);
}

static void command_volume_stat_run(struct reply *reply, const struct arguments *arguments)
{
	char source[4 * STORE_NAME_BYTES] = "";
	struct store_volume volume;
	struct store_volume parent;
	struct text name;
	const struct store *store =
		command_volume_or_backup(reply, arguments->word[0], &name, &volume);

	if (store == NULL)
		return;
	if (store_volume_find_id(store, volume.parent, &parent))
		driver_text(parent.name, sizeof(parent.name), source, sizeof(source));
	if (reply->json)
		command_volume_stat_show_json(reply, store, &volume, source);
	else
		command_volume_stat_show(reply, store, &volume, source);
}

COMMAND(volume_stat,
	.name = "volume stat",
	.right = MAY_VIEW,
	.arguments = "STORE/VOLUME",
	.summary = "what a volume has, of what it was made and what was made of it, and its use",
	.detail = "What it has is counted in the background, some seconds behind where the\n"
		  "store is large. Requests are those of its present users. Of snapshots and\n"
		  "clones the first 16 of each are named.",
	.example = "volume stat pool/web",
	.keys = "store name id parent bytes own_bytes made_unix_seconds read_only snapshot encrypt "
		"key_id users shared_bytes source checksum requests read_bytes written_bytes "
		"snapshots snapshot_count clones clone_count",
	.run = command_volume_stat_run,
	.minimum = 1,
	.maximum = 1);
