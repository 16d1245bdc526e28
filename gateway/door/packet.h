/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/base/buffer.h"
#include "gateway/door/xdr.h"

/*
 * A packet of libvirt's RPC: its length, which counts itself, six numbers, and the arguments or
 * results of a procedure in XDR.
 */
enum {
	PACKET_HEAD_BYTES = 28,
	PACKET_BYTES = 65536, /* the longest packet whose contents are read */
	PACKET_MOST =
		1 << 25, /* the longest that the protocol allows: what is longer is no packet */
	PACKET_REMOTE = 0x20008086, /* the program that has libvirt's procedures */
	PACKET_KEEPALIVE = 0x6b656570,
	PACKET_VERSION = 1, /* of either program */
};

enum packet_type {
	PACKET_CALL = 0,
	PACKET_REPLY = 1,
	PACKET_EVENT = 2, /* a packet that nobody answers */
	PACKET_STREAM = 3,
};

enum packet_status { PACKET_OK = 0, PACKET_ERROR = 1, PACKET_CONTINUE = 2 };

struct packet_head {
	uint32_t program, version, procedure, type, serial, status;
};

/* Makes packets of a client's bytes, in whatever pieces these come. */
struct packet_reader {
	struct buffer input;
	size_t taken;  /* bytes at the front of `input` that were the last packet */
	uint64_t skip; /* bytes of a packet too long to be read that are still to come */
};

enum packet_found {
	PACKET_NONE,	 /* there is no whole packet */
	PACKET_WHOLE,	 /* *head and *contents are those of a packet */
	PACKET_TOO_LONG, /* *head is that of a packet whose contents are not read */
	PACKET_BROKEN,	 /* what comes is no packet: nobody knows where the next one begins */
};

void packet_add(struct packet_reader *reader, const char *bytes, size_t count);
/* `contents` is valid until the next call of either function. */
enum packet_found packet_take(struct packet_reader *reader, struct packet_head *head,
			      struct xdr_reader *contents);
void packet_free(struct packet_reader *reader);

void packet_write(struct buffer *buffer, const struct packet_head *head,
		  const struct buffer *contents);
