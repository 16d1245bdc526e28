/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * Length of the well-formed UTF-8 sequence that `bytes` begins with, 0 when it is none (RFC 3629:
 * shortest form only, no surrogates, nothing above U+10FFFF). available >= 1.
 */
size_t utf8_length(const u8 *bytes, size_t available);

/* Writes a code point that is no surrogate, up to U+10FFFF; returns how many bytes, at most 4. */
size_t utf8_encode(u32 code, char *to);
