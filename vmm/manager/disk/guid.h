/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

#define GUID_TEXT_BYTES 37u

/* As people write it (UEFI 2.10, appendix A): the first three fields are little-endian in `id`. */
void guid_text(const u8 id[16], char text[GUID_TEXT_BYTES]);
/* A new one from 16 random bytes, which it changes (RFC 9562, 5.4). */
void guid_make(u8 random[16], char text[GUID_TEXT_BYTES]);
/* Whatever the case of the letters. */
bool guid_equal(const char *one, const char *other);
