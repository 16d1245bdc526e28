/* SPDX-License-Identifier: MIT */
/*
 * Writes JSON. Called by commands, log, events and machine channels. Holds no state beyond the
 * given writer.
 */
#include "vmm/manager/text/json.h"
#include "vmm/manager/text/utf8.h"
#include "vmm/rt/format.h"

static void json_emit(struct json *json, char c)
{
	if (json->length < json->size)
		json->buffer[json->length] = c;
	json->length++;
}

static void json_put_string(struct json *json, const char *string)
{
	while (*string != '\0')
		json_emit(json, *string++);
}

static void json_put_escape(struct json *json, u8 byte)
{
	char escape[8];

	switch (byte) {
	case '"':
		json_put_string(json, "\\\"");
		break;
	case '\\':
		json_put_string(json, "\\\\");
		break;
	case '\n':
		json_put_string(json, "\\n");
		break;
	case '\r':
		json_put_string(json, "\\r");
		break;
	case '\t':
		json_put_string(json, "\\t");
		break;
	default:
		format(escape, sizeof(escape), "\\u%04x", byte);
		json_put_string(json, escape);
		break;
	}
}

static void json_put_quoted(struct json *json, struct text text)
{
	const u8 *bytes = (const u8 *)text.start;
	size_t count;

	json_emit(json, '"');
	for (size_t i = 0; i < text.length; i += count) {
		count = utf8_length(bytes + i, text.length - i);
		if (count == 0) {
			json_put_string(json, "\\ufffd");
			count = 1;
		} else if (bytes[i] < ' ' || bytes[i] == '"' || bytes[i] == '\\' ||
			   bytes[i] == 0x7f) {
			json_put_escape(json, bytes[i]);
		} else {
			for (size_t k = 0; k < count; k++)
				json_emit(json, (char)bytes[i + k]);
		}
	}
	json_emit(json, '"');
}

static void json_begin_value(struct json *json, const char *key)
{
	if (json->comma)
		json_emit(json, ',');
	json->comma = true;
	if (key != NULL) {
		json_put_quoted(json, text_of(key));
		json_emit(json, ':');
	}
}

static void json_put_open(struct json *json, const char *key, char bracket)
{
	json_begin_value(json, key);
	json_emit(json, bracket);
	json->comma = false;
}

static void json_put_close(struct json *json, char bracket)
{
	json_emit(json, bracket);
	json->comma = true;
}

void json_start(struct json *json, char *buffer, size_t size)
{
	*json = (struct json){.buffer = buffer, .size = size};
}

void json_object_begin(struct json *json, const char *key)
{
	json_put_open(json, key, '{');
}

void json_object_end(struct json *json)
{
	json_put_close(json, '}');
}

void json_array_begin(struct json *json, const char *key)
{
	json_put_open(json, key, '[');
}

void json_array_end(struct json *json)
{
	json_put_close(json, ']');
}

void json_text(struct json *json, const char *key, struct text text)
{
	json_begin_value(json, key);
	json_put_quoted(json, text);
}

void json_string(struct json *json, const char *key, const char *string)
{
	json_text(json, key, text_of(string));
}

void json_u64(struct json *json, const char *key, u64 value)
{
	char digits[24];

	format(digits, sizeof(digits), "%llu", (unsigned long long)value);
	json_begin_value(json, key);
	json_put_string(json, digits);
}

void json_s64(struct json *json, const char *key, s64 value)
{
	char digits[24];

	format(digits, sizeof(digits), "%lld", (long long)value);
	json_begin_value(json, key);
	json_put_string(json, digits);
}

void json_bool(struct json *json, const char *key, bool value)
{
	json_begin_value(json, key);
	json_put_string(json, value ? "true" : "false");
}

void json_null(struct json *json, const char *key)
{
	json_begin_value(json, key);
	json_put_string(json, "null");
}

size_t json_finish(struct json *json)
{
	bool fits = json->length < json->size;

	if (json->size > 0)
		json->buffer[fits ? json->length : 0] = '\0';
	return fits ? json->length : 0;
}
