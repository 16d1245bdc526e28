/* SPDX-License-Identifier: MIT */
/*
 * Escapes characters of foreign names and texts that a terminal must not get. All code that prints
 * a text of the server calls it; it writes to the stream that it is given.
 */
#include "gateway/cli/escape.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "gateway/base/string.h"

/* Code points that are invisible or change the direction of text (Unicode 15, above all Cf). */
static const struct {
	uint32_t first, last;
} hidden[] = {
	{0x00ad, 0x00ad},   {0x034f, 0x034f},	 {0x061c, 0x061c}, {0x115f, 0x1160},
	{0x17b4, 0x17b5},   {0x180b, 0x180f},	 {0x200b, 0x200f}, {0x2028, 0x202e},
	{0x2060, 0x206f},   {0x3164, 0x3164},	 {0xd800, 0xf8ff}, {0xfe00, 0xfe0f},
	{0xfeff, 0xfeff},   {0xffa0, 0xffa0},	 {0xfff0, 0xfffb}, {0xfffe, 0xffff},
	{0x1d173, 0x1d17a}, {0xe0000, 0x10ffff},
};

/*
 * Returns the length of the character at `text` if it may be shown as it is, or 0 if its first byte
 * must be escaped.
 */
static size_t escape_shown(const unsigned char *text)
{
	/* clang-format off */
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t length = text[0] < 0x80 ? 1 : text[0] >> 5 == 6 ? 2 : text[0] >> 4 == 14 ? 3
			: text[0] >> 3 == 30 ? 4 : 0;
	/* clang-format on */
	uint32_t code;

	if (length == 0)
		return 0;
	if (length == 1)
		return text[0] >= 0x20 && text[0] < 0x7f && text[0] != '\\';
	code = text[0] & (0x7fu >> length);
	for (size_t i = 1; i < length; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (text[i] & 0x3f);
	}
	if (code < least[length] || code < 0xa0)
		return 0;
	for (size_t i = 0; i < ARRAY_COUNT(hidden); i++) {
		if (code >= hidden[i].first && code <= hidden[i].last)
			return 0;
	}
	return length;
}

static size_t escape_walk(FILE *to, const char *text)
{
	const unsigned char *at = (const unsigned char *)text;
	size_t columns = 0;

	while (*at) {
		size_t length = escape_shown(at);
		bool backslash = *at == '\\';

		if (to != NULL && length > 0)
			fwrite(at, 1, length, to);
		else if (to != NULL && backslash)
			fputs("\\\\", to);
		else if (to != NULL)
			fprintf(to, "\\x%02x", *at);
		columns += length > 0 ? 1 : backslash ? 2 : 4;
		at += length > 0 ? length : 1;
	}
	return columns;
}

void escape_print(FILE *to, const char *text)
{
	escape_walk(to, text);
}

size_t escape_columns(const char *text)
{
	return escape_walk(NULL, text);
}
