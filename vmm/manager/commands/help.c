/* SPDX-License-Identifier: MIT */
/*
 * The command `help`: lists all commands, or explains those that begin with the given words. Run by
 * command.c; reads the table of commands.
 */
#include "lib/bits.h"
#include "vmm/manager/command/command.h"
#include "vmm/manager/config/config_lists.h"

/* Groups of commands by the first words of their names; the last group has all others. */
static const struct {
	const char *title;
	const char *words;
} groups[] = {
	{"VMs", "vm top runs"},
	{"Disks and networks", "disk net driver"},
	{"The machine", "cpu mem pci version config poweroff reboot"},
	{"Log and events", "log events"},
	{"This console", "help term watch lock password state"},
	{"Programs at a machine channel", "stream samples heartbeat"},
	{"Looking closer", ""},
};

static u32 command_help_group_of(const struct command *command)
{
	struct text rest = text_of(command->name);
	struct text first = rest;
	u32 group = 0;

	(void)text_next_word(&rest, &first);
	while (group + 1 < ARRAY_COUNT(groups) && config_find_word(groups[group].words, first) < 0)
		group++;
	return group;
}

static void command_help_list_json(struct reply *reply)
{
	COMMAND_FOR_EACH(command) {
		reply_object_begin(reply);
		json_string(&reply->object, "name", command->name);
		json_string(&reply->object, "arguments", command->arguments);
		json_string(&reply->object, "summary", command->summary);
		reply_object_end(reply);
	}
}

static void command_help_list(struct reply *reply)
{
	for (u32 group = 0; group < ARRAY_COUNT(groups); group++) {
		if (group > 0)
			reply_line(reply, "%s", "");
		reply_line(reply, "%s:", groups[group].title);
		COMMAND_FOR_EACH(command)
			if (command_help_group_of(command) == group)
				reply_line(reply, "  %-16s  %s", command->name, command->summary);
	}
	reply_line(reply, "%s", "");
	reply_line(reply,
		   "`help COMMAND` says more, `help vm` about all that begin so. -j anywhere:\n"
		   "answers as JSON lines. `| WORD` at the end: only lines with that. NAME...:\n"
		   "several VMs, or a pattern such as web*.");
}

/* Shows every command whose name begins with the given words. */
static void command_help_run(struct reply *reply, const struct arguments *arguments)
{
	struct text rest;
	struct text word;
	bool found = false;
	char shown[40];
	u32 count;

	if (arguments->count == 0) {
		if (reply->json)
			command_help_list_json(reply);
		else
			command_help_list(reply);
		return;
	}
	/* `vm start alpha --help` is about `vm start` */
	if (command_find(arguments->word, arguments->count, &count) == NULL)
		count = arguments->count;
	COMMAND_FOR_EACH(command) {
		u32 i = 0;

		rest = text_of(command->name);
		while (i < count && text_next_word(&rest, &word) &&
		       text_equal(word, arguments->word[i]))
			i++;
		if (i < count)
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
	.maximum = COMMAND_WORDS_MAX,
	.completion = COMPLETE_COMMAND);
