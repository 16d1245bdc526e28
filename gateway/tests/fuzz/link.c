/* SPDX-License-Identifier: MIT */
/*
 * Feeds the link with Skerry's bytes, whole and in pieces: no line is taken for the answer to
 * another one's question.
 */
#include "gateway/base/buffer.c"
#include "gateway/base/bytes.c"
#include "gateway/link/link.c"
#include "gateway/link/number.c"
#include "gateway/link/transport.c"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static unsigned replies, lines;

static void fuzz_opened(void)
{
}

static void fuzz_line(json_t *value)
{
	if (!json_is_object(value))
		__builtin_trap();
	lines++;
}

static void fuzz_reply(uint64_t context, json_t *reply)
{
	(void)context;
	if (reply && !json_is_object(reply))
		__builtin_trap();
	replies++;
}

/* What is read without the reader of JSON is what that would have read. */
static void fuzz_data(const uint8_t *bytes, size_t count)
{
	char *text = strndup((const char *)bytes, count);
	json_t *quick = link_parse_data(text);
	json_t *slow = json_loadb(text, strlen(text), JSON_REJECT_DUPLICATES, NULL);

	if (quick && !json_equal(quick, slow))
		__builtin_trap();
	json_decref(quick);
	json_decref(slow);
	free(text);
}

/* Feeds what Skerry's line may hold, with two requests under way: each request is answered once. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	static const struct link_client client = {fuzz_opened, fuzz_opened, fuzz_line};
	int ends[2];

	fuzz_data(bytes, count);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) < 0)
		return 0;
	line.client = &client;
	line.fd = ends[0];
	line.opened = true;
	line.last_id = 0;
	line.output.limit = LINK_OUTPUT_BYTES;
	replies = 0;
	link_ask(json_pack("{s:s}", "command", "a"), fuzz_reply, 1);
	link_ask(json_pack("{s:s}", "command", "b"), fuzz_reply, 2);
	buffer_add(&line.input, bytes, count);
	link_split();
	link_close();
	if (replies != 2 || line.first || line.under_way || line.waiting)
		__builtin_trap();
	close(ends[1]);
	return 0;
}
