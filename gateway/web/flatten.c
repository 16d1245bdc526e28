/* SPDX-License-Identifier: MIT */
/*
 * Turns a request's JSON into fields, so that core need not parse any JSON from the network:
 * body.NAME for each member, three levels deep. The exchange calls it once the body is complete; it
 * allocates and touches nothing else.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "gateway/web/web.h"

enum { FLATTEN_DEPTH = 3 };

static bool flatten_value(const char *name, json_t *value, unsigned depth, struct buffer *fields);

static bool flatten_below(const char *name, const char *key, json_t *value, unsigned depth,
			  struct buffer *fields)
{
	char below[FIELD_NAME_BYTES + 1];
	int length = snprintf(below, sizeof(below), "%s.%s", name, key);

	return length > 0 && (size_t)length < sizeof(below) && depth < FLATTEN_DEPTH &&
	       flatten_value(below, value, depth + 1, fields);
}

static bool flatten_object(const char *name, json_t *object, unsigned depth, struct buffer *fields)
{
	const char *key;
	json_t *value;

	fields_text(fields, name, "{}");
	json_object_foreach(object, key, value)
	{
		if (!flatten_below(name, key, value, depth, fields))
			return false;
	}
	return true;
}

static bool flatten_array(const char *name, json_t *array, unsigned depth, struct buffer *fields)
{
	char key[24];
	size_t index;
	json_t *value;

	fields_text(fields, name, "[]");
	json_array_foreach(array, index, value)
	{
		snprintf(key, sizeof(key), "%zu", index);
		if (!flatten_below(name, key, value, depth, fields))
			return false;
	}
	return true;
}

static bool flatten_value(const char *name, json_t *value, unsigned depth, struct buffer *fields)
{
	char number[40];

	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return flatten_object(name, value, depth, fields);
	case JSON_ARRAY:
		return flatten_array(name, value, depth, fields);
	case JSON_STRING:
		fields_add(fields, FIELD_TEXT, name, json_string_value(value),
			   json_string_length(value));
		return !fields->failed;
	case JSON_INTEGER:
		snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT,
			 json_integer_value(value));
		break;
	case JSON_REAL:
		snprintf(number, sizeof(number), "%.17g", json_real_value(value));
		break;
	default:
		fields_add(fields,
			   json_is_true(value)	  ? FIELD_TRUE
			   : json_is_false(value) ? FIELD_FALSE
						  : FIELD_NULL,
			   name, "", 0);
		return !fields->failed;
	}
	fields_add(fields, FIELD_NUMBER, name, number, strlen(number));
	return !fields->failed;
}

bool flatten(const char *bytes, size_t count, struct buffer *fields)
{
	json_t *root = json_loadb(bytes, count, JSON_REJECT_DUPLICATES, NULL);
	bool done =
		json_is_object(root) && flatten_object("body", root, 0, fields) && !fields->failed;

	json_decref(root);
	return done;
}
