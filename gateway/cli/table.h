/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>
#include <stdbool.h>

/* Tables as wide as what is in them; text is escaped for the terminal. */
#define TABLE_COLUMNS 10

struct table {
	int columns;
	bool right[TABLE_COLUMNS]; /* numbers stand at the right */
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

/* 1.5G, 128M; "-" for what is no number. */
const char *table_bytes(const json_t *number);
/* A string, or a number as text; "-" for null and nothing. At most four are kept at a time. */
const char *table_text(const json_t *object, const char *key);
/* A list of strings, with a blank between them; a time in seconds of UTC, or "-". One of each is
 * kept. */
const char *table_words(const json_t *object, const char *key);
const char *table_time(const json_t *object, const char *key);
double table_number(const json_t *object, const char *key);
