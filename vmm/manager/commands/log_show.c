/* SPDX-License-Identifier: MIT */
/*
 * The command `log show`: shows lines of the log that match, and with -f those that follow. Run by
 * command.c. Only reads the log; how far it has come there is in reply->query.
 */
#include "kernel/abi/pages.h"
#include "vmm/manager/command/command.h"
#include "vmm/manager/config/boot_config.h"
#include "vmm/manager/console/console.h"
#include "vmm/manager/host/machine.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/log/log_names.h"
#include "vmm/manager/log/log_text.h"
#include "vmm/manager/text/parse_number.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

/* the most log lines that are compared with the query in one turn of the event loop */
#define LOOK_AT_MAX  4096u
#define FOLLOW_NS    (100 * NS_PER_MS)
#define OPTIONS_HELP "-n N, -l LEVEL, -c CATEGORY, -v VM, -s TIME, -u TIME, -w, -f"

static bool command_log_show_matches(const struct log_query *query, const struct log_line *line)
{
	return line->level >= query->level &&
	       (query->category == LOG_CATEGORY_COUNT || line->category == query->category) &&
	       (query->vm[0] == '\0' || text_equal(line->vm, query->vm)) &&
	       line->time_ns >= query->since_ns && line->time_ns <= query->until_ns;
}

static void command_log_show_line(struct reply *reply, const struct log_line *line)
{
	char text[LOG_LINE_TEXT_BYTES];
	size_t length;

	if (reply->json) {
		length = log_line_json(line, reply->line, sizeof(reply->line));
		reply_object(reply, (struct text){reply->line, length});
	} else {
		length = log_line_text(line, reply->query.wall ? LOG_WITH_WALL : 0, text,
				       sizeof(text));
		reply->tone = line->level == LOG_ERROR	   ? TONE_BAD
			      : line->level == LOG_WARNING ? TONE_WARNING
							   : TONE_PLAIN;
		reply_line(reply, "%.*s", (int)length - 1, text);
		reply->tone = TONE_PLAIN;
	}
}

/*
 * Shows as many log lines as the asker's output has room for; is resumed when some of them were
 * sent.
 */
static bool command_log_show_resume(struct reply *reply)
{
	struct log_query *query = &reply->query;
	struct log_line line;

	for (u32 i = 0; i < LOOK_AT_MAX && reply_room(reply) > REPLY_LINE_BYTES; i++) {
		u64 lost = log_overtaken(&query->reader);

		if (lost != 0 && !reply->json)
			reply_line(reply, "[%llu lines lost]", (unsigned long long)lost);
		if (!log_next(&query->reader, &line)) {
			reply->deadline_tsc = clock_tsc() + clock_ns_to_tsc(FOLLOW_NS);
			return !query->follow;
		}
		if (!command_log_show_matches(query, &line))
			continue;
		if (query->skip > 0)
			query->skip--;
		else
			command_log_show_line(reply, &line);
	}
	/*
	 * Without room, an event resumes this command; with room, it is resumed in the next turn of
	 * the event loop.
	 */
	reply->deadline_tsc = reply_room(reply) > REPLY_LINE_BYTES ? clock_tsc() : 0;
	return false;
}

static u64 command_log_show_count_matches(const struct log_query *query)
{
	struct log_reader reader = {.lines.index = 0};
	struct log_line line;
	u64 count = 0;

	while (log_next(&reader, &line))
		count += command_log_show_matches(query, &line);
	return count;
}

/*
 * Reads a time: "30s" is that long ago, "12.345" a number of seconds after the start, as log lines
 * show it.
 */
static bool command_log_show_parse_time(struct text text, u64 *ns)
{
	u64 now = clock_tsc_to_ns(clock_tsc() - machine_page()->boot_tsc);
	struct text whole = text;
	struct text fraction;
	u64 digits = NS_PER_S;
	u64 part = 0;
	u64 seconds;

	if (parse_duration(text, ns)) {
		*ns = *ns < now ? now - *ns : 0;
		return true;
	}
	for (whole.length = 0; whole.length < text.length; whole.length++) {
		if (text.start[whole.length] == '.')
			break;
	}
	fraction = (struct text){text.start + whole.length, text.length - whole.length};
	if (!parse_u64(whole, &seconds) || seconds > ~0ull / NS_PER_S - 1)
		return false;
	for (size_t i = 1; i < fraction.length; i++, digits /= 10) {
		if (!char_is_digit(fraction.start[i]) || digits == 1)
			return false;
		part += (u64)(fraction.start[i] - '0') * (digits / 10);
	}
	*ns = seconds * NS_PER_S + part;
	return fraction.length != 1;
}

