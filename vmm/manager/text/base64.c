/* SPDX-License-Identifier: MIT */
/*
 * Converts between bytes and base 64. Called by the machine channels and `net capture`; holds no
 * state.
 */
#include "vmm/manager/text/base64.h"

#include "lib/bits.h"

static char base64_digit(u32 value)
{
	return "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[value & 63];
}

void base64_text(const u8 *bytes, size_t count, char *text)
{
	for (size_t i = 0; i < count; i += 3) {
		size_t left = MIN(count - i, 3u);
		u32 three = (u32)bytes[i] << 16 | (left > 1 ? (u32)bytes[i + 1] << 8 : 0) |
			    (left > 2 ? bytes[i + 2] : 0);

		*text++ = base64_digit(three >> 18);
		*text++ = base64_digit(three >> 12);
		*text++ = left > 1 ? base64_digit(three >> 6) : '=';
		*text++ = left > 2 ? base64_digit(three) : '=';
	}
	*text = '\0';
}

/* Returns a digit's value, or 64 if the character is none. */
static u32 base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (u32)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (u32)(c - 'a') + 26;
	if (char_is_digit(c))
		return (u32)(c - '0') + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : 64;
}

bool base64_bytes(struct text text, u8 *bytes, size_t *count)
{
	size_t padding = 0;

	*count = 0;
	if (text.length % 4 != 0)
		return false;
	while (padding < 2 && padding < text.length && text.start[text.length - 1 - padding] == '=')
		padding++;
	for (size_t i = 0; i < text.length; i += 4) {
		bool last = i + 4 == text.length;
		u32 four = 0;

		for (size_t k = 0; k < 4; k++) {
			bool padded = last && k >= 4 - padding;
			u32 digits = padded ? 0 : base64_value(text.start[i + k]);

			if (digits == 64)
				return false;
			four = four << 6 | digits;
		}
		if (last && (four & ((1u << 8 * padding) - 1)) != 0)
			return false;
		for (size_t k = 0; k < (last ? 3 - padding : 3); k++)
			bytes[(*count)++] = (u8)(four >> (16 - 8 * k));
	}
	return true;
}
