/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/text/text.h"

#define BASE64_BYTES(bytes) (((bytes) + 2) / 3 * 4 + 1)

/* RFC 4648, 4. `text` has BASE64_BYTES(count). */
void base64_text(const u8 *bytes, size_t count, char *text);

/*
 * Back again; `bytes` may be where the text is. False for what is no base 64: padding is needed,
 * bits left over must be 0.
 */
bool base64_bytes(struct text text, u8 *bytes, size_t *count);
