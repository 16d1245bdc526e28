/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

#define BASE64_BYTES(bytes) (((bytes) + 2) / 3 * 4 + 1)

/* RFC 4648, 4. `text` has BASE64_BYTES(count). */
void base64_text(const u8 *bytes, size_t count, char *text);
