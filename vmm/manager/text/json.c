/* SPDX-License-Identifier: MIT */
#include "vmm/manager/text/json.h"
#include "vmm/manager/text/utf8.h"
#include "vmm/rt/format.h"

static void emit(struct json *json, char c)
{
	if (json->length < json->size)
		json->buffer[json->length] = c;
	json->length++;
}

static void put_string(struct json *json, const char *string)
{
	while (*string != '\0')
		emit(json, *string++);
}

static void put_escape(struct json *json, u8 byte)
{
	char escape[8];

	switch (byte) {
	case '"':
		put_string(json, "\\\"");
		break;
	case '\\':
		put_string(json, "\\\\");
		break;
	case '\n':
		put_string(json, "\\n");
		break;
	case '\r':
		put_string(json, "\\r");
		break;
	case '\t':
		put_string(json, "\\t");
		break;
	default:
		format(escape, sizeof(escape), "\\u%04x", byte);
		put_string(json, escape);
		break;
	}
}

static void put_quoted(struct json *json, struct text text)
{
	const u8 *bytes = (const u8 *)text.start;
	size_t count;

	emit(json, '"');
	for (size_t i = 0; i < text.length; i += count) {
		count = utf8_length(bytes + i, text.length - i);
		if (count == 0) {
			put_string(json, "\\ufffd");
			count = 1;
		} else if (bytes[i] < ' ' || bytes[i] == '"' || bytes[i] == '\\' ||
			   bytes[i] == 0x7f) {
			put_escape(json, bytes[i]);
		} else {
			for (size_t k = 0; k < count; k++)
				emit(json, (char)bytes[i + k]);
		}
	}
	emit(json, '"');
}

static void begin_value(struct json *json, const char *key)
{
	if (json->comma)
		emit(json, ',');
	json->comma = true;
	if (key != NULL) {
		put_quoted(json, text_of(key));
		emit(json, ':');
	}
}

static void put_open(struct json *json, const char *key, char bracket)
{
	begin_value(json, key);
	emit(json, bracket);
	json->comma = false;
}

static void put_close(struct json *json, char bracket)
{
	emit(json, bracket);
	json->comma = true;
}

void json_start(struct json *json, char *buffer, size_t size)
{
	*json = (struct json){.buffer = buffer, .size = size};
}

void json_object_begin(struct json *json, const char *key)
{
	put_open(json, key, '{');
}

void json_object_end(struct json *json)
{
	put_close(json, '}');
}

void json_array_begin(struct json *json, const char *key)
{
	put_open(json, key, '[');
}

void json_array_end(struct json *json)
{
	put_close(json, ']');
}

void json_text(struct json *json, const char *key, struct text text)
{
	begin_value(json, key);
	put_quoted(json, text);
}

void json_string(struct json *json, const char *key, const char *string)
{
	json_text(json, key, text_of(string));
}

void json_u64(struct json *json, const char *key, u64 value)
{
	char digits[24];

	format(digits, sizeof(digits), "%llu", (unsigned long long)value);
	begin_value(json, key);
	put_string(json, digits);
}

void json_s64(struct json *json, const char *key, s64 value)
{
	char digits[24];

	format(digits, sizeof(digits), "%lld", (long long)value);
	begin_value(json, key);
	put_string(json, digits);
}

void json_bool(struct json *json, const char *key, bool value)
{
	begin_value(json, key);
	put_string(json, value ? "true" : "false");
}

void json_null(struct json *json, const char *key)
{
	begin_value(json, key);
	put_string(json, "null");
}

size_t json_finish(struct json *json)
{
	bool fits = json->length < json->size;

	if (json->size > 0)
		json->buffer[fits ? json->length : 0] = '\0';
	return fits ? json->length : 0;
}
