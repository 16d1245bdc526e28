/* SPDX-License-Identifier: MIT */
/*
 * `file list`: the files that came with the boot and a VM's configuration may name. The command's
 * table calls it; it reads the list of files and changes nothing.
 */
#include "vmm/manager/command/command.h"
#include "vmm/manager/config/files.h"

static void command_file_list_show(struct reply *reply, const struct file *file)
{
	if (!reply->json) {
		reply_line(reply, "%-32s %12llu  %s", file->name, (unsigned long long)file->size,
			   file_uses(file));
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "name", file->name);
	json_u64(&reply->object, "bytes", file->size);
	json_string(&reply->object, "uses", file_uses(file));
	reply_object_end(reply);
}

static void command_file_list_run(struct reply *reply, const struct arguments *arguments)
{
	(void)arguments;
	if (!reply->json)
		reply_line(reply, "%-32s %12s  %s", "NAME", "BYTES", "MAY BE");
	for (u32 i = 0; file_at(i) != NULL; i++)
		command_file_list_show(reply, file_at(i));
}

COMMAND(file_list,
	.name = "file list",
	.right = MAY_VIEW,
	.arguments = "",
	.summary = "the files of the boot bundle, and what their bytes allow them to be",
	.example = "file list",
	.keys = "name bytes uses",
	.run = command_file_list_run);
