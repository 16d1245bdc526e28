/* SPDX-License-Identifier: MIT */
/*
 * The command `log level`: shows or sets the level of each category. Run by command.c; log/log.c
 * passes the level on to the kernel.
 */
#include "vmm/manager/command/command.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/log/log_names.h"

static void command_log_level_show(struct reply *reply, enum log_category category)
{
	const char *level = log_level_name(log_level_get(category));

	if (!reply->json) {
		reply_line(reply, "%-8s %s", log_category_name(category), level);
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "category", log_category_name(category));
	json_string(&reply->object, "level", level);
	reply_object_end(reply);
}

static void command_log_level_run(struct reply *reply, const struct arguments *arguments)
{
	u32 category = LOG_CATEGORY_COUNT;
	enum log_category named;
	char shown[40];
	u32 level;

	if (arguments->count == 2) {
		if (!log_category_parse(text_of(arguments->word[0]), &named)) {
			reply_bad(reply,
				  "there is no category \"%s\"; the categories "
				  "are " LOG_CATEGORY_WORDS,
				  text_show(shown, sizeof(shown), text_of(arguments->word[0])));
			return;
		}
		category = named;
	}
	if (arguments->count > 0) {
		const char *word = arguments->word[arguments->count - 1];

		if (!log_level_parse(text_of(word), &level)) {
			reply_bad(reply,
				  "there is no level \"%s\"; the levels are " LOG_LEVEL_WORDS,
				  text_show(shown, sizeof(shown), text_of(word)));
			return;
		}
		if (category == LOG_AUDIT) {
			reply_bad(reply, "audit is always kept; choose any other category");
			return;
		}
		log_level_set(category, level);
	}
	for (u32 i = 0; i < LOG_CATEGORY_COUNT; i++) {
		if (category == LOG_CATEGORY_COUNT || category == i)
			command_log_level_show(reply, (enum log_category)i);
	}
}

COMMAND(log_level,
	.name = "log level",
	.right = MAY_HOST,
	.arguments = "[[CATEGORY] LEVEL]",
	.summary = "shows or sets what the log keeps",
	.detail = "Levels: " LOG_LEVEL_WORDS ".\n"
		  "Categories: " LOG_CATEGORY_WORDS ".\n"
		  "Without a category all are set; audit is kept at any level.",
	.example = "log level vm debug",
	.keys = "category level",
	.run = command_log_level_run,
	.maximum = 2,
	.audited = true,
	.completion = COMPLETE_WORDS,
	.words = LOG_CATEGORY_WORDS " " LOG_LEVEL_WORDS ";" LOG_LEVEL_WORDS);
