/* SPDX-License-Identifier: MIT */
/*
 * Reads and writes the items of XDR, each with its bounds checked. Packets and procedures are made
 * of these; the file looks at its arguments and nothing else.
 */
#include "gateway/door/xdr.h"

#include <string.h>

enum { XDR_UNIT = 4 };

/* Returns how many bytes of 0 have to follow an item of `count` bytes. */
static size_t xdr_padding(size_t count)
{
	return (XDR_UNIT - count % XDR_UNIT) % XDR_UNIT;
}

/*
 * Returns the next item of `count` bytes, and moves the reader behind it; NULL when fewer bytes are
 * left.
 */
static const char *xdr_take(struct xdr_reader *reader, size_t count)
{
	const char *item = reader->bytes;
	size_t padding = xdr_padding(count);

	if (reader->failed || count > reader->count || padding > reader->count - count) {
		reader->failed = true;
		return NULL;
	}
	for (size_t i = 0; i < padding; i++)
		reader->failed |= item[count + i] != 0;
	reader->bytes += count + padding;
	reader->count -= count + padding;
	return reader->failed ? NULL : item;
}

uint32_t xdr_read_u32(struct xdr_reader *reader)
{
	const uint8_t *item = (const uint8_t *)xdr_take(reader, XDR_UNIT);

	return item ? (uint32_t)item[0] << 24 | (uint32_t)item[1] << 16 | (uint32_t)item[2] << 8 |
			       item[3]
		    : 0;
}

uint64_t xdr_read_u64(struct xdr_reader *reader)
{
	uint64_t high = xdr_read_u32(reader);
	uint64_t low = xdr_read_u32(reader);

	return reader->failed ? 0 : high << 32 | low;
}

void xdr_read_bytes(struct xdr_reader *reader, void *bytes, size_t count)
{
	const char *item = xdr_take(reader, count);

	if (item)
		memcpy(bytes, item, count);
	else
		memset(bytes, 0, count);
}

void xdr_read_text(struct xdr_reader *reader, char *text, size_t room)
{
	size_t count = xdr_read_u32(reader);
	const char *item = xdr_take(reader, count);

	*text = 0;
	if (!item)
		return;
	if (count >= room || memchr(item, 0, count)) {
		reader->failed = true;
		return;
	}
	memcpy(text, item, count);
	text[count] = 0;
}

const char *xdr_read_place(struct xdr_reader *reader, size_t count)
{
	return xdr_take(reader, count);
}

void xdr_write_u32(struct buffer *buffer, uint32_t value)
{
	uint8_t bytes[XDR_UNIT] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16),
				   (uint8_t)(value >> 8), (uint8_t)value};

	buffer_add(buffer, bytes, sizeof(bytes));
}

void xdr_write_u64(struct buffer *buffer, uint64_t value)
{
	xdr_write_u32(buffer, (uint32_t)(value >> 32));
	xdr_write_u32(buffer, (uint32_t)value);
}

void xdr_write_bytes(struct buffer *buffer, const void *bytes, size_t count)
{
	static const char zeros[XDR_UNIT];

	buffer_add(buffer, bytes, count);
	buffer_add(buffer, zeros, xdr_padding(count));
}

void xdr_write_text(struct buffer *buffer, const char *text)
{
	size_t count = strlen(text);

	xdr_write_u32(buffer, (uint32_t)count);
	xdr_write_bytes(buffer, text, count);
}
