/* SPDX-License-Identifier: MIT */
#include "vmm/manager/command/command.h"

static void command_help_list(struct reply *reply)
{
	COMMAND_FOR_EACH(command) {
		if (reply->json) {
			reply_object_begin(reply);
			json_string(&reply->object, "name", command->name);
			json_string(&reply->object, "arguments", command->arguments);
			json_string(&reply->object, "summary", command->summary);
			reply_object_end(reply);
		} else {
			reply_line(reply, "%-12s %s", command->name, command->summary);
		}
	}
	if (!reply->json)
		reply_line(reply,
			   "`help COMMAND` says more. -j anywhere: answers as JSON lines.\n"
			   "`| WORD` at the end: only lines with that. NAME...: several VMs, or a\n"
			   "pattern such as web*.");
}

/* Every command that begins with the words given. */
static void command_help_run(struct reply *reply, const struct arguments *arguments)
{
	struct text rest;
	struct text word;
	bool found = false;
	char shown[40];

	if (arguments->count == 0) {
		command_help_list(reply);
		return;
	}
	COMMAND_FOR_EACH(command) {
		u32 i = 0;

		rest = text_of(command->name);
		while (i < arguments->count && text_next_word(&rest, &word) &&
		       text_equal(word, arguments->word[i]))
			i++;
		if (i < arguments->count)
			continue;
		reply_line(reply, "%s%s %s", found ? "\n" : "", command->name, command->arguments);
		reply_line(reply, "  %s", command->summary);
		if (command->detail != NULL)
			reply_line(reply, "%s", command->detail);
		if (command->keys != NULL)
			reply_line(reply, "With -j: %s", command->keys);
		reply_line(reply, "Example: %s", command->example);
		found = true;
	}
	if (!found)
		reply_bad(reply, "unknown command \"%s\", `help` lists all",
			  text_show(shown, sizeof(shown), text_of(arguments->word[0])));
}

COMMAND(help,
	.name = "help",
	.right = MAY_VIEW,
	.arguments = "[COMMAND]",
	.summary = "lists the commands, or explains one",
	.example = "help vm create",
	.keys = "name arguments summary",
	.run = command_help_run,
	.maximum = 3,
	.completion = COMPLETE_COMMAND);
