/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Bytes that grow at the end and are taken from the front. After an allocation that failed, or one
 * past `limit` (0: none), `failed` stays set and further bytes are dropped, so that the owner need
 * check `failed` only once. bytes[count] is always 0 when bytes is not NULL.
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
void buffer_take(struct buffer *buffer, size_t count);
void buffer_free(struct buffer *buffer);
