/* SPDX-License-Identifier: MIT */
/*
 * The command `disk resize`: makes a disk in memory larger. Run by command.c; disk/disk.c restarts
 * the driver with more memory.
 */
#include "vmm/manager/command/command.h"
#include "vmm/manager/disk/disk.h"
#include "vmm/manager/text/parse_number.h"
#include "vmm/rt/format.h"

static void command_disk_resize_run(struct reply *reply, const struct arguments *arguments)
{
	char problem[sizeof(((struct disk *)NULL)->problem)];
	char shown[CONFIG_NAME_BYTES];
	const struct disk *disk;
	u32 number;
	u64 bytes;

	disk = disk_find(arguments->word[0], &number);
	if (disk == NULL) {
		reply_fail(reply, CODE_NOT_FOUND, "there is no disk \"%s\", `disk list` shows them",
			   text_show(shown, sizeof(shown), text_of(arguments->word[0])));
		return;
	}
	if (!parse_size(text_of(arguments->word[1]), &bytes)) {
		reply_bad(reply, "\"%s\" is not valid; use a size such as 64M",
			  text_show(shown, sizeof(shown), text_of(arguments->word[1])));
		return;
	}
	if (!disk_resize(number, bytes, problem, sizeof(problem))) {
		reply_error(reply, "%s: %s", disk->config->section.name, problem);
		return;
	}
	if (!reply->json) {
		reply_line(reply, "%s: grows to %llu MiB", disk->config->section.name,
			   (unsigned long long)(bytes / MIB));
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "name", disk->config->section.name);
	json_u64(&reply->object, "bytes", bytes);
	reply_object_end(reply);
}

COMMAND(disk_resize,
	.name = "disk resize",
	.right = MAY_CONFIGURE,
	.arguments = "DISK SIZE",
	.summary = "make a disk in memory larger, at any time",
	.detail = "Its driver starts anew with more memory, and guests that have the disk are "
		  "told. A disk never shrinks.",
	.example = "disk resize scratch 128M",
	.keys = "name bytes",
	.run = command_disk_resize_run,
	.minimum = 2,
	.maximum = 2,
	.audited = true,
	.changes = true);
