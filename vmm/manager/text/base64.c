/* SPDX-License-Identifier: MIT */
#include "vmm/manager/text/base64.h"

#include "lib/bits.h"

static char digit(u32 value)
{
	return "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[value & 63];
}

void base64_text(const u8 *bytes, size_t count, char *text)
{
	for (size_t i = 0; i < count; i += 3) {
		size_t left = MIN(count - i, 3u);
		u32 three = (u32)bytes[i] << 16 | (left > 1 ? (u32)bytes[i + 1] << 8 : 0) |
			    (left > 2 ? bytes[i + 2] : 0);

		*text++ = digit(three >> 18);
		*text++ = digit(three >> 12);
		*text++ = left > 1 ? digit(three >> 6) : '=';
		*text++ = left > 2 ? digit(three) : '=';
	}
	*text = '\0';
}
