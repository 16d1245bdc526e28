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

/*
 * What the link's `about` holds for a port of a switch. The manager may change a field at any time,
 * so each is written and read in one piece.
 */
struct net_about {
	/*
	 * the client's MAC address in the low bytes, as in a frame; 0 for a card, which has its own
	 */
	u64 mac;
	u32 mtu;
	u32 flags; /* enum net_about_flag */
};

/*
 * The kinds of frames that a client can take as they are, as bits of link_line.wish. For other
 * clients the switch first fills in the checksum or cuts the frame into segments. The switch itself
 * takes all frames.
 */
enum net_wish {
	NET_WISH_CHECKSUM = 1 << 0, /* frames with FRAME_NEEDS_CHECKSUM */
	/* the client takes frames with FRAME_TCP4 and FRAME_NEEDS_CHECKSUM */
	NET_WISH_TCP4 = 1 << 1,
	NET_WISH_TCP6 = 1 << 2,
};
