/* SPDX-License-Identifier: MIT */
/* JSON as Skerry writes it: whatever the strings contain, the text fits its buffer and is JSON. */
/* Counted elsewhere: vmm/manager/text/text.c vmm/manager/text/utf8.c */
#include "tests/fuzz/fuzz.h"

#include "lib/string.c"
#include "tests/fuzz/json.h"
#include "vmm/manager/text/json.c"
#include "vmm/manager/text/text.c"
#include "vmm/manager/text/utf8.c"
#include "vmm/rt/format.c"

/* Writes what the bytes say, with every object and array ended; returns the length. */
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
	CHECK_THAT(strict_json((const u8 *)large, end, 0) == end);
	CHECK_THAT(again == (length < room ? length : 0));
	CHECK_THAT(strcmp(buffer, again == 0 ? "" : large) == 0);
	free(buffer);
	free(large);
	return 0;
}
