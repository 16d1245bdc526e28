/* SPDX-License-Identifier: MIT */
/*
 * Text functions besides the C library's: copying into a fixed buffer, and comparisons that read as
 * statements. Ring 0 and ring 3 call them; they touch the given memory alone.
 */
#include "lib/string.h"

bool string_copy(char *to, size_t size, const char *text)
{
	size_t length = strnlen(text, size);
	bool whole = length < size;

	if (!whole)
		length = size - 1;
	memcpy(to, text, length);
	to[length] = '\0';
	return whole;
}

bool string_equal(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

bool string_starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}
