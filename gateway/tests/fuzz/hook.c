/* SPDX-License-Identifier: MIT */
/* URLs of web hooks and ranges of addresses: what is read can stand in a head, and a range has its
 * own address. */
#include <stdlib.h>
#include <string.h>

#include "gateway/base/address.c"
#include "gateway/base/dns_name.c"
#include "gateway/base/hook_url.c"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

/* Checks that a part of a URL ends no line and no word of a request's head. */
static void hook_check_part(const char *part)
{
	if (!*part)
		__builtin_trap();
	for (; *part; part++) {
		if (*part <= ' ' || *part > '~' || *part == '#' || *part == '\\')
			__builtin_trap();
	}
}

static void hook_check_url(const char *text)
{
	struct hook_url url;
	struct in_addr old;

	if (!hook_url_read(text, &url))
		return;
	hook_check_part(url.host);
	hook_check_part(url.port);
	hook_check_part(url.path);
	/* What the C library takes for an address in any form is one that was read as such. */
	if (url.path[0] != '/' || (!url.literal && inet_aton(url.host, &old)))
		__builtin_trap();
}

static void hook_check_range(const char *text)
{
	struct address_range range, again;
	char shown[64];

	if (!address_read_range(text, &range))
		return;
	if (range.bits > 128 || !address_within(&range, range.first))
		__builtin_trap();
	(void)address_global(range.first);
	address_text(range.first, range.bits, shown, sizeof(shown));
	if (!address_read_range(shown, &again) || again.bits != range.bits ||
	    memcmp(again.first, range.first, sizeof(again.first)))
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	char *text = malloc(count + 1);

	if (!text)
		return 0;
	memcpy(text, bytes, count);
	text[count] = 0;
	hook_check_url(text);
	hook_check_range(text);
	free(text);
	return 0;
}
