/* SPDX-License-Identifier: MIT */
/*
 * What skerry-proxy reads of guests and hosts: heads, and bodies whole and in pieces. What passes
 * is framed in one way only.
 */
#include <string.h>

#include "gateway/base/address.c"
#include "gateway/base/buffer.c"
#include "gateway/base/head.c"
#include "gateway/proxy/body.c"
#include "gateway/proxy/parse.c"
#include "gateway/proxy/range.c"
#include "gateway/proxy/rule.c"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void require(bool good)
{
	if (!good)
		__builtin_trap();
}

/* A request that is taken is for one host, and has one length and a path with no control in it. */
static void fuzz_request(const struct parse_head *head)
{
	static struct rules rules = {.count = 1, .list = {{.name = "api.test", .port = 443}}};
	static char prefix[] = "/v1/";
	struct parse_request request;
	char name[PARSE_NAME_BYTES];
	const char *why;

	rules.list[0].paths[0] = prefix;
	if (parse_request(&request, head))
		return;
	require(parse_name(name, request.host, strlen(request.host)));
	require(!strcmp(name, request.host));
	require(request.tunnel || request.target[0] == '/');
	require(request.kind != BODY_CLOSE);
	if (rule_find(&rules, 0, &request, &why)) {
		require(!strcmp(request.host, "api.test") && !request.tunnel);
		require(!strncmp(request.target, prefix, 4));
		require(!memmem(request.target, request.path, "/..", 3) ||
			!memmem(request.target, request.path, "/../", 4));
	} else {
		require(why != NULL);
	}
}

static void fuzz_head(const uint8_t *bytes, size_t count)
{
	static char text[HEAD_BYTES + 1];
	struct head checked = {HEAD_START, false, 0};
	struct parse_head head;
	struct parse_answer answer;
	size_t used;

	if (head_take(&checked, (const char *)bytes, count, &used) != HEAD_ENDS)
		return;
	memcpy(text, bytes, used);
	if (!parse_head(&head, text, used))
		fuzz_request(&head);
	memcpy(text, bytes, used);
	if (!parse_head(&head, text, used) && !parse_answer(&answer, &head, "GET"))
		require(answer.status >= 100 && answer.status < 600);
}

/* A body gives the same content whole and in pieces, and framed anew it is read as that again. */
static void fuzz_body(const uint8_t *bytes, size_t count, enum body_kind kind)
{
	static char whole[8192], pieces[8192], again[8192];
	struct buffer framed = {0};
	struct body body;
	size_t got, used, sum = 0, at = 0, third;

	if (count > sizeof(whole))
		return;
	body_start(&body, kind, 5);
	used = body_take(&body, (const char *)bytes, count, whole, sizeof(whole), &got);
	require(used <= count && got <= used);
	body_start(&body, kind, 5);
	while (at < count && body.state != BODY_ENDED && body.state != BODY_BAD) {
		size_t one;

		at += body_take(&body, (const char *)bytes + at, 1, pieces + sum, 1, &one);
		sum += one;
	}
	require(at == used && sum == got && !memcmp(whole, pieces, got));
	if (got)
		body_chunk(&framed, whole, got);
	body_chunk(&framed, NULL, 0);
	body_start(&body, BODY_CHUNKED, 0);
	used = body_take(&body, framed.bytes, framed.count, again, sizeof(again), &third);
	require(body.state == BODY_ENDED && used == framed.count && third == got &&
		!memcmp(again, whole, got));
	buffer_free(&framed);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	fuzz_head(bytes, count);
	fuzz_body(bytes, count, BODY_CHUNKED);
	fuzz_body(bytes, count, BODY_LENGTH);
	return 0;
}
