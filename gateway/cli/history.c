/* SPDX-License-Identifier: MIT */
/*
 * skerryctl history: the values of the host, a VM, a disk, a network or a store over time, in some
 * twenty rows.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/base/string.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/items.h"
#include "gateway/cli/table.h"

enum { HISTORY_ROWS = 24, HISTORY_HOURS = 24, HISTORY_HOURS_MOST = 731 * 24 };

struct history_column {
	const char *title, *series, *kind; /* kind: mean, least or most */
	bool bytes;
};

/* The columns for each kind of thing; a column whose series the server does not know is empty. */
static const struct history_column history_host[] = {
	{">BUSY%", "busy_percent", "mean", false},
	{">HIGHEST%", "busy_percent", "most", false},
	{">FREE", "free_bytes", "mean", true},
	{">LEAST-FREE", "free_bytes", "least", true},
	{NULL},
};
static const struct history_column history_vm[] = {
	{">CPU%", "cpu_percent", "mean", false},
	{">HIGHEST%", "cpu_percent", "most", false},
	{">STEAL%", "steal_percent", "mean", false},
	{">EXITS/s", "exits_per_s", "mean", false},
	{">MEMORY", "resident_bytes", "mean", true},
	{">READ/s", "disk_read_bytes_per_s", "mean", true},
	{">WRITTEN/s", "disk_written_bytes_per_s", "mean", true},
	{">RECEIVED/s", "net_received_bytes_per_s", "mean", true},
	{">SENT/s", "net_sent_bytes_per_s", "mean", true},
	{NULL},
};
static const struct history_column history_disk[] = {
	{">REQUESTS/s", "requests_per_s", "mean", false},
	{">READ/s", "read_bytes_per_s", "mean", true},
	{">WRITTEN/s", "written_bytes_per_s", "mean", true},
	{NULL},
};
static const struct history_column history_net[] = {
	{">FRAMES/s", "frames_per_s", "mean", false},
	{">BYTES/s", "bytes_per_s", "mean", true},
	{">DROPPED/s", "dropped_per_s", "mean", false},
	{NULL},
};
static const struct history_column history_store[] = {
	{">FREE", "free_bytes", "mean", true},
	{">LEAST-FREE", "free_bytes", "least", true},
	{">USED", "used_bytes", "mean", true},
	{NULL},
};

static const struct history_column *history_columns(const char *what)
{
	if (!strcmp(what, "host"))
		return history_host;
	if (!strncmp(what, "disk/", 5))
		return history_disk;
	if (!strncmp(what, "store/", 6))
		return history_store;
	return strncmp(what, "net/", 4) ? history_vm : history_net;
}

/* Returns the list of a column's values, or NULL. */
static const json_t *history_values(const json_t *answer, const struct history_column *column)
{
	json_t *series;
	size_t i;

	json_array_foreach(json_object_get(answer, "series"), i, series)
	{
		if (!strcmp(table_text(series, "name"), column->series))
			return json_object_get(series, column->kind);
	}
	return NULL;
}

static void history_add_cell(struct table *table, const struct history_column *column,
			     const json_t *value)
{
	json_t *whole;

	if (!json_is_number(value)) {
		table_add(table, "-");
	} else if (column->bytes) {
		whole = json_integer((json_int_t)json_number_value(value));
		table_add(table, table_bytes(whole));
		json_decref(whole);
	} else {
		table_add_format(table, "%.1f", json_number_value(value));
	}
}

static void history_print(const json_t *answer)
{
	const struct history_column *columns = history_columns(table_text(answer, "what"));
	size_t rows = json_array_size(history_values(answer, &columns[0]));
	double from = table_number(answer, "from"), step = table_number(answer, "step");
	char titles[200] = "TIME";
	struct table table;

	for (const struct history_column *each = columns; each->title; each++) {
		size_t used = strlen(titles);

		snprintf(titles + used, sizeof(titles) - used, " %s", each->title);
	}
	table_begin(&table, titles);
	for (size_t row = 0; row < rows; row++) {
		json_t *time = json_pack("{s:f}", "time", from + step * (double)row);

		table_add(&table, table_time(time, "time"));
		json_decref(time);
		for (const struct history_column *each = columns; each->title; each++)
			history_add_cell(&table, each,
					 json_array_get(history_values(answer, each), row));
	}
	table_end(&table);
}

static long history_hours(const char *text)
{
	char *end = NULL;
	long hours = text ? strtol(text, &end, 10) : HISTORY_HOURS;

	if (text && (!*text || *end || hours < 1 || hours > HISTORY_HOURS_MOST))
		cli_die(CLI_USAGE, "--hours takes a number from 1 to %d", HISTORY_HOURS_MOST);
	return hours;
}

/* The characters of names, and the slash in disk/NAME, which must not be escaped in a query. */
static const char history_letters[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_./";

enum cli_exit command_history(struct cli *cli, int count, char **words)
{
	long seconds = history_hours(cli->hours) * 3600;
	long step = seconds / HISTORY_ROWS, unit = step > 3600 ? 3600 : 60;
	char what[160] = "host", path[400];

	if (count > 1 || (count == 1 && words[0][strspn(words[0], history_letters)]))
		cli_die(CLI_USAGE, "use: history, history VM, history "
				   "disk/NAME|net/NAME|store/NAME, each with "
				   "[--hours N]");
	if (count == 1)
		snprintf(what, sizeof(what), "%s%s", strchr(words[0], '/') ? "" : "vm/", words[0]);
	step = (step + unit - 1) / unit * unit;
	snprintf(path, sizeof(path), "/v1/history?step=%ld&from=%lld&what=%s", step,
		 (long long)time(NULL) - seconds, what);
	cli_connect(cli);
	return item_show(cli, path, history_print);
}
