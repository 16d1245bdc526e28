/* SPDX-License-Identifier: MIT */
#include "vmm/manager/log.h"
#include "lib/parse_number.h"
#include "vmm/manager/commands/commands.h"
#include "vmm/manager/console.h"
#include "vmm/manager/log_export.h"
#include "vmm/manager/log_names.h"
#include "vmm/manager/machine.h"
#include "vmm/manager/serial.h"
#include "vmm/rt/clock.h"

#define LEVELS_ALLOWED "debug, info, warning, error"

static bool matches(const struct log_query *query, const struct log_line *line)
{
	return line->level >= query->level &&
	       (query->category == LOG_CATEGORY_COUNT || line->category == query->category) &&
	       (query->vm[0] == '\0' || text_equal(line->vm, query->vm));
}

/* Shows as many lines as there is room for; the rest when some of it is sent. */
static bool resume_show(struct reply *reply)
{
	char text[LOG_LINE_TEXT_BYTES];
	struct log_line line;
	u64 lost = 0;

	while (reply_room(reply) > REPLY_LINE_BYTES) {
		size_t length;

		if (!log_store_next(log_lines(), &reply->query.cursor, &line, &lost))
			return true;
		if (lost != 0 && !reply->json)
			reply_line(reply, "[%llu lines lost]", (unsigned long long)lost);
		lost = 0;
		if (!matches(&reply->query, &line))
			continue;
		if (reply->query.skip > 0) {
			reply->query.skip--;
			continue;
		}
		if (reply->json) {
			length = log_line_json(&line, reply->line, sizeof(reply->line));
			reply_object(reply, (struct text){reply->line, length});
		} else {
			length = log_line_text(&line, text, sizeof(text));
			reply_line(reply, "%.*s", (int)length - 1, text);
		}
	}
	return false;
}

static u64 count_matches(const struct log_query *query)
{
	struct log_cursor cursor = {.sequence = 0};
	struct log_line line;
	u64 count = 0;
	u64 lost = 0;

	while (log_store_next(log_lines(), &cursor, &line, &lost))
		count += matches(query, &line);
	return count;
}

static bool take_option(struct reply *reply, const char *option, const char *value, u64 *limit)
{
	struct log_query *query = &reply->query;
	enum log_category category;
	enum log_level level;
	char shown[40];

	text_show(shown, sizeof(shown), text_of(value));
	if (string_equal(option, "-n")) {
		if (parse_u64(text_of(value), limit))
			return true;
		reply_error(reply, "-n: found \"%s\", allowed: a number of lines", shown);
	} else if (string_equal(option, "-l")) {
		if (log_level_parse(text_of(value), &level)) {
			query->level = level;
			return true;
		}
		reply_error(reply, "-l: found \"%s\", allowed: " LEVELS_ALLOWED, shown);
	} else if (string_equal(option, "-c")) {
		if (log_category_parse(text_of(value), &category)) {
			query->category = category;
			return true;
		}
		reply_error(reply, "-c: found \"%s\", allowed: " LOG_CATEGORY_WORDS, shown);
	} else if (string_equal(option, "-v")) {
		if (string_copy(query->vm, sizeof(query->vm), value))
			return true;
		reply_error(reply, "-v: found \"%s\", allowed: the name of a VM", shown);
	} else {
		reply_error(reply, "found \"%s\", allowed: -n N, -l LEVEL, -c CATEGORY, -v VM",
			    text_show(shown, sizeof(shown), text_of(option)));
	}
	return false;
}

void command_log_show(struct reply *reply, const struct arguments *arguments)
{
	u64 limit = ~0ull;
	u64 count;

	reply->query = (struct log_query){.category = LOG_CATEGORY_COUNT};
	for (u32 i = 0; i < arguments->count; i += 2) {
		const char *value = i + 1 < arguments->count ? arguments->word[i + 1] : "";

		if (!take_option(reply, arguments->word[i], value, &limit))
			return;
	}
	log_take_kernel();
	count = count_matches(&reply->query);
	reply->query.skip = count > limit ? count - limit : 0;
	if (!resume_show(reply))
		reply->resume = resume_show;
}

static void show_level(struct reply *reply, enum log_category category)
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

