/* SPDX-License-Identifier: MIT */
/*
 * The command `disk dma`: sets whether a disk's device may reach its users' RAM. Run by command.c;
 * disk/disk.c opens and closes the windows.
 */
#include "vmm/manager/command/command.h"
#include "vmm/manager/disk/disk.h"

static void command_disk_dma_run(struct reply *reply, const struct arguments *arguments)
{
	char problem[sizeof(((struct disk *)NULL)->problem)];
	bool direct = string_equal(arguments->word[1], "direct");
	char shown[CONFIG_NAME_BYTES];
	const struct disk *disk;
	u32 number;

	disk = disk_find(arguments->word[0], &number);
	if (disk == NULL) {
		reply_fail(reply, CODE_NOT_FOUND, "there is no disk \"%s\", `disk list` shows them",
			   text_show(shown, sizeof(shown), text_of(arguments->word[0])));
		return;
	}
	if (!direct && !string_equal(arguments->word[1], "copy")) {
		reply_bad(reply, "\"%s\" is not valid; use direct or copy",
			  text_show(shown, sizeof(shown), text_of(arguments->word[1])));
		return;
	}
	if (!disk_set_dma(number, direct, problem, sizeof(problem))) {
		reply_error(reply, "%s: %s", disk->config->section.name, problem);
		return;
	}
	if (!reply->json) {
		reply_line(reply, "%s: its device %s", disk->config->section.name,
			   direct ? "may reach its users' RAM, behind an IOMMU"
				  : "is being kept out of its users' RAM");
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "name", disk->config->section.name);
	json_string(&reply->object, "dma", direct ? "direct" : "copy");
	reply_object_end(reply);
}

COMMAND(disk_dma,
	.name = "disk dma",
	.right = MAY_CONFIGURE,
	.arguments = "DISK direct|copy",
	.summary = "whether its device may reach its users' RAM, at any time",
	.detail = "Behind an IOMMU a disk's device puts data into its users' RAM by itself.\n"
		  "With copy it has buffers beside it, and the RAM is taken back while the disk\n"
		  "goes on: `disk stat -j` says how far that is.",
	.example = "disk dma data copy",
	.keys = "name dma",
	.run = command_disk_dma_run,
	.minimum = 2,
	.maximum = 2,
	.audited = true,
	.changes = true);
