/* SPDX-License-Identifier: MIT */
/*
 * The command `disk restore`: writes a disk from a chain of backups, or shows how far that is. Run
 * by command.c; disk/disk_restore.c does the work.
 */
#include "lib/string.h"
#include "vmm/manager/command/command.h"
#include "vmm/manager/commands/volume.h"
#include "vmm/manager/disk/backup_place.h"
#include "vmm/manager/disk/disk.h"
#include "vmm/manager/disk/disk_restore.h"
#include "vmm/rt/format.h"

#define AT "at="

static const char *command_disk_restore_state_of(const struct disk_restore *restore)
{
	if (restore->problem[0] != '\0')
		return "failed";
	return restore->phase == RESTORE_COPYING ? "copying" : "done";
}

static void command_disk_restore_show_json(struct reply *reply, const struct disk_restore *restore)
{
	reply_object_begin(reply);
	json_string(&reply->object, "name", restore->name);
	json_string(&reply->object, "state", command_disk_restore_state_of(restore));
	json_string(&reply->object, "reason", restore->problem);
	json_u64(&reply->object, "copied_bytes", restore->seen.copied_bytes);
	json_u64(&reply->object, "all_bytes", restore->seen.all_bytes);
	json_u64(&reply->object, "unix_seconds", restore->seen.unix_seconds);
	reply_object_end(reply);
}

static void command_disk_restore_show(struct reply *reply)
{
	const struct disk_restore *restore = disk_restore_last();

	if (restore->number == 0)
		return;
	if (reply->json)
		command_disk_restore_show_json(reply, restore);
	else
		reply_line(reply, "%s: %s, %llu of %llu KiB%s%s", restore->name,
			   command_disk_restore_state_of(restore),
			   (unsigned long long)(restore->seen.copied_bytes / KIB),
			   (unsigned long long)(restore->seen.all_bytes / KIB),
			   restore->problem[0] != '\0' ? ": " : "", restore->problem);
}

/*
 * Waits until the restore and its links have ended, so that the asker may use the disk when the
 * command is done.
 */
static bool command_disk_restore_resume(struct reply *reply)
{
	const struct disk_restore *restore = disk_restore_last();

	if (restore->phase != RESTORE_NONE && restore->number == reply->left)
		return false;
	if (restore->problem[0] != '\0')
		reply_error(reply, "%s: not restored: %s%s", restore->name, restore->problem,
			    restore->seen.touched != 0 ? "; it holds nothing whole now" : "");
	else
		command_disk_restore_show(reply);
	return true;
}

/*
 * Returns whether there is a disk or a volume of that name; if not, writes an error. A scheduled
 * backup's volume may be read, and not be restored itself.
 */
static bool command_disk_restore_find(struct reply *reply, const char *name, bool backup)
{
	char shown[CONFIG_DISK_BYTES];
	struct store_volume volume;
	struct text rest;
	u32 number;

	if (strchr(name, '/') != NULL)
		return (backup ? command_volume_or_backup : command_volume)(reply, name, &rest,
									    &volume) != NULL;
	if (disk_find(name, &number) != NULL)
		return true;
	reply_fail(reply, CODE_NOT_FOUND, "there is no disk \"%s\", `disk list` shows them",
		   text_show(shown, sizeof(shown), text_of(name)));
	return false;
}

/* Begins to write the disk from the backups, the full one first. */
static void command_disk_restore_begin(struct reply *reply, const char *disk,
				       const char *const *from, u32 count)
{
	char problem[224];

	if (!disk_restore_begin(disk, from, count, problem, sizeof(problem))) {
		reply_fail(reply, CODE_BAD_STATE, "%s: not restored: %s", disk, problem);
		return;
	}
	reply->left = disk_restore_last()->number;
	reply->resume = command_disk_restore_resume;
}

/* Reads at=MOMENT; *moment is 0 for NULL, which means the newest one. */
static bool command_disk_restore_moment(struct reply *reply, const char *word, u64 *moment)
{
	char shown[CONFIG_NAME_BYTES];

	*moment = 0;
	if (word == NULL || backup_moment_parse(text_of(word + strlen(AT)), moment))
		return true;
	reply_bad(reply, "\"%s\" is not valid; use at=YYYYMMDDhhmmss, as `vm backup list` shows it",
		  text_show(shown, sizeof(shown), text_of(word)));
	return false;
}

/* Restores a volume from its scheduled backups, to that of the moment or to the newest one. */
static void command_disk_restore_scheduled(struct reply *reply, const char *disk, const char *word)
{
	/* static, as this is too large for a small stack */
	static struct backup_chain chain;
	const char *from[BACKUP_CHAIN_MAX];
	char problem[224];
	u64 moment;

	if (!command_disk_restore_moment(reply, word, &moment) || !reply_may(reply, MAY_CONTENT) ||
	    !command_disk_restore_find(reply, disk, false))
		return;
	if (!backup_chain_find(disk, moment, &chain, problem, sizeof(problem))) {
		reply_fail(reply, CODE_NOT_FOUND, "%s: not restored: %s", disk, problem);
		return;
	}
	for (u32 i = 0; i < chain.count; i++)
		from[i] = chain.name[i];
	command_disk_restore_begin(reply, disk, from, chain.count);
}

static void command_disk_restore_run(struct reply *reply, const struct arguments *arguments)
{
	const char *const *names = (const char *const *)arguments->word;
	u32 count = arguments->count - 1;
	bool at = count == 1 && string_starts_with(names[1], AT);

	if (arguments->count == 0) {
		command_disk_restore_show(reply);
		return;
	}
	if ((count == 0 || at) && strchr(names[0], '/') != NULL) {
		command_disk_restore_scheduled(reply, names[0], at ? names[1] : NULL);
		return;
	}
	if (count == 0 || count > BACKUP_CHAIN_MAX) {
		reply_bad(reply, "%u backups are named; name 1 to %u, the full one first", count,
			  BACKUP_CHAIN_MAX);
		return;
	}
	if (strchr(names[0], '/') != NULL && !reply_may(reply, MAY_CONTENT))
		return;
	for (u32 i = 0; i < arguments->count; i++) {
		if (!command_disk_restore_find(reply, names[i], i > 0))
			return;
	}
	command_disk_restore_begin(reply, names[0], names + 1, count);
}

COMMAND(disk_restore,
	.name = "disk restore",
	.right = MAY_CONFIGURE,
	.arguments = "[DISK FULL [DIFF...] | STORE/VOLUME [at=MOMENT]]",
	.summary = "write a disk or volume that nobody uses from backups, or show how far that is",
	.detail = "FULL is the disk with a full backup, each DIFF one with the differential\n"
		  "backup that follows; each may be STORE/VOLUME. All of the chain is looked at\n"
		  "before anything is written; what DISK holds is lost then. Ctrl-C stops\n"
		  "waiting, the copying goes on. A volume as DISK needs the right content.\n"
		  "A volume alone is written from its scheduled backups, as it was at the last\n"
		  "one, or at the MOMENT that `vm backup list` shows.",
	.example = "disk restore data vault1 vault2",
	.keys = "name state reason copied_bytes all_bytes unix_seconds",
	.run = command_disk_restore_run,
	.maximum = 1 + BACKUP_CHAIN_MAX,
	.changes = true,
	.audited = true);
