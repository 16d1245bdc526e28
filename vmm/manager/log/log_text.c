/* SPDX-License-Identifier: MIT */
/*
 * Writes lines of the log as text or JSON. Called by log_export.c and `log show`; main.c sets the
 * Unix time of the start, the only state.
 */
#include "vmm/manager/log/log_text.h"
#include "vmm/manager/log/log_names.h"
#include "vmm/manager/text/json.h"
#include "vmm/rt/date.h"
#include "vmm/rt/format.h"

#define WALL_BYTES 24u
#define CHAIN_TEXT (2 * LOG_CHAIN_BYTES + 1)

static u64 start_unix_ns;

void log_text_start(u64 unix_ns)
{
	start_unix_ns = unix_ns;
}

/* Writes the date and time of the line as in ISO 8601, in UTC. */
static const char *log_wall_of(const struct log_line *line, char buffer[WALL_BYTES])
{
	struct date date = date_from_seconds((s64)((start_unix_ns + line->time_ns) / NS_PER_S));

	format(buffer, WALL_BYTES, " %04u-%02u-%02uT%02u:%02u:%02uZ", date.year, date.month,
	       date.day, date.hour, date.minute, date.second);
	return buffer;
}

size_t log_line_text(const struct log_line *line, u32 with, char *buffer, size_t size)
{
	bool wall = (with & LOG_WITH_WALL) != 0 && start_unix_ns != 0;
	bool chain = (with & LOG_WITH_CHAIN) != 0 && line->chain != NULL;
	char hash[CHAIN_TEXT];
	char clock[WALL_BYTES];
	size_t length = format(
		buffer, size, "[%5llu.%06llu%s] %u %-7s %-7s %.*s%s%.*s%s%s\n",
		(unsigned long long)(line->time_ns / NS_PER_S),
		(unsigned long long)(line->time_ns % NS_PER_S / NS_PER_US),
		wall ? log_wall_of(line, clock) : "", line->cpu, log_level_name(line->level),
		log_category_name(line->category), (int)line->vm.length, line->vm.start,
		line->vm.length > 0 ? ": " : "", (int)line->text.length, line->text.start,
		chain ? " chain=" : "", chain ? text_hex(hash, line->chain, LOG_CHAIN_BYTES) : "");

	return MIN(length, size - 1);
}

size_t log_line_json(const struct log_line *line, char *buffer, size_t size)
{
	char hash[CHAIN_TEXT];
	struct json json;

	json_start(&json, buffer, size);
	json_object_begin(&json, NULL);
	json_u64(&json, "time_ns", line->time_ns);
	if (start_unix_ns != 0)
		json_u64(&json, "unix_ms", (start_unix_ns + line->time_ns) / NS_PER_MS);
	else
		json_null(&json, "unix_ms");
	json_u64(&json, "cpu", line->cpu);
	json_string(&json, "level", log_level_name(line->level));
	json_string(&json, "category", log_category_name(line->category));
	json_text(&json, "vm", line->vm);
	json_text(&json, "text", line->text);
	json_u64(&json, "sequence", line->sequence);
	if (line->chain != NULL)
		json_string(&json, "chain", text_hex(hash, line->chain, LOG_CHAIN_BYTES));
	json_object_end(&json);
	return json_finish(&json);
}
