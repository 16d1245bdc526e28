/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

#define GUID_TEXT_BYTES 37u

/*
 * Writes a GUID as text (UEFI 2.10, appendix A): the first three fields are little-endian in `id`.
 */
void guid_text(const u8 id[16], char text[GUID_TEXT_BYTES]);
/* Reads a GUID's text; returns false if it is none. */
bool guid_parse(const char *text, u8 id[16]);
/* Makes a GUID of 16 random bytes, which it changes (RFC 9562, 5.4). */
void guid_make(u8 random[16], char text[GUID_TEXT_BYTES]);
/* Returns whether two texts are the same GUID, in upper or lower case. */
bool guid_equal(const char *one, const char *other);