static bool command_log_show_take_value(struct log_query *query, char option, const char *value,
					u64 *limit)
{
	enum log_category category;
	u32 level;

	switch (option) {
	case 'n':
		return parse_u64(text_of(value), limit);
	case 'l':
		if (!log_level_parse(text_of(value), &level) || level == LOG_LEVEL_COUNT)
			return false;
		query->level = level;
		return true;
	case 'c':
		if (!log_category_parse(text_of(value), &category))
			return false;
		query->category = category;
		return true;
	case 'v':
		return config_name_valid(text_of(value)) &&
		       string_copy(query->vm, sizeof(query->vm), value);
	case 's':
		return command_log_show_parse_time(text_of(value), &query->since_ns);
	default: /* 'u': an unsigned number */
		return command_log_show_parse_time(text_of(value), &query->until_ns);
	}
}

static const char *command_log_show_value_allowed(char option)
{
	switch (option) {
	case 'n':
		return "a number of lines";
	case 'l':
		return "debug, info, warning or error";
	case 'c':
		return LOG_CATEGORY_WORDS;
	case 'v':
		return "the name of a VM";
	default:
		return "a time ago such as 30s, or a stamp such as 12.5";
	}
}

static bool command_log_show_take_options(struct reply *reply, const struct arguments *arguments,
					  u64 *limit)
{
	char shown[40];

	for (u32 i = 0; i < arguments->count; i++) {
		const char *option = arguments->word[i];
		const char *value = i + 1 < arguments->count ? arguments->word[i + 1] : "";

		if (string_equal(option, "-f")) {
			reply->query.follow = true;
			continue;
		}
		if (string_equal(option, "-w")) {
			reply->query.wall = true;
			continue;
		}
		if (option[0] != '-' || option[1] == '\0' || option[2] != '\0' ||
		    strchr("nlcvsu", option[1]) == NULL) {
			reply_bad(reply, "there is no option \"%s\"; use " OPTIONS_HELP,
				  text_show(shown, sizeof(shown), text_of(option)));
			return false;
		}
		if (!command_log_show_take_value(&reply->query, option[1], value, limit)) {
			reply_bad(reply, "%s: \"%s\" is not valid; use %s", option,
				  text_show(shown, sizeof(shown), text_of(value)),
				  command_log_show_value_allowed(option[1]));
			return false;
		}
		i++;
	}
	if (!reply->query.follow)
		return true;
	if (!reply_has_terminal(reply))
		return false;
	console_page_off();
	return true;
}

/* Returns whether -v names a VM that neither exists nor has lines in the log. */
static bool command_log_show_nobody(const struct log_query *query)
{
	const struct log_query any = {.category = LOG_CATEGORY_COUNT, .until_ns = ~0ull};
	struct log_query of_vm = any;

	if (query->vm[0] == '\0' || vm_find(query->vm) != NULL ||
	    config_find(boot_config(), query->vm) != NULL)
		return false;
	string_copy(of_vm.vm, sizeof(of_vm.vm), query->vm);
	return command_log_show_count_matches(&of_vm) == 0;
}

static void command_log_show_run(struct reply *reply, const struct arguments *arguments)
{
	u64 limit = ~0ull;
	u64 count;

	reply->query = (struct log_query){.category = LOG_CATEGORY_COUNT, .until_ns = ~0ull};
	if (!command_log_show_take_options(reply, arguments, &limit))
		return;
	log_take_kernel();
	if (command_log_show_nobody(&reply->query)) {
		reply_bad(reply, "-v: there is no VM \"%s\", and the log has no line of one",
			  reply->query.vm);
		return;
	}
	count = limit != ~0ull ? command_log_show_count_matches(&reply->query) : 0;
	reply->query.skip = count > limit ? count - limit : 0;
	if (!command_log_show_resume(reply))
		reply->resume = command_log_show_resume;
}

COMMAND(log_show,
	.name = "log show",
	.right = MAY_VIEW,
	.arguments = "[-n N] [-l LEVEL] [-c CATEGORY] [-v VM] [-s TIME] [-u TIME] [-w] [-f]",
	.summary = "shows the log",
	.detail = "The last N lines (all without -n) of at least that level, of that category,\n"
		  "of that VM, since and until that time. TIME is a stamp as the lines have it\n"
		  "(12.5), or how long ago with a unit (30s). -w adds date and time of day, in\n"
		  "UTC by the host's clock. With -f it goes on showing what comes, until\n"
		  "Ctrl-C.",
	.example = "log show -n 20 -l warning -s 60s",
	.keys = "time_ns unix_ms cpu level category vm text sequence; of the audit's lines: chain",
	.run = command_log_show_run,
	.maximum = 14,
	.completion = COMPLETE_LOG_OPTION);