void command_log_level(struct reply *reply, const struct arguments *arguments)
{
	u32 category = LOG_CATEGORY_COUNT;
	enum log_category named;
	enum log_level level;
	char shown[40];

	if (arguments->count == 2) {
		if (!log_category_parse(text_of(arguments->word[0]), &named)) {
			reply_error(reply, "found \"%s\", allowed: " LOG_CATEGORY_WORDS,
				    text_show(shown, sizeof(shown), text_of(arguments->word[0])));
			return;
		}
		category = named;
	}
	if (arguments->count > 0) {
		const char *word = arguments->word[arguments->count - 1];

		if (!log_level_parse(text_of(word), &level)) {
			reply_error(reply, "found \"%s\", allowed: " LEVELS_ALLOWED,
				    text_show(shown, sizeof(shown), text_of(word)));
			return;
		}
		log_level_set(category, level);
	}
	for (u32 i = 0; i < LOG_CATEGORY_COUNT; i++) {
		if (category == LOG_CATEGORY_COUNT || category == i)
			show_level(reply, (enum log_category)i);
	}
}

void command_log_clear(struct reply *reply, const struct arguments *arguments)
{
	(void)reply;
	(void)arguments;
	log_take_kernel();
	log_store_clear(log_lines());
	log_message(LOG_INFO, LOG_AUDIT, "", "log cleared");
}

void command_log_export(struct reply *reply, const struct arguments *arguments)
{
	const char *word = arguments->word[0];
	char shown[40];

	if (string_equal(word, "off"))
		log_export_set(EXPORT_OFF);
	else if (string_equal(word, "com1"))
		log_export_set(EXPORT_COM1);
	else if (!string_equal(word, "com2"))
		reply_error(reply, "found \"%s\", allowed: off, com1, com2",
			    text_show(shown, sizeof(shown), text_of(word)));
	else if (!serial_present(SERIAL_COM2) || console_port() == SERIAL_COM2)
		reply_error(reply,
			    "found com2, which is not there or the console, allowed: off, com1");
	else
		log_export_set(EXPORT_COM2);
	if (!reply->failed)
		log_message(LOG_INFO, LOG_AUDIT, "", "log export %s", word);
}

static void show_number(struct reply *reply, const char *name, u64 value)
{
	if (reply->json)
		json_u64(&reply->object, name, value);
	else
		reply_line(reply, "%-20s %12llu", name, (unsigned long long)value);
}

void command_log_stat(struct reply *reply, const struct arguments *arguments)
{
	const struct log_stats *stats = log_stats();
	const struct log_store *store = log_lines();

	(void)arguments;
	if (reply->json)
		reply_object_begin(reply);
	show_number(reply, "lines", store->next_sequence - 1);
	show_number(reply, "lines_kept", store->next_sequence - store->oldest_sequence);
	show_number(reply, "bytes", store->added_bytes);
	show_number(reply, "bytes_kept", store->written - store->oldest);
	show_number(reply, "bytes_store", LOG_STORE_BYTES);
	show_number(reply, "kernel_entries", stats->kernel_entries);
	show_number(reply, "kernel_lost", stats->kernel_lost);
	show_number(reply, "monitor_lines", stats->monitor_lines);
	show_number(reply, "monitor_dropped", stats->monitor_dropped);
	show_number(reply, "messages", stats->messages);
	show_number(reply, "export_lost", log_export_lost());
	show_number(reply, "reader_ns", clock_tsc_to_ns(stats->tsc));
	show_number(reply, "reader_ns_per_entry",
		    stats->kernel_entries == 0
			    ? 0
			    : clock_tsc_to_ns(stats->tsc) / stats->kernel_entries);
	if (reply->json)
		reply_object_end(reply);
}

COMMAND(log_show,
	.name = "log show",
	.arguments = "[-n N] [-l LEVEL] [-c CATEGORY] [-v VM]",
	.summary = "shows the log",
	.detail = "The last N lines (all without -n) of at least that level, of that\n"
		  "category, of that VM.",
	.example = "log show -n 20 -l warning",
	.keys = "time_ns cpu level category vm text",
	.run = command_log_show,
	.maximum = 8);

COMMAND(log_level,
	.name = "log level",
	.arguments = "[[CATEGORY] LEVEL]",
	.summary = "shows or sets what the log keeps",
	.detail = "Levels: debug info warning error.\n"
		  "Categories: " LOG_CATEGORY_WORDS ".",
	.example = "log level vm debug",
	.keys = "category level",
	.run = command_log_level,
	.maximum = 2);

COMMAND(log_clear,
	.name = "log clear",
	.arguments = "",
	.summary = "drops the lines kept so far",
	.example = "log clear",
	.run = command_log_clear);

COMMAND(log_export,
	.name = "log export",
	.arguments = "off|com1|com2",
	.summary = "sends the log to a serial port as well",
	.detail = "com2: JSON lines; com1: text on this console.",
	.example = "log export com2",
	.run = command_log_export,
	.minimum = 1,
	.maximum = 1);

COMMAND(log_stat,
	.name = "log stat",
	.arguments = "",
	.summary = "lines, losses and the cost of the log",
	.example = "log stat",
	.keys = "one object with all numbers",
	.run = command_log_stat);
