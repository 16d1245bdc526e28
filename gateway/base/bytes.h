/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/base/buffer.h"

/*
 * Writes a number that ends before `end`, with at least `least` digits and no NUL behind them.
 * Returns where it begins.
 */
char *decimal_write(char *end, uint64_t value, unsigned least);

/* Adds bytes as base64 (RFC 4648, section 4, with padding). */
void base64_add(struct buffer *buffer, const uint8_t *bytes, size_t count);

/*
 * Decodes base64. Returns the number of bytes, or -1 when `text` is no base64 or has more than
 * `room` bytes.
 */
long base64_read(const char *text, size_t length, uint8_t *bytes, size_t room);

/*
 * Adds the bytes that the base64 `text` encodes. Returns false, and adds none, when it is no base64
 * or there is no memory.
 */
bool base64_decode(struct buffer *buffer, const char *text, size_t length);

/* Writes bytes as hex and a NUL; `text` needs 2 * count + 1 bytes. */
void hex_write(char *text, const uint8_t *bytes, size_t count);

/* Returns whether the bytes are well-formed UTF-8 (RFC 3629). */
bool utf8_valid(const uint8_t *bytes, size_t count);
