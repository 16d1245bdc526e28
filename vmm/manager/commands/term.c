/* SPDX-License-Identifier: MIT */
/*
 * The command `term`: tells Skerry the abilities of the operator's terminal. Run by command.c;
 * console/console.c keeps the answer.
 */
#include "vmm/manager/command/command.h"
#include "vmm/manager/console/console.h"
#include "vmm/manager/text/parse_number.h"

#define ROWS_MAX    1000u
#define COLUMNS_MIN 40u
#define COLUMNS_MAX 1000u

/* Reads the terminal's size: rows, as "50", or rows and columns, as "50x132". */
static bool command_term_parse_geometry(const char *word, struct console_terminal *terminal)
{
	struct text rows = text_of(word);
	struct text columns;
	u64 number;

	for (rows.length = 0; word[rows.length] != '\0'; rows.length++) {
		if (word[rows.length] == 'x' && rows.length > 0)
			break;
	}
	columns = text_of(word + rows.length);
	if (!parse_u64(rows, &number) || number > ROWS_MAX || number == 1)
		return false;
	terminal->rows = (u32)number;
	if (columns.length == 0)
		return true;
	columns.start++;
	columns.length--;
	if (!parse_u64(columns, &number) || number < COLUMNS_MIN || number > COLUMNS_MAX)
		return false;
	terminal->columns = (u32)number;
	return true;
}

static bool command_term_change(struct reply *reply, const struct arguments *arguments)
{
	struct console_terminal terminal = console_terminal();
	const char *word = arguments->word[0];
	char shown[40];

	terminal.ask = string_equal(word, "auto") && arguments->count == 1;
	terminal.on = terminal.ask || string_equal(word, "on");
	if (!terminal.on && !string_equal(word, "off")) {
		reply_bad(reply, "\"%s\" is not valid; use on, off, or auto alone",
			  text_show(shown, sizeof(shown), text_of(word)));
		return false;
	}
	if (arguments->count == 2 &&
	    (!terminal.on || !command_term_parse_geometry(arguments->word[1], &terminal))) {
		reply_bad(reply,
			  "\"%s\" is not valid; use ROWS or ROWSxCOLUMNS after `on`, with 0 (no "
			  "pages) or 2 to 1000 rows and 40 to 1000 columns",
			  text_show(shown, sizeof(shown), text_of(arguments->word[1])));
		return false;
	}
	console_terminal_set(terminal);
	return true;
}

static void command_term_run(struct reply *reply, const struct arguments *arguments)
{
	struct console_terminal terminal;

	if (!reply_has_terminal(reply) ||
	    (arguments->count > 0 && !command_term_change(reply, arguments)))
		return;
	terminal = console_terminal();
	if (reply->json) {
		reply_object_begin(reply);
		json_bool(&reply->object, "on", terminal.on);
		json_u64(&reply->object, "rows", terminal.rows);
		json_u64(&reply->object, "columns", terminal.columns);
		reply_object_end(reply);
	} else {
		reply_line(reply, "term %s, %u rows, %u columns%s", terminal.on ? "on" : "off",
			   terminal.rows, terminal.columns,
			   terminal.ask ? " until the terminal says its size" : "");
	}
}

COMMAND(term,
	.name = "term",
	.right = MAY_VIEW,
	.arguments = "[auto|off|on [ROWS[xCOLUMNS]]]",
	.summary = "says what the terminal can do",
	.detail = "on: colours, a stop after each screenful (none with 0 rows), a cleared\n"
		  "screen for `watch`. auto: as on, and the terminal is asked for its size,\n"
		  "this once. off, the default: plain text, fit for a pipe.",
	.example = "term on 50x132",
	.keys = "on rows columns",
	.run = command_term_run,
	.maximum = 2,
	.completion = COMPLETE_WORDS,
	.words = "auto off on");
