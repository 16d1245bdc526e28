/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Bytes that grow at the end and are taken from the front. After an allocation that failed, or one
 * past `limit` (0: none), `failed` stays set and what is added is dropped: the owner looks once.
 * bytes[count] is always 0 when bytes is not NULL.
 */
struct buffer {
	char *bytes;
	size_t count;
	size_t room;
	size_t limit;
	bool failed;
};

void buffer_add(struct buffer *buffer, const void *bytes, size_t count);
void buffer_text(struct buffer *buffer, const char *text);
void buffer_format(struct buffer *buffer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Writes a number before `end`, with at least `least` digits and no 0 behind; where it begins. */
char *decimal_write(char *end, uint64_t value, unsigned least);
void buffer_take(struct buffer *buffer, size_t count);
void buffer_free(struct buffer *buffer);

/* Base64 (RFC 4648, section 4, with padding). */
void base64_add(struct buffer *buffer, const uint8_t *bytes, size_t count);

/* The number of bytes, or -1: `text` is no base64 or has more than `room` bytes. */
long base64_read(const char *text, size_t length, uint8_t *bytes, size_t room);

/* `text` needs 2 * count + 1 bytes. */
void hex_write(char *text, const uint8_t *bytes, size_t count);

/* True for well-formed UTF-8 (RFC 3629). */
bool utf8_valid(const uint8_t *bytes, size_t count);
