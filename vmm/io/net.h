/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/io/frames.h"

/*
 * A link between a port of a switch, which is the server, and the user of the port, the client: a
 * VM's monitor, the driver of a network card, or the manager when it captures frames.
 */
#define NET_MAC_BYTES 6u
#define NET_MTU_MIN   1280u
#define NET_MTU_MAX   9000u

enum net_about_flag {
	NET_LINK_UP = 1 << 0,
};

/* For how long a client may use an address before it asks again (RFC 2131, 3.3). */
#define NET_LEASE_SECONDS 86400u

/*
 * The values that a card's monitor gives its guest by DHCP, on a network whose addresses the
 * manager assigns. Addresses are in a frame's order of bytes.
 */
struct net_lease {
	u32 address; /* the card's address; 0: the monitor answers nothing */
	u32 mask;
	u32 server; /* the address in the monitor's name, which no card has */
	u32 router; /* 0: the network has none, as for dns */
	u32 dns;
	u32 reserved;
};

/*
 * The contents of the link's `about` for a port of a switch. The manager may change a field at any
 * time, so each is written and read in one piece.
 */
struct net_about {
	/*
	 * the client's MAC address in the low bytes, as in a frame; 0 for a card, which has its own
	 */
	u64 mac;
	u32 mtu;
	u32 flags;		/* enum net_about_flag */
	struct net_lease lease; /* unchanged for as long as the link exists */
};

/*
 * The kinds of frames that a client can take unchanged, as bits of link_line.wish. For other
 * clients the switch first fills in the checksum or cuts the frame into segments. The switch itself
 * takes all frames.
 */
enum net_wish {
	NET_WISH_CHECKSUM = 1 << 0, /* frames with FRAME_NEEDS_CHECKSUM */
	/* the client takes frames with FRAME_TCP4 and FRAME_NEEDS_CHECKSUM */
	NET_WISH_TCP4 = 1 << 1,
	NET_WISH_TCP6 = 1 << 2,
};
