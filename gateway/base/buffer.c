/* SPDX-License-Identifier: MIT */
#include "gateway/base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool buffer_grow(struct buffer *buffer, size_t count)
{
	size_t room = buffer->room ? buffer->room : 256;
	char *bytes;

	if (buffer->failed || count > SIZE_MAX / 4 - buffer->count ||
	    (buffer->limit && buffer->count + count > buffer->limit)) {
		buffer->failed = true;
		return false;
	}
	if (buffer->room > buffer->count + count)
		return true;
	while (room <= buffer->count + count)
		room *= 2;
	bytes = realloc(buffer->bytes, room);
	if (!bytes) {
		buffer->failed = true;
		return false;
	}
	buffer->bytes = bytes;
	buffer->room = room;
	return true;
}

void buffer_add(struct buffer *buffer, const void *bytes, size_t count)
{
	if (!buffer_grow(buffer, count))
		return;
	if (count)
		memcpy(buffer->bytes + buffer->count, bytes, count);
	buffer->count += count;
	buffer->bytes[buffer->count] = 0;
}

void buffer_text(struct buffer *buffer, const char *text)
{
	buffer_add(buffer, text, strlen(text));
}

void buffer_format(struct buffer *buffer, const char *format, ...)
{
	size_t room = buffer->failed ? 0 : buffer->room - buffer->count;
	va_list list;
	int count;

	va_start(list, format);
	count = vsnprintf(room ? buffer->bytes + buffer->count : NULL, room, format, list);
	va_end(list);
	if (count < 0 || !buffer_grow(buffer, (size_t)count)) {
		if (room)
			buffer->bytes[buffer->count] = 0;
		return;
	}
	if ((size_t)count >= room) {
		va_start(list, format);
		vsnprintf(buffer->bytes + buffer->count, (size_t)count + 1, format, list);
		va_end(list);
	}
	buffer->count += (size_t)count;
}

char *decimal_write(char *end, uint64_t value, unsigned least)
{
	const char *last = end - least;

	do {
		*--end = (char)('0' + value % 10);
		value /= 10;
	} while (value || end > last);
	return end;
}

void buffer_take(struct buffer *buffer, size_t count)
{
	if (count == 0)
		return;
	buffer->count -= count;
	memmove(buffer->bytes, buffer->bytes + count, buffer->count);
	buffer->bytes[buffer->count] = 0;
}

void buffer_free(struct buffer *buffer)
{
	free(buffer->bytes);
	*buffer = (struct buffer){.limit = buffer->limit};
}

static const char base64_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_add(struct buffer *buffer, const uint8_t *bytes, size_t count)
{
	for (size_t i = 0; i < count; i += 3) {
		uint32_t word = (uint32_t)bytes[i] << 16;
		char text[4];

		if (i + 1 < count)
			word |= (uint32_t)bytes[i + 1] << 8;
		if (i + 2 < count)
			word |= bytes[i + 2];
		for (int digit = 0; digit < 4; digit++)
			text[digit] = base64_digits[word >> (18 - 6 * digit) & 63];
		if (i + 1 >= count)
			text[2] = '=';
		if (i + 2 >= count)
			text[3] = '=';
		buffer_add(buffer, text, 4);
	}
}

static int base64_digit(char c)
{
	const char *place = c ? strchr(base64_digits, c) : NULL;

	return place ? (int)(place - base64_digits) : -1;
}

long base64_read(const char *text, size_t length, uint8_t *bytes, size_t room)
{
	size_t count = 0;
	size_t padding = 0;

	if (length % 4)
		return -1;
	while (padding < 2 && padding < length && text[length - 1 - padding] == '=')
		padding++;
	for (size_t i = 0; i < length; i += 4) {
		size_t here = i + 4 == length ? 3 - padding : 3;
		uint32_t word = 0;

		for (size_t digit = 0; digit < 4; digit++) {
			int value = digit > here ? 0 : base64_digit(text[i + digit]);

			if (value < 0)
				return -1;
			word = word << 6 | (uint32_t)value;
		}
		if (here > room - count)
			return -1;
		for (size_t byte = 0; byte < here; byte++)
			bytes[count++] = (uint8_t)(word >> (16 - 8 * byte));
	}
	return (long)count;
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

/* The length of the sequence that a lead byte begins, 0: none does; RFC 3629, section 4. */
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
