/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/text/text.h"

#define BASE64_BYTES(bytes) (((bytes) + 2) / 3 * 4 + 1)

/* Writes bytes in base 64 (RFC 4648, 4); `text` has room for BASE64_BYTES(count). */
void base64_text(const u8 *bytes, size_t count, char *text);

/*
 * Decodes base 64; `bytes` may be where the text is. Returns false for other text: padding is
 * needed, and bits left over must be 0.
 */
bool base64_bytes(struct text text, u8 *bytes, size_t *count);
