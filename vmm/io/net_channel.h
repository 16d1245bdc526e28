/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "vmm/io/share.h"

/* Of networks in what a manager and a driver share: the driver of a card, or a switch. */
#define NET_PORT_MAX 64u /* of a switch; as many clients as a driver may have */

enum net_port_flag {
	NET_PORT_UPLINK = 1 << 0,     /* a card: behind it is any number of addresses */
	NET_PORT_PRIVATE = 1 << 1,    /* exchanges frames with ports that are not private only */
	NET_PORT_TRUNK = 1 << 2,      /* sends and gets frames with VLAN tags as well */
	NET_PORT_ANY_SOURCE = 1 << 3, /* may send from addresses that are not its own */
	NET_PORT_MIRROR = 1 << 4,     /* gets a copy of all that is forwarded, and sends nothing */
	NET_PORT_BLOCKED = 1 << 5,    /* passes nothing now; the switch's own */
};

/* A port, written by the manager; what is from `limit` on may change while it is in use. */
struct net_port {
	u64 mac;     /* in its low bytes, the frame's first byte lowest */
	u32 flags;   /* enum net_port_flag */
	u32 address; /* IPv4 (and ARP) from this only, as in a frame; 0: from any */
	u16 vlan; /* 1 to 4094: what it sends and gets without tag; 0: the network without tags */
	u16 reserved[3];
	u64 secret; /* in the switch's probes for loops; nobody can guess another port's */
	struct share_given limit; /* of packets */
	u32 down;		  /* of an uplink: its card has no link, or no driver */
	u32 reserved1;
};

/* Of a port of a switch. */
enum net_port_state {
	NET_PORT_OPEN,
	NET_PORT_LISTENS, /* an uplink beside another one: whether they form a loop */
	NET_PORT_LOOPED,  /* they do, with that port: it is blocked */
	NET_PORT_DOWN,	  /* an uplink */
	NET_PORT_STATE_COUNT
};
#define NET_PORT_WITH_SHIFT 8 /* behind the state: which port it forms a loop with */

/* Why a switch drops a frame. */
enum net_drop {
	NET_DROP_BAD,	   /* its header contradicts it, or it is no frame */
	NET_DROP_TOO_LONG, /* for the network's MTU */
	NET_DROP_SPOOFED,  /* its source address is not the port's */
	NET_DROP_VLAN,	   /* a tag that the port may not send, or none where one has to be */
	NET_DROP_LIMIT,	   /* the port's own limits, or the one on broadcasts */
	NET_DROP_FULL,	   /* the receiver does not take them as fast as they come */
	NET_DROP_NOBODY,   /* there is no port that it may go to */
	NET_DROP_COUNT
};

/* By port. */
struct net_counts {
	u64 received_frames; /* by the switch, from the port: also those dropped */
	u64 received_bytes;
	u64 sent_frames; /* to the port */
	u64 sent_bytes;
	u64 dropped[NET_DROP_COUNT]; /* of those received; NET_DROP_FULL: of those to be sent */
};

/* Written by a switch. */
struct switch_part {
	u32 addresses;		 /* that it has learnt */
	u16 state[NET_PORT_MAX]; /* enum net_port_state, and NET_PORT_WITH_SHIFT */
	struct net_counts counts[NET_PORT_MAX];
};

/* Written by the driver of a card. */
struct card_part {
	u64 mac; /* its own, as in net_port */
	u32 link_up;
	u32 megabits; /* a second; 0: unknown */
	u64 sent_frames;
	u64 received_frames;
	u64 errors;  /* frames that the card received broken, or could not send */
	u64 dropped; /* received frames for which the switch had no room */
};
