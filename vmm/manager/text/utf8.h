/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * Returns the length of the well-formed UTF-8 sequence at `bytes`, or 0 if there is none (RFC 3629:
 * shortest form only, no surrogates, nothing above U+10FFFF). available >= 1.
 */
size_t utf8_length(const u8 *bytes, size_t available);

/*
 * Writes a code point that is no surrogate, up to U+10FFFF; returns the number of bytes, at most 4.
 */
size_t utf8_encode(u32 code, char *to);
