/* SPDX-License-Identifier: MIT */
/*
 * The command `disk key`: has the console ask for a key of encrypted disks, or forgets all that
 * were typed. Run by command.c; config/disk_key.c keeps the keys.
 */
#include "vmm/manager/command/command.h"
#include "vmm/manager/config/disk_key.h"

static void command_disk_key_run(struct reply *reply, const struct arguments *arguments)
{
	const char *name = arguments->word[0];

	if (!reply_has_terminal(reply))
		return;
	if (string_equal(name, "forget"))
		disk_key_forget();
	else if (config_name_valid(text_of(name)))
		string_copy(reply->asks_disk_key, sizeof(reply->asks_disk_key), name);
	else
		reply_bad(reply, "the name of a key has " CONFIG_NAME_ALLOWED);
}

COMMAND(disk_key,
	.name = "disk key",
	.right = MAY_HOST,
	.arguments = "NAME|forget",
	.summary = "asks for the key NAME of encrypted disks, as the module skerry.keys has them",
	.detail = "64 hex digits, without echo, at the console only. It counts for disks with\n"
		  "`encrypt = NAME`, for monitors that start from now on, in place of the\n"
		  "module's, until `disk key forget` or `lock`, or until the host ends.",
	.example = "disk key vault",
	.run = command_disk_key_run,
	.minimum = 1,
	.maximum = 1,
	.audited = true,
	.changes = true,
	.completion = COMPLETE_WORDS,
	.words = "forget");
