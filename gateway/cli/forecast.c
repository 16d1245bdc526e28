/* SPDX-License-Identifier: MIT */
/* skerryctl forecast: when memory, a store or a share of CPUs will be used up. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/base/string.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/http.h"
#include "gateway/cli/items.h"
#include "gateway/cli/table.h"

enum { FORECAST_WHEN_BYTES = 200, FORECAST_TIME_BYTES = 24 };

static bool forecast_is_bytes(const json_t *item)
{
	const char *end = strstr(table_text(item, "series"), "_bytes");

	return end && !end[strlen("_bytes")];
}

static void forecast_add_number(struct table *table, const json_t *item, const char *key)
{
	const json_t *value = json_object_get(item, key);
	double number = json_number_value(value);
	json_t *size = json_real(number < 0 ? -number : number);

	if (!json_is_number(value))
		table_add(table, "-");
	else if (forecast_is_bytes(item))
		table_add_format(table, "%s%s", number < 0 ? "-" : "", table_bytes(size));
	else
		table_add_format(table, "%.1f", number);
	json_decref(size);
}

/* Writes a time of the item in UTC, to the minute. */
static void forecast_time(const json_t *item, const char *key, char text[FORECAST_TIME_BYTES])
{
	time_t when = (time_t)table_number(item, key);
	struct tm parts;

	if (gmtime_r(&when, &parts) == NULL ||
	    strftime(text, FORECAST_TIME_BYTES, "%Y-%m-%d %H:%MZ", &parts) == 0)
		snprintf(text, FORECAST_TIME_BYTES, "?");
}

/* Writes in words when the limit is reached. */
static void forecast_when(const json_t *item, char text[FORECAST_WHEN_BYTES])
{
	char earliest[FORECAST_TIME_BYTES], likely[FORECAST_TIME_BYTES];
	char latest[FORECAST_TIME_BYTES];
	const char *state = table_text(item, "state");
	double ahead = table_number(item, "ahead_days");

	forecast_time(item, "earliest", earliest);
	forecast_time(item, "likely", likely);
	forecast_time(item, "latest", latest);
	if (!strcmp(state, "expected") && json_is_number(json_object_get(item, "latest")))
		snprintf(text, FORECAST_WHEN_BYTES, "between %s and %s, most likely %s", earliest,
			 latest, likely);
	else if (!strcmp(state, "expected"))
		snprintf(text, FORECAST_WHEN_BYTES,
			 "from %s on, most likely %s, or not within %.0f days", earliest, likely,
			 ahead);
	else if (!strcmp(state, "possible"))
		snprintf(text, FORECAST_WHEN_BYTES, "from %s on, most likely not within %.0f days",
			 earliest, ahead);
	else if (!strcmp(state, "not-within"))
		snprintf(text, FORECAST_WHEN_BYTES, "not within %.0f days", ahead);
	else if (!strcmp(state, "not-enough-history"))
		snprintf(text, FORECAST_WHEN_BYTES,
			 "not enough history: %.0f days, and 5 are needed, the last of them recent",
			 table_number(item, "days"));
	else if (!strcmp(state, "reached"))
		snprintf(text, FORECAST_WHEN_BYTES, "now");
	else
		snprintf(text, FORECAST_WHEN_BYTES, "its limit is not known: name one");
}

static void forecast_print(const json_t *answer)
{
	char when[FORECAST_WHEN_BYTES];
	struct table table;
	json_t *item;
	size_t i;

	table_begin(&table, "SERIES >NOW >LIMIT >A-DAY LIMIT-REACHED");
	json_array_foreach(json_object_get(answer, "items"), i, item)
	{
		table_add(&table, table_text(item, "series"));
		forecast_add_number(&table, item, "now");
		forecast_add_number(&table, item, "limit");
		forecast_add_number(&table, item, "per_day");
		forecast_when(item, when);
		table_add(&table, when);
	}
	table_end(&table);
}

/* The characters of names and series, and the slash, which must not be escaped in a query. */
static const char forecast_letters[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_./";

static bool forecast_fits(int count, char **words)
{
	for (int i = 0; i < count; i++) {
		if (!*words[i] || words[i][strspn(words[i], forecast_letters)])
			return false;
	}
	return count < 2 || count == 3;
}

enum cli_exit command_forecast(struct cli *cli, int count, char **words)
{
	char what[160] = "host", path[500];

	if (!forecast_fits(count, words))
		cli_die(CLI_USAGE, "use: forecast, forecast VM, forecast store/NAME, forecast "
				   "host|VM|store/NAME|disk/NAME|net/NAME SERIES LIMIT");
	if (count && strcmp(words[0], "host") != 0)
		snprintf(what, sizeof(what), "%s%s", strchr(words[0], '/') ? "" : "vm/", words[0]);
	snprintf(path, sizeof(path), "/v1/forecast?what=%s", what);
	if (count == 3)
		snprintf(path, sizeof(path), "/v1/forecast?what=%s&series=%.100s&limit=%.100s",
			 what, words[1], words[2]);
	cli_connect(cli);
	return item_show(cli, path, forecast_print);
}
