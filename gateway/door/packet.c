/* SPDX-License-Identifier: MIT */
/*
 * Finds the beginnings and ends of packets of libvirt's RPC, and writes packets. Each client has a
 * reader; the contents of packets are handled elsewhere.
 */
#include "gateway/door/packet.h"

#include <string.h>

enum { PACKET_LENGTH_BYTES = 4 };

void packet_add(struct packet_reader *reader, const char *bytes, size_t count)
{
	size_t dropped = reader->skip < count ? (size_t)reader->skip : count;

	buffer_take(&reader->input, reader->taken);
	reader->taken = 0;
	reader->skip -= dropped;
	buffer_add(&reader->input, bytes + dropped, count - dropped);
}

/* Drops the contents so far of a packet that is too long. */
static void packet_skip(struct packet_reader *reader, size_t length)
{
	size_t there = reader->input.count < length ? reader->input.count : length;

	reader->skip = length - there;
	buffer_take(&reader->input, there);
}

enum packet_found packet_take(struct packet_reader *reader, struct packet_head *head,
			      struct xdr_reader *contents)
{
	struct xdr_reader input;
	size_t length;

	buffer_take(&reader->input, reader->taken);
	reader->taken = 0;
	if (reader->input.failed)
		return PACKET_BROKEN;
	if (reader->input.count < PACKET_LENGTH_BYTES)
		return PACKET_NONE;
	input = (struct xdr_reader){reader->input.bytes, reader->input.count, false};
	length = xdr_read_u32(&input);
	if (length < PACKET_HEAD_BYTES || length > PACKET_MOST)
		return PACKET_BROKEN;
	if (reader->input.count < PACKET_HEAD_BYTES ||
	    (length <= PACKET_BYTES && reader->input.count < length))
		return PACKET_NONE;
	head->program = xdr_read_u32(&input);
	head->version = xdr_read_u32(&input);
	head->procedure = xdr_read_u32(&input);
	head->type = xdr_read_u32(&input);
	head->serial = xdr_read_u32(&input);
	head->status = xdr_read_u32(&input);
	if (length > PACKET_BYTES) {
		packet_skip(reader, length);
		return PACKET_TOO_LONG;
	}
	*contents = (struct xdr_reader){input.bytes, length - PACKET_HEAD_BYTES, false};
	reader->taken = length;
	return PACKET_WHOLE;
}

void packet_free(struct packet_reader *reader)
{
	buffer_free(&reader->input);
	*reader = (struct packet_reader){0};
}

void packet_write(struct buffer *buffer, const struct packet_head *head,
		  const struct buffer *contents)
{
	size_t count = contents ? contents->count : 0;

	xdr_write_u32(buffer, (uint32_t)(PACKET_HEAD_BYTES + count));
	xdr_write_u32(buffer, head->program);
	xdr_write_u32(buffer, head->version);
	xdr_write_u32(buffer, head->procedure);
	xdr_write_u32(buffer, head->type);
	xdr_write_u32(buffer, head->serial);
	xdr_write_u32(buffer, head->status);
	if (count)
		buffer_add(buffer, contents->bytes, count);
}
