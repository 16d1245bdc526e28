/* SPDX-License-Identifier: MIT */
/*
 * A line of the machine channel. What is accepted is JSON for another reader too, and its id can
 * be copied into the answer; what is not is reported with a problem and a position.
 */
/* Counted elsewhere: vmm/manager/text/text.c */
#include "tests/fuzz/fuzz.h"

#include "vmm/manager/text/json_read.c"
#include "lib/string.c"
#include "vmm/manager/text/text.c"
#include "vmm/manager/text/utf8.c"
#include "vmm/manager/channel/request.c"
#include "vmm/manager/text/base64.c"
#include "vmm/manager/text/parse_number.c"
#include "tests/fuzz/json.h"
#include "vmm/rt/format.c"

/* Removes white space outside strings, which the strict reader does not accept. */
static size_t squeeze(u8 *to, const u8 *from, size_t size)
{
	bool quoted = false;
	size_t count = 0;

	for (size_t i = 0; i < size; i++) {
		if (!quoted && strchr(" \t\r\n", from[i]) != NULL && from[i] != '\0')
			continue;
		to[count++] = from[i];
		if (quoted && from[i] == '\\' && i + 1 < size)
			to[count++] = from[++i];
		else if (from[i] == '"')
			quoted = !quoted;
	}
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static struct request request;
	struct fuzz fuzz = {bytes, size};
	u8 *line = fuzz_rest(&fuzz, &size);
	u8 *bare = malloc(size + 1);
	bool good = request_parse((struct text){(const char *)line, size}, &request);
	size_t count = squeeze(bare, line, size);
	const u8 *id = (const u8 *)request.id.start;

	CHECK_THAT(good == (request.problem[0] == '\0'));
	CHECK_THAT(strnlen(request.problem, sizeof(request.problem)) < sizeof(request.problem));
	CHECK_THAT(strnlen(request.command, sizeof(request.command)) < sizeof(request.command));
	CHECK_THAT(strict_json(id, id + request.id.length, 0) == id + request.id.length);
	CHECK_THAT(request.argument_count <= COMMAND_WORDS_MAX);
	for (u32 i = 0; i < request.argument_count; i++) {
		const char *word = request.argument[i];

		CHECK_THAT(word >= request.decoded &&
			   word + strlen(word) < request.decoded + sizeof(request.decoded));
	}
	CHECK_THAT(strnlen(request.actor, sizeof(request.actor)) < sizeof(request.actor));
	CHECK_THAT(!good || request.kind != REQUEST_DATA || request.bytes == ~0ull ||
		   request.bytes < sizeof(request.decoded));
	for (const char *c = request.problem; *c != '\0'; c++)
		CHECK_THAT(char_is_printable(*c));
	if (good)
		CHECK_THAT(strict_json(bare, bare + count, 0) == bare + count);
	else
		CHECK_THAT(request.position <= size);
	free(bare);
	free(line);
	return 0;
}
