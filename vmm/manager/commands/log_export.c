/* SPDX-License-Identifier: MIT */
/*
 * The command `log export`: chooses the serial port that gets a copy of the log. Run by command.c;
 * channel/log_export.c sends the lines.
 */
#include "vmm/manager/channel/log_export.h"
#include "vmm/manager/command/command.h"
#include "vmm/manager/console/console.h"

static bool command_log_export_parse_target(struct reply *reply, const char *word,
					    enum config_export *target)
{
	char shown[40];

	if (string_equal(word, "off")) {
		*target = EXPORT_OFF;
	} else if (string_equal(word, "com1")) {
		*target = EXPORT_COM1;
	} else if (!string_equal(word, "com2")) {
		reply_bad(reply, "\"%s\" is not valid; use off, com1 or com2",
			  text_show(shown, sizeof(shown), text_of(word)));
		return false;
	} else if (!serial_present(SERIAL_COM2) || console_port() == SERIAL_COM2) {
		reply_bad(reply, "com2 is missing or the console; use off or com1");
		return false;
	} else {
		*target = EXPORT_COM2;
	}
	return true;
}

static bool command_log_export_parse_format(struct reply *reply, const char *word,
					    enum config_log_format *form)
{
	char shown[40];

	if (string_equal(word, "text"))
		*form = LOG_FORMAT_TEXT;
	else if (string_equal(word, "json"))
		*form = LOG_FORMAT_JSON;
	else
		reply_bad(reply, "\"%s\" is not valid; use text or json",
			  text_show(shown, sizeof(shown), text_of(word)));
	return !reply->failed;
}

static void command_log_export_run(struct reply *reply, const struct arguments *arguments)
{
	enum config_log_format form = LOG_FORMAT_AUTO;
	enum config_export target;

	if (!command_log_export_parse_target(reply, arguments->word[0], &target) ||
	    (arguments->count == 2 &&
	     !command_log_export_parse_format(reply, arguments->word[1], &form)))
		return;
	log_export_set(target, form);
}

COMMAND(log_export,
	.name = "log export",
	.right = MAY_HOST,
	.arguments = "off|com1|com2 [text|json]",
	.summary = "sends the log to a serial port as well",
	.detail = "Without a form com1, where the console is, gets text and com2 JSON lines.\n"
		  "It continues after the last line exported. Where com2 is the machine\n"
		  "channel, text lines appear between its replies.",
	.example = "log export com2 json",
	.run = command_log_export_run,
	.minimum = 1,
	.maximum = 2,
	.audited = true,
	.completion = COMPLETE_WORDS,
	.words = "off com1 com2;text json");
