/* SPDX-License-Identifier: MIT */
/*
 * A buffer that grows at its end and is taken from its front. Everything that collects bytes in the
 * gateway uses it; it uses nothing but malloc() and its argument.
 */
#include "gateway/base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool buffer_grow(struct buffer *buffer, size_t count)
{
	size_t room = buffer->room ? buffer->room : 256;
	char *bytes;

	if (buffer->failed || count > SIZE_MAX / 4 - buffer->count ||
	    (buffer->limit && buffer->count + count > buffer->limit)) {
		buffer->failed = true;
		return false;
	}
	if (buffer->room > buffer->count + count)
		return true;
	while (room <= buffer->count + count)
		room *= 2;
	bytes = realloc(buffer->bytes, room);
	if (!bytes) {
		buffer->failed = true;
		return false;
	}
	buffer->bytes = bytes;
	buffer->room = room;
	return true;
}

void buffer_add(struct buffer *buffer, const void *bytes, size_t count)
{
	if (!buffer_grow(buffer, count))
		return;
	if (count)
		memcpy(buffer->bytes + buffer->count, bytes, count);
	buffer->count += count;
	buffer->bytes[buffer->count] = 0;
}

void buffer_text(struct buffer *buffer, const char *text)
{
	buffer_add(buffer, text, strlen(text));
}

void buffer_format(struct buffer *buffer, const char *format, ...)
{
	size_t room = buffer->failed ? 0 : buffer->room - buffer->count;
	va_list list;
	int count;

	va_start(list, format);
	count = vsnprintf(room ? buffer->bytes + buffer->count : NULL, room, format, list);
	va_end(list);
	if (count < 0 || !buffer_grow(buffer, (size_t)count)) {
		if (room)
			buffer->bytes[buffer->count] = 0;
		return;
	}
	if ((size_t)count >= room) {
		va_start(list, format);
		vsnprintf(buffer->bytes + buffer->count, (size_t)count + 1, format, list);
		va_end(list);
	}
	buffer->count += (size_t)count;
}

void buffer_take(struct buffer *buffer, size_t count)
{
	if (count == 0)
		return;
	buffer->count -= count;
	memmove(buffer->bytes, buffer->bytes + count, buffer->count);
	/* Clear the taken bytes: they may be a credential or a user's input. */
	explicit_bzero(buffer->bytes + buffer->count, count);
	buffer->bytes[buffer->count] = 0;
}

void buffer_free(struct buffer *buffer)
{
	free(buffer->bytes);
	*buffer = (struct buffer){.limit = buffer->limit};
}
