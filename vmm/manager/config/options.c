/* SPDX-License-Identifier: MIT */
/*
 * Reads the manager's options from the kernel's command line. Called by setup.c; holds no state.
 * The kernel itself reads cpus= and nokaslr, which are only checked here.
 */
#include "vmm/manager/config/options.h"
#include "vmm/manager/log/log_names.h"
#include "vmm/manager/text/parse_number.h"
#include "vmm/rt/format.h"

#define ALLOWED "config=FILE console=com1|com2 log=LEVEL cpus=N nokaslr run=\"command; command\""

static void options_strip_quotes(struct text *text)
{
	if (text->length >= 2 && text->start[0] == '"' && text->start[text->length - 1] == '"') {
		text->start++;
		text->length -= 2;
	}
}

/*
 * Takes the next word; spaces within double quotes belong to it. GRUB puts its quotes round the
 * whole word: "run=command; command".
 */
static bool options_next(struct text *rest, struct text *word)
{
	bool quoted = false;
	size_t length = 0;

	*rest = text_trim(*rest);
	while (length < rest->length && (quoted || !char_is_space(rest->start[length]))) {
		if (rest->start[length] == '"')
			quoted = !quoted;
		length++;
	}
	*word = (struct text){rest->start, length};
	rest->start += length;
	rest->length -= length;
	options_strip_quotes(word);
	return length > 0;
}

/*
 * Copies to *value what follows "name=" in the word, without quotes round it; returns false if the
 * word has another name.
 */
static bool option_value(struct text word, const char *name, struct text *value)
{
	size_t length = strlen(name);

	if (word.length <= length || memcmp(word.start, name, length) != 0 ||
	    word.start[length] != '=')
		return false;
	*value = (struct text){word.start + length + 1, word.length - length - 1};
	options_strip_quotes(value);
	return true;
}

static bool options_set_console(struct options *options, struct text value)
{
	if (text_equal(value, "com1"))
		options->console = 1;
	else if (text_equal(value, "com2"))
		options->console = 2;
	else
		return false;
	return true;
}

/* Returns whether the value is a number as boot_option reads it: decimal, without quotes. */
static bool options_is_count(struct text value)
{
	u64 number;

	return value.start[-1] == '=' && (value.length < 2 || char_is_digit(value.start[1])) &&
	       parse_u64(value, &number) && number != 0;
}

static bool options_set(struct options *options, struct text word)
{
	struct text value;

	if (option_value(word, "config", &value))
		return value.length > 0 &&
		       text_copy(options->config, sizeof(options->config), value);
	if (option_value(word, "console", &value))
		return options_set_console(options, value);
	if (option_value(word, "log", &value))
		return options->log_given = log_level_parse(value, &options->log);
	if (option_value(word, "run", &value))
		return text_copy(options->run, sizeof(options->run), value);
	/* The kernel itself obeys the next two options; here they are only checked. */
	if (option_value(word, "cpus", &value))
		return options_is_count(value);
	return text_equal(word, "nokaslr");
}

void options_parse(struct options *options, const char *line,
		   void (*report)(void *context, const char *problem), void *context)
{
	struct text rest = text_of(line);
	struct text word;
	char shown[48];
	char problem[192];

	*options = (struct options){.config = "skerry.conf", .console = 1};
	while (options_next(&rest, &word)) {
		if (options_set(options, word))
			continue;
		format(problem, sizeof(problem), "command line: \"%s\" is not valid; use " ALLOWED,
		       text_show(shown, sizeof(shown), word));
		report(context, problem);
	}
}
