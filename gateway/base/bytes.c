/* SPDX-License-Identifier: MIT */
/*
 * Converts bytes to text and back: decimal numbers, hex, base64; finds well-formed UTF-8. All
 * programs of the gateway use it; it looks at its arguments and nothing else.
 */
#include "gateway/base/bytes.h"

#include <stdlib.h>
#include <string.h>

char *decimal_write(char *end, uint64_t value, unsigned least)
{
	const char *last = end - least;

	do {
		*--end = (char)('0' + value % 10);
		value /= 10;
	} while (value || end > last);
	return end;
}

static const char base64_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Writes the four base64 digits of up to three bytes. */
static void base64_last(char *text, const uint8_t *bytes, size_t count)
{
	uint32_t word = (uint32_t)bytes[0] << 16 | (count > 1 ? (uint32_t)bytes[1] << 8 : 0);

	text[0] = base64_digits[word >> 18];
	text[1] = base64_digits[word >> 12 & 63];
	text[2] = count > 1 ? base64_digits[word >> 6 & 63] : '=';
	text[3] = '=';
}

void base64_add(struct buffer *buffer, const uint8_t *bytes, size_t count)
{
	char text[256];
	size_t used = 0;

	for (; count >= 3; bytes += 3, count -= 3, used += 4) {
		uint32_t word = (uint32_t)bytes[0] << 16 | (uint32_t)bytes[1] << 8 | bytes[2];

		if (used == sizeof(text)) {
			buffer_add(buffer, text, used);
			used = 0;
		}
		text[used] = base64_digits[word >> 18];
		text[used + 1] = base64_digits[word >> 12 & 63];
		text[used + 2] = base64_digits[word >> 6 & 63];
		text[used + 3] = base64_digits[word & 63];
	}
	buffer_add(buffer, text, used);
	if (count) {
		base64_last(text, bytes, count);
		buffer_add(buffer, text, 4);
	}
}

/*
 * Returns a table with each character's value as a base64 digit plus 1, or 0 if it is no such
 * digit.
 */
static const uint8_t *base64_values(void)
{
	static uint8_t values[256];

	for (uint8_t i = 0; !values['/'] && i < 64; i++)
		values[(uint8_t)base64_digits[i]] = (uint8_t)(i + 1);
	return values;
}

/* Reads four digits, of which the last `padding` are '='. Returns false when one is no digit. */
static bool base64_read_four(const uint8_t *values, const char *text, size_t padding,
			     uint32_t *word)
{
	uint32_t first = values[(uint8_t)text[0]], second = values[(uint8_t)text[1]];
	uint32_t third = padding > 1 ? 1 : values[(uint8_t)text[2]];
	uint32_t fourth = padding > 0 ? 1 : values[(uint8_t)text[3]];

	*word = (first - 1) << 18 | (second - 1) << 12 | (third - 1) << 6 | (fourth - 1);
	return first && second && third && fourth;
}

long base64_read(const char *text, size_t length, uint8_t *bytes, size_t room)
{
	const uint8_t *values = base64_values();
	size_t count = 0, padding = 0;
	uint32_t word;

	if (length % 4)
		return -1;
	while (padding < 2 && padding < length && text[length - 1 - padding] == '=')
		padding++;
	if (length / 4 * 3 - padding > room)
		return -1;
	for (size_t i = 0; i < length; i += 4) {
		size_t missing = i + 4 == length ? padding : 0;

		if (!base64_read_four(values, text + i, missing, &word))
			return -1;
		bytes[count++] = (uint8_t)(word >> 16);
		if (missing < 2)
			bytes[count++] = (uint8_t)(word >> 8);
		if (missing < 1)
			bytes[count++] = (uint8_t)word;
	}
	return (long)count;
}

bool base64_decode(struct buffer *buffer, const char *text, size_t length)
{
	uint8_t *bytes = malloc(length + 1);
	long count = bytes ? base64_read(text, length, bytes, length + 1) : -1;

	if (count > 0)
		buffer_add(buffer, bytes, (size_t)count);
	free(bytes);
	return count >= 0;
}

void hex_write(char *text, const uint8_t *bytes, size_t count)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < count; i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 15];
	}
	text[2 * count] = 0;
}

/*
 * Returns the length of the UTF-8 sequence that a lead byte begins; 0: the byte is no lead byte
 * (RFC 3629, section 4).
 */
static size_t utf8_length(const uint8_t *at, size_t left)
{
	uint8_t low = 0x80, high = 0xbf;
	size_t length;

	if (at[0] < 0x80)
		return 1;
	if (at[0] >= 0xc2 && at[0] <= 0xdf)
		length = 2;
	else if (at[0] >= 0xe0 && at[0] <= 0xef)
		length = 3;
	else if (at[0] >= 0xf0 && at[0] <= 0xf4)
		length = 4;
	else
		return 0;
	if (length > left)
		return 0;
	if (at[0] == 0xe0)
		low = 0xa0;
	if (at[0] == 0xed)
		high = 0x9f;
	if (at[0] == 0xf0)
		low = 0x90;
	if (at[0] == 0xf4)
		high = 0x8f;
	if (at[1] < low || at[1] > high)
		return 0;
	for (size_t i = 2; i < length; i++) {
		if (at[i] < 0x80 || at[i] > 0xbf)
			return 0;
	}
	return length;
}

bool utf8_valid(const uint8_t *bytes, size_t count)
{
	while (count) {
		size_t length = utf8_length(bytes, count);

		if (!length)
			return false;
		bytes += length;
		count -= length;
	}
	return true;
}
