/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/base/buffer.h"

/*
 * XDR (RFC 4506), the form of the arguments and results of libvirt's RPC. Every item takes a
 * multiple of four bytes. After an item that is missing or breaks the rules, `failed` stays set and
 * further items read as 0 or empty, so that the caller need check `failed` only once.
 */
struct xdr_reader {
	const char *bytes;
	size_t count;
	bool failed;
};

uint32_t xdr_read_u32(struct xdr_reader *reader);
uint64_t xdr_read_u64(struct xdr_reader *reader);
/* Reads bytes whose number both ends know. */
void xdr_read_bytes(struct xdr_reader *reader, void *bytes, size_t count);
/*
 * Reads a string with its length into the `room` bytes at `text`, and ends it with a 0. A string
 * that does not fit, or has a 0 inside, sets `failed`.
 */
void xdr_read_text(struct xdr_reader *reader, char *text, size_t room);

/*
 * Returns a pointer to the next `count` bytes and moves the reader behind them, or NULL when fewer
 * are left.
 */
const char *xdr_read_place(struct xdr_reader *reader, size_t count);

void xdr_write_u32(struct buffer *buffer, uint32_t value);
void xdr_write_u64(struct buffer *buffer, uint64_t value);
void xdr_write_bytes(struct buffer *buffer, const void *bytes, size_t count);
void xdr_write_text(struct buffer *buffer, const char *text);
