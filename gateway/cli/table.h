/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>
#include <stdbool.h>

/* Tables whose columns are as wide as their longest cell; text is escaped for the terminal. */
#define TABLE_COLUMNS 10

struct table {
	int columns;
	bool right[TABLE_COLUMNS]; /* the column holds numbers, which are aligned to the right */
	size_t rows;
	size_t room;
	char **cells;
};

/*
 * Begins a table. `titles` are separated by one blank; a title that begins with '>' heads a column
 * of numbers.
 */
void table_begin(struct table *table, const char *titles);
void table_add(struct table *table, const char *text);
void table_add_format(struct table *table, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Writes the table to stdout and frees its memory. */
void table_end(struct table *table);

/* Returns a size such as 1.5G or 128M; "-" if `number` is no number. */
const char *table_bytes(const json_t *number);
/*
 * Returns a member that is a string, or a number as text; "-" if there is none. At most four
 * results are valid at a time.
 */
const char *table_text(const json_t *object, const char *key);
/*
 * table_words() returns a list of strings, separated by blanks; table_time() a time in UTC, or "-".
 * One result of each is valid at a time.
 */
const char *table_words(const json_t *object, const char *key);
const char *table_time(const json_t *object, const char *key);
double table_number(const json_t *object, const char *key);
