/* SPDX-License-Identifier: MIT */
/*
 * The commands `volume export`, `volume import`, `volume copy list` and `volume copy cancel`. Run
 * by command.c; disk/volume_copy.c does it.
 */
#include "vmm/manager/disk/volume_copy.h"

#include "lib/string.h"
#include "vmm/manager/command/command.h"
#include "vmm/manager/commands/volume.h"

static bool command_volume_copy_resume(struct reply *reply)
{
	char problem[224];

	if (!volume_copy_ended((u32)reply->left, problem, sizeof(problem)))
		return false; /* not ended yet: the steps of a copy have limits of their own */
	if (problem[0] != '\0')
		reply_error(reply, "%s", problem);
	else
		command_store_show_done(reply, reply->vm_name, "");
	return true;
}

/* Waits for the copy of that number; for 0, writes why none was begun. */
static void command_volume_copy_begin(struct reply *reply, const struct store *store,
				      const char *volume, u32 number, const char *problem)
{
	if (number == 0) {
		reply_fail(reply, CODE_BAD_STATE, "%s: %s", volume, problem);
		return;
	}
	reply->left = number;
	string_copy(reply->vm_name, sizeof(reply->vm_name), store->config->section.name);
	reply->resume = command_volume_copy_resume;
}

static void command_volume_export_run(struct reply *reply, const struct arguments *arguments)
{
	char problem[2 * DRIVER_TEXT_BYTES];
	struct store_volume volume;
	struct text name;
	struct store *store;
	u32 number;

	if (!reply_may(reply, MAY_CONTENT))
		return;
	store = command_volume(reply, arguments->word[0], &name, &volume);
	if (store == NULL)
		return;
	number = volume_export_begin(store, &volume, arguments->word[1], problem, sizeof(problem));
	command_volume_copy_begin(reply, store, volume.name, number, problem);
}

COMMAND(volume_export,
	.name = "volume export",
	.right = MAY_CONFIGURE,
	.arguments = "STORE/VOLUME DISK",
	.summary = "copy what a volume holds to a disk that nobody uses",
	.detail = "DISK is the name of a section [disk], a whole disk or a partition; what it\n"
		  "held up to the volume's size is lost. Nobody may write to the volume: of one\n"
		  "that a running VM uses, take a snapshot first. Ctrl-C stops waiting, the\n"
		  "copying goes on: `volume copy list` shows it. Needs the right content, too.",
	.example = "volume export pool/web-monday usb",
	.keys = "store said",
	.run = command_volume_export_run,
	.minimum = 2,
	.maximum = 2,
	.audited = true,
	.changes = true);

static void command_volume_import_run(struct reply *reply, const struct arguments *arguments)
{
	char problem[2 * DRIVER_TEXT_BYTES];
	struct store_item item = {.volume = 0};
	char text[CONFIG_NAME_BYTES];
	struct text name;
	struct store *store;
	u32 number;

	if (!reply_may(reply, MAY_CONTENT))
		return;
	store = command_volume(reply, arguments->word[0], &name, NULL);
	if (store == NULL || !text_copy(text, sizeof(text), name) ||
	    !command_volume_name(reply, text, &item))
		return;
	number =
		volume_import_begin(store, item.name, arguments->word[1], problem, sizeof(problem));
	command_volume_copy_begin(reply, store, item.name, number, problem);
}

COMMAND(volume_import,
	.name = "volume import",
	.right = MAY_CONFIGURE,
	.arguments = "STORE/VOLUME DISK",
	.summary = "make a volume that holds what a disk holds",
	.detail = "DISK is the name of a section [disk], a whole disk or a partition, to which\n"
		  "nobody writes. The volume has its name once all is there, and zeros take no\n"
		  "space. Ctrl-C stops waiting, the copying goes on: `volume copy list` shows it.\n"
		  "Needs the right content, too.",
	.example = "volume import pool/web old-web",
	.keys = "store said",
	.run = command_volume_import_run,
	.minimum = 2,
	.maximum = 2,
	.audited = true,
	.changes = true);

static void command_volume_copy_list_run(struct reply *reply, const struct arguments *arguments)
{
	const struct volume_copy_progress last = volume_copy_progress();

	(void)arguments;
	if (!reply->json)
		reply_line(reply, "%-16s %-24s %-16s %-7s %-7s %10s %10s  %s", "STORE", "VOLUME",
			   "DISK", "COPY", "STATE", "KIB", "OF KIB", "REASON");
	if (last.number == 0)
		return;
	if (!reply->json) {
		reply_line(reply, "%-16s %-24s %-16s %-7s %-7s %10llu %10llu  %s", last.store,
			   last.volume, last.disk, last.import ? "import" : "export", last.state,
			   (unsigned long long)(last.copied_bytes / KIB),
			   (unsigned long long)(last.all_bytes / KIB), last.problem);
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "store", last.store);
	json_string(&reply->object, "volume", last.volume);
	json_string(&reply->object, "disk", last.disk);
	json_string(&reply->object, "copy", last.import ? "import" : "export");
	json_string(&reply->object, "state", last.state);
	json_u64(&reply->object, "copied_bytes", last.copied_bytes);
	json_u64(&reply->object, "all_bytes", last.all_bytes);
	json_string(&reply->object, "reason", last.problem);
	reply_object_end(reply);
}

COMMAND(volume_copy_list,
	.name = "volume copy list",
	.right = MAY_VIEW,
	.arguments = "",
	.summary = "the export or import that is under way, or the last one",
	.example = "volume copy list",
	.keys = "store volume disk copy state copied_bytes all_bytes reason",
	.run = command_volume_copy_list_run);

static void command_volume_copy_cancel_run(struct reply *reply, const struct arguments *arguments)
{
	(void)arguments;
	if (!volume_copy_cancel())
		reply_fail(reply, CODE_BAD_STATE,
			   "no volume is being copied; `volume copy list` shows the last copy");
	else
		command_store_show_done(reply, volume_copy_progress().store, "");
}

COMMAND(volume_copy_cancel,
	.name = "volume copy cancel",
	.right = MAY_CONFIGURE,
	.arguments = "",
	.summary = "give the export or import up that is under way",
	.detail = "The volume of an import is dropped; the disk of an export holds nothing whole.",
	.example = "volume copy cancel",
	.keys = "store said",
	.run = command_volume_copy_cancel_run,
	.audited = true,
	.changes = true);
