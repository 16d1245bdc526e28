/* SPDX-License-Identifier: MIT */
/*
 * Feeds the folder e2b/ with a request and with what core, and in its words a guest, could answer:
 * it ends after a bounded number of requests, and asks core for paths below /v1 alone.
 */
#include "gateway/base/buffer.c"
#include "gateway/base/bytes.c"
#include "gateway/base/fields.c"
#include "gateway/tests/fuzz/e2b_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

/* Returns the next part of the input, up to a 0xff; `*count` is what is left. */
static const char *fuzz_part(const uint8_t **bytes, size_t *left, size_t *count)
{
	const char *part = (const char *)*bytes;
	const uint8_t *end = memchr(*bytes, 0xff, *left);

	*count = end ? (size_t)(end - *bytes) : *left;
	*bytes += *count + (end ? 1 : 0);
	*left -= *count + (end ? 1 : 0);
	return part;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	struct e2b_head head = {.sandbox = "12", .user = "me", .file = "/a", .timeout_s = 3};
	struct buffer made = {0};
	size_t length, place = count ? bytes[0] % ARRAY_COUNT(e2b_rows) : 0;
	char path[100] = "/e2b";
	const char *pattern = e2b_rows[place].path, *part;
	struct e2b *e2b;

	if (count == 0)
		return 0;
	bytes++, count--;
	for (size_t at = 4; *pattern; pattern++)
		if (*pattern != '{')
			path[at++] = *pattern == '}' ? '7' : *pattern;
	part = fuzz_part(&bytes, &count, &length);
	e2b = e2b_begin(e2b_rows[place].method, path, &head, part, length);
	for (int i = 0; e2b && !e2b->answered && !(e2b->bytes && i); i++) {
		if (i > E2B_STEPS || strncmp(e2b->path, "/v1/", 4) != 0)
			__builtin_trap();
		part = fuzz_part(&bytes, &count, &length);
		if (e2b->streams)
			e2b_event(e2b, part, length, &made);
		e2b_take(e2b, length && part[0] == 'e' ? 404 : 200, part, length);
	}
	buffer_free(&made);
	e2b_free(e2b);
	return 0;
}
