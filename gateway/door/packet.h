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
	PACKET_BYTES = 65536,	    /* the longest packet whose contents are read */
	PACKET_MOST = 1 << 25,	    /* the longest packet, in bytes, that the protocol allows */
	PACKET_REMOTE = 0x20008086, /* RPC program number of libvirt's procedures */
	PACKET_KEEPALIVE = 0x6b656570,
	PACKET_VERSION = 1, /* the version of both RPC programs */
};

enum packet_type {
	PACKET_CALL = 0,
	PACKET_REPLY = 1,
	PACKET_EVENT = 2, /* a packet (message of the RPC) that is not answered */
	PACKET_STREAM = 3,
};

enum packet_status { PACKET_OK = 0, PACKET_ERROR = 1, PACKET_CONTINUE = 2 };

struct packet_head {
	uint32_t program, version, procedure, type, serial, status;
};

/* Finds the packets in a client's bytes, which may come in any pieces. */
struct packet_reader {
	struct buffer input;
	size_t taken;  /* bytes at the front of `input` that are the packet returned last */
	uint64_t skip; /* bytes, still to come, of a packet that is too long to be read */
};

enum packet_found {
	PACKET_NONE,	 /* no whole packet has come yet */
	PACKET_WHOLE,	 /* a packet has come: *head and *contents are set */
	PACKET_TOO_LONG, /* a packet has come that is longer than PACKET_BYTES: only *head is set */
	PACKET_BROKEN,	 /* the bytes are no packet, and it is unknown where the next one begins */
};

void packet_add(struct packet_reader *reader, const char *bytes, size_t count);
/*
 * Takes the next packet out of a client's bytes. `contents` is valid until the next call of
 * packet_add() or packet_take().
 */
enum packet_found packet_take(struct packet_reader *reader, struct packet_head *head,
			      struct xdr_reader *contents);
void packet_free(struct packet_reader *reader);

void packet_write(struct buffer *buffer, const struct packet_head *head,
		  const struct buffer *contents);
