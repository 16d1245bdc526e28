/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* Returns whether all the bytes are zero; they need not be aligned. */
static inline bool is_zero(const void *from, size_t count)
{
	const u8 *byte = from;
	u64 word;

	for (; count >= sizeof(word); byte += sizeof(word), count -= sizeof(word)) {
		__builtin_memcpy(&word, byte, sizeof(word));
		if (word != 0)
			return false;
	}
	while (count-- > 0)
		if (*byte++ != 0)
			return false;
	return true;
}
