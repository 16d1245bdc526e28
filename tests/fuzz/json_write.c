/* SPDX-License-Identifier: MIT */
/* JSON as Skerry writes it: whatever the strings hold, the text stays in its buffer and is JSON. */
#include "tests/fuzz/fuzz.h"

#include "lib/format.c"
#include "lib/json.c"
#include "lib/string.c"
#include "lib/text.c"

/* A strict reader of one JSON value, by RFC 8259; NULL when it is none. */
static const u8 *read_value(const u8 *at, const u8 *end, u32 depth);

static const u8 *read_string(const u8 *at, const u8 *end)
{
	if (at == end || *at++ != '"')
		return NULL;
	for (; at < end && *at != '"'; at++) {
		if (*at < 0x20)
			return NULL;
		if (*at != '\\')
			continue;
		if (++at == end || strchr("\"\\/bfnrtu", *at) == NULL)
			return NULL;
		if (*at != 'u')
			continue;
		for (u32 i = 0; i < 4; i++)
			if (++at >= end || strchr("0123456789abcdefABCDEF", *at) == NULL)
				return NULL;
	}
	return at < end ? at + 1 : NULL;
}

static const u8 *read_members(const u8 *at, const u8 *end, u8 close, u32 depth)
{
	if (at < end && *at == close)
		return at + 1;
	while (at != NULL && at < end) {
		if (close == '}') {
			at = read_string(at, end);
			if (at == NULL || at >= end || *at++ != ':')
				return NULL;
		}
		at = read_value(at, end, depth + 1);
		if (at == NULL || at >= end)
			return NULL;
		if (*at == close)
			return at + 1;
		if (*at++ != ',')
			return NULL;
	}
	return NULL;
}

static const u8 *read_value(const u8 *at, const u8 *end, u32 depth)
{
	const u8 *first = at;

	if (at >= end || depth > 100)
		return NULL;
	if (*at == '"')
		return read_string(at, end);
	if (*at == '{' || *at == '[')
		return read_members(at + 1, end, *at == '{' ? '}' : ']', depth);
	while (at < end && strchr(",]}", *at) == NULL)
		at++;
	if (at - first == 4 && (memcmp(first, "true", 4) == 0 || memcmp(first, "null", 4) == 0))
		return at;
	if (at - first == 5 && memcmp(first, "false", 5) == 0)
		return at;
	if (first < at && *first == '-')
		first++;
	if (first == at || (*first == '0' && at - first > 1))
		return NULL;
	for (const u8 *digit = first; digit < at; digit++)
		if (*digit < '0' || *digit > '9')
			return NULL;
	return at;
}

/* Writes what the bytes say, objects and arrays paired; returns the length. */
static size_t write(struct fuzz fuzz, char *buffer, size_t size)
{
	struct json json;
	u8 open[32];
	u32 depth = 0;
	char text[64];

	json_start(&json, buffer, size);
	json_object_begin(&json, NULL);
	open[depth++] = '}';
	while (fuzz.left > 0) {
		u8 what = fuzz_u8(&fuzz);
		const char *key = open[depth - 1] == '}' ? "key" : NULL;
		size_t length = what >> 3;

		switch (what & 7) {
		case 0:
		case 1:
			fuzz_take(&fuzz, text, length);
			json_text(&json, key, (struct text){text, length});
			break;
		case 2:
			json_u64(&json, key, fuzz_number(&fuzz));
			break;
		case 3:
			json_s64(&json, key, (s64)fuzz_number(&fuzz));
			break;
		case 4:
			what & 8 ? json_null(&json, key) : json_bool(&json, key, what & 16);
			break;
		case 5:
		case 6:
			if (depth == sizeof(open))
				break;
			open[depth++] = what & 1 ? '}' : ']';
			what & 1 ? json_object_begin(&json, key) : json_array_begin(&json, key);
			break;
		default:
			if (depth == 1)
				break;
			open[--depth] == '}' ? json_object_end(&json) : json_array_end(&json);
		}
	}
	while (depth > 0)
		open[--depth] == '}' ? json_object_end(&json) : json_array_end(&json);
	return json_finish(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz fuzz = {bytes, size};
	size_t room = 1 + fuzz_u16(&fuzz) % 1024u;
	char *buffer = malloc(room);
	char *large = malloc(64 * (size + 16));
	size_t length = write(fuzz, large, 64 * (size + 16));
	size_t again = write(fuzz, buffer, room);
	const u8 *end = (const u8 *)large + length;

	CHECK_THAT(length > 0 && strlen(large) == length);
	CHECK_THAT(read_value((const u8 *)large, end, 0) == end);
	CHECK_THAT(again == (length < room ? length : 0));
	CHECK_THAT(strcmp(buffer, again == 0 ? "" : large) == 0);
	free(buffer);
	free(large);
	return 0;
}
