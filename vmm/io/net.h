/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/io/frames.h"

/*
 * A link between a port of a switch (the server) and who uses it (the client): a VM's monitor, the
 * driver of a network card, or the manager that looks on.
 */
#define NET_MAC_BYTES 6u
#define NET_MTU_MIN   1280u
#define NET_MTU_MAX   9000u

enum net_about_flag {
	NET_LINK_UP = 1 << 0,
};

/* The link's `about`: the manager may change a field, so each is written and read in one piece. */
struct net_about {
	u64 mac; /* of the client, in its low bytes as in a frame; 0: a card has its own */
	u32 mtu;
	u32 flags; /* enum net_about_flag */
};

/*
 * The wish of the client: what it can take. For a client without it the switch puts in the
 * checksum, or cuts a frame into segments. The switch itself takes all.
 */
enum net_wish {
	NET_WISH_CHECKSUM = 1 << 0, /* FRAME_NEEDS_CHECKSUM */
	NET_WISH_TCP4 = 1 << 1,	    /* FRAME_TCP4, with FRAME_NEEDS_CHECKSUM */
	NET_WISH_TCP6 = 1 << 2,
};
