/* SPDX-License-Identifier: MIT */
/*
 * Prints rows in columns that are as wide as their longest cell. Commands that show lists call it;
 * it keeps the cells until the table ends.
 */
#include "gateway/cli/table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/base/string.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/escape.h"

void table_begin(struct table *table, const char *titles)
{
	char copy[256];
	char *rest = copy;
	char *word;

	memset(table, 0, sizeof(*table));
	table->columns = TABLE_COLUMNS;
	string_copy(copy, sizeof(copy), titles);
	for (int column = 0; (word = strsep(&rest, " ")) != NULL; column++) {
		table->right[column] = word[0] == '>';
		table_add(table, word + table->right[column]);
		if (rest == NULL)
			table->columns = column + 1;
	}
}

void table_add(struct table *table, const char *text)
{
	if (table->rows == table->room) {
		table->room = table->room ? 2 * table->room : 64;
		table->cells = realloc(table->cells, table->room * sizeof(*table->cells));
		if (table->cells == NULL)
			cli_die(CLI_FAILED, "no memory");
	}
	table->cells[table->rows] = strdup(text);
	if (table->cells[table->rows++] == NULL)
		cli_die(CLI_FAILED, "no memory");
}

void table_add_format(struct table *table, const char *format, ...)
{
	char text[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	table_add(table, text);
}

void table_end(struct table *table)
{
	size_t width[TABLE_COLUMNS] = {0};
	size_t columns = (size_t)table->columns;

	for (size_t i = 0; i < table->rows; i++) {
		size_t size = escape_columns(table->cells[i]);

		if (size > width[i % columns])
			width[i % columns] = size;
	}
	for (size_t i = 0; i < table->rows; i++) {
		size_t column = i % columns;
		size_t gap = width[column] - escape_columns(table->cells[i]);
		bool last = column == columns - 1;

		if (table->right[column])
			printf("%*s", (int)gap, "");
		escape_print(stdout, table->cells[i]);
		if (!last)
			printf("%*s", (int)(table->right[column] ? 0 : gap) + 2, "");
		else
			putchar('\n');
		free(table->cells[i]);
	}
	free(table->cells);
}

static char *table_text_buffer(void)
{
	static char buffers[4][512];
	static unsigned int next;

	return buffers[next++ % 4];
}

const char *table_bytes(const json_t *number)
{
	double bytes = json_number_value(number);
	const char *unit = "BKMGT";
	char *text = table_text_buffer();

	if (!json_is_number(number))
		return "-";
	while (bytes >= 1024 && unit[1]) {
		bytes /= 1024;
		unit++;
	}
	snprintf(text, 512, bytes < 10 && bytes != (double)(int)bytes ? "%.1f%c" : "%.0f%c", bytes,
		 *unit);
	return text;
}

const char *table_text(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	char *text = table_text_buffer();

	if (json_is_string(value))
		return json_string_value(value)[0] ? json_string_value(value) : "-";
	if (json_is_integer(value))
		snprintf(text, 512, "%lld", (long long)json_integer_value(value));
	else if (json_is_real(value))
		snprintf(text, 512, "%.1f", json_real_value(value));
	else if (json_is_boolean(value))
		return json_is_true(value) ? "yes" : "no";
	else
		return "-";
	return text;
}

const char *table_words(const json_t *object, const char *key)
{
	static char text[200];
	json_t *word;
	size_t i;

	text[0] = 0;
	json_array_foreach(json_object_get(object, key), i, word)
	{
		size_t used = strlen(text);

		snprintf(text + used, sizeof(text) - used, "%s%s", i ? " " : "",
			 json_is_string(word) ? json_string_value(word) : "?");
	}
	return text;
}

const char *table_time(const json_t *object, const char *key)
{
	static char text[40];
	time_t when = (time_t)table_number(object, key);
	struct tm parts;

	if (!json_is_number(json_object_get(object, key)) || gmtime_r(&when, &parts) == NULL)
		return "-";
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
	return text;
}

double table_number(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}
