/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "gateway/base/bytes.h"

/*
 * Small readers of rows that come from Skerry or from a file: a member of a wrong type counts as
 * one that is not there.
 */

/* Returns a member that is a string, or "". */
static inline const char *row_text(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text ? text : "";
}

static inline bool row_is(const json_t *row, const char *key, const char *text)
{
	return !strcmp(row_text(row, key), text);
}

/*
 * Removes an incomplete UTF-8 character at the end of a text that was cut, as JSON does not allow
 * one.
 */
static inline void row_cut(char *text)
{
	size_t length = strlen(text);

	while (length && !utf8_valid((const uint8_t *)text, length))
		text[--length] = 0;
}

/* Returns a new reference to a member that is a string or a number, or to null. */
static inline json_t *row_copy(const json_t *row, const char *key)
{
	json_t *value = json_object_get(row, key);

	return json_is_string(value) || json_is_number(value) || json_is_boolean(value)
		       ? json_incref(value)
		       : json_null();
}
