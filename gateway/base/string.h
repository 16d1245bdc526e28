/* SPDX-License-Identifier: MIT */
#pragma once

#include <stddef.h>

/*
 * Functions on strings that the C library lacks in a safe form; the programs of the gateway share
 * them.
 */
#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/*
 * Copies `from` into the `room` bytes at `to`, and ends it with a 0: a text that is too long is cut
 * off. The two may not overlap.
 */
static inline void string_copy(char *to, size_t room, const char *from)
{
	size_t length = 0;

	while (length + 1 < room && from[length]) {
		to[length] = from[length];
		length++;
	}
	to[length] = 0;
}
