/* SPDX-License-Identifier: MIT */
/*
 * UUIDs as text and as bytes: Skerry writes them as text, libvirt's clients send bytes. The file
 * looks at its arguments and nothing else.
 */
#include "gateway/door/uuid.h"

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>

static bool uuid_dash(size_t place)
{
	return place == 8 || place == 13 || place == 18 || place == 23;
}

static uint8_t uuid_digit(char digit)
{
	return (uint8_t)(digit <= '9' ? digit - '0' : (digit | 32) - 'a' + 10);
}

bool uuid_read(const char *text, uint8_t uuid[UUID_BYTES])
{
	size_t count = 0;

	for (size_t i = 0; text && i < UUID_TEXT_BYTES - 1; i++) {
		if (uuid_dash(i) ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
			return false;
		if (uuid_dash(i))
			continue;
		if (count % 2 == 0)
			uuid[count / 2] = (uint8_t)(uuid_digit(text[i]) << 4);
		else
			uuid[count / 2] |= uuid_digit(text[i]);
		count++;
	}
	return text && !text[UUID_TEXT_BYTES - 1];
}

void uuid_text(const uint8_t uuid[UUID_BYTES], char text[UUID_TEXT_BYTES])
{
	size_t at = 0;

	for (size_t i = 0; i < UUID_BYTES; i++) {
		if (uuid_dash(at))
			text[at++] = '-';
		snprintf(text + at, 3, "%02x", uuid[i]);
		at += 2;
	}
}

void uuid_of_name(const char *kind, const char *name, uint8_t uuid[UUID_BYTES])
{
	/* The hash FNV-1a over kind and name, once for each half of the UUID. */
	for (size_t half = 0; half < 2; half++) {
		uint64_t hash = 0xcbf29ce484222325 + half;

		for (const char *at = kind; *at; at++)
			hash = (hash ^ (uint8_t)*at) * 0x100000001b3;
		hash = (hash ^ '/') * 0x100000001b3;
		for (const char *at = name; *at; at++)
			hash = (hash ^ (uint8_t)*at) * 0x100000001b3;
		for (size_t i = 0; i < 8; i++)
			uuid[half * 8 + i] = (uint8_t)(hash >> (8 * i));
	}
	/* RFC 9562, 5.8: version 8 means that the UUID's maker defines its contents. */
	uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x80);
	uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
}
