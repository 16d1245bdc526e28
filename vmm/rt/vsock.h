/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * The memory that the manager and one monitor share for the guest's socket device: a table of
 * connections and two byte rings for each. Each field has one writer. A reader takes every index
 * once, checks it and masks it, so that a broken manager or monitor can garble only the connections
 * of that VM.
 *
 * The first half of the slots is for connections that the manager opens, for its clients or for
 * other guests, the other half for those that the guest opens. The side that opens a connection
 * raises the slot's use by one, sets its own indices to 0 and marks the slot VSOCK_ASKS. The other
 * side sets its own indices to 0 before it marks the slot with the same use; until then its indices
 * are those of an earlier use. The manager may first mark it VSOCK_ASKS, while it has yet to hear
 * whether another guest accepts. A slot is free again when both marks have the same use and say
 * VSOCK_GONE.
 */
#define VSOCK_SLOTS	    128u
#define VSOCK_SLOTS_MANAGER 64u
/* size of a connection's byte ring in each direction, a power of two */
#define VSOCK_RING_BYTES 4096u
#define VSOCK_LISTEN_MAX 16u
/* the most entries of `vsock.peers`, and the most connections by one of them at a time */
#define VSOCK_PEERS_MAX	       8u
#define VSOCK_PEER_CONNECTIONS 4u
#define VSOCK_CID_HOST	       2u
/* the first CID of a guest; smaller ones are reserved (virtio 1.2, 5.10.4) */
#define VSOCK_CID_FIRST 3u
/* On the host's side, connections that the manager opens have port numbers from here on. */
#define VSOCK_HOST_PORT_FIRST 0x40000000u

enum vsock_mark {
	VSOCK_GONE, /* the side that set the mark has nothing more to do with the connection */
	/*
	 * the side that set the mark opens the connection; from the monitor also: the guest has yet
	 * to accept the manager's
	 */
	VSOCK_ASKS,
	VSOCK_OPEN, /* the side that set the mark has accepted the connection */
	/* the side that set the mark adds no more bytes to its ring, which may still hold some */
	VSOCK_ENDED,
	/* in the monitor's word only: the guest neither writes nor reads any more */
	VSOCK_CLOSED,
};
#define VSOCK_MARK_BITS 3u
#define VSOCK_USE_MASK	(~0u >> VSOCK_MARK_BITS)

/* Returns one side's word of a slot, from the slot's use and an enum vsock_mark. */
static inline u32 vsock_word(u32 use, enum vsock_mark mark)
{
	return (use & VSOCK_USE_MASK) << VSOCK_MARK_BITS | mark;
}

static inline u32 vsock_word_use(u32 word)
{
	return word >> VSOCK_MARK_BITS;
}

static inline u32 vsock_word_mark(u32 word)
{
	return word & ((1u << VSOCK_MARK_BITS) - 1);
}

/*
 * The indices and marks of a connection. Indices run freely, and begin at 0 in each use of the
 * slot.
 */
struct vsock_slot {
	/* The manager writes the fields from here on. */
	u32 manager_word ALIGNED(64);
	/* the guest's port to connect to, in a connection that the manager opens */
	u32 called_port;
	/* the CID in whose name the manager opens it: the host's, or that of a guest */
	u32 called_cid;
	u32 input_written;
	u32 output_read;

	/* The monitor writes the fields from here on. */
	u32 monitor_word ALIGNED(64);
	u32 asked_port; /* the port to connect to, in a connection that the guest opens */
	u32 asked_cid;	/* the CID to connect to, in a connection that the guest opens */
	u32 guest_port; /* the guest's port */
	u32 input_read;
	u32 output_written;
};

struct vsock_rings {
	u8 input[VSOCK_RING_BYTES];  /* bytes for the guest */
	u8 output[VSOCK_RING_BYTES]; /* bytes from the guest */
};

struct vsock_area {
	/* The manager writes the fields from here on. */
	u32 manager_bell;	      /* grows with each change of the manager's fields */
	u32 listen[VSOCK_LISTEN_MAX]; /* the host's ports to which the guest may connect; 0: none */
	u32 peer[VSOCK_PEERS_MAX];    /* the ports for which it has `vsock.peers`; 0: none */

	/* The monitor writes the fields from here on. */
	u32 monitor_bell ALIGNED(64); /* grows with each change of the monitor's fields */

	struct vsock_slot slot[VSOCK_SLOTS];
	/* each slot's byte rings, whose pages are populated at first use */
	struct vsock_rings rings[VSOCK_SLOTS] ALIGNED(4096);
};
#define VSOCK_BYTES sizeof(struct vsock_area)
_Static_assert(sizeof(struct vsock_area) % 4096 == 0, "whole pages");

static inline u32 vsock_load(const u32 *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static inline void vsock_store(u32 *word, u32 value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}
