/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "vmm/io/share.h"

/* The part of the memory that the manager shares with a card's driver or a switch: networks. */
#define NET_PORT_MAX 64u /* the most ports of a switch: as many clients as a driver may have */

enum net_port_flag {
	/*
	 * the port leads to a network card of the host, behind which there may be any number of
	 * addresses
	 */
	NET_PORT_UPLINK = 1 << 0,
	/* the port exchanges frames only with ports that are not private */
	NET_PORT_PRIVATE = 1 << 1,
	NET_PORT_TRUNK = 1 << 2, /* the port also sends and gets frames with VLAN tags */
	/* the port may send from MAC addresses that are not its own */
	NET_PORT_ANY_SOURCE = 1 << 3,
	/* the port gets a copy of all frames that the switch forwards, and sends nothing */
	NET_PORT_MIRROR = 1 << 4,
	NET_PORT_BLOCKED = 1 << 5, /* the port passes no frames at present; set by the switch */
	/*
	 * the manager assigns the network's addresses, and each VM's monitor answers for the DHCP
	 * server: nothing may pass by which the port would assign others or make itself a router
	 */
	NET_PORT_DHCP = 1 << 6,
};

/*
 * The traffic that an entry of a list of egress allows, if it is not the number of a protocol over
 * IPv4.
 */
enum net_egress_protocol {
	NET_EGRESS_ANY = 0, /* any protocol over IPv4 */
	/* ARP alone: the entry names a router, to which nothing is sent itself (255 is no protocol)
	 */
	NET_EGRESS_ARP = 255,
};

/* Hosts to which a port may send: an entry of a list of egress. */
struct net_egress {
	u32 address; /* in a frame's order of bytes, as is the mask */
	u32 mask;    /* the bits of an address that have to be those of `address` */
	/* for TCP and UDP: the ports from the first to the last, both included */
	u16 first;
	u16 last;
	u8 protocol; /* the protocol's number, or an enum net_egress_protocol */
	u8 reserved[3];
};

/* the entries that a VM's configuration may have, and one for the network's router */
#define NET_EGRESS_MAX 17u

/* The destinations that a port may send to, if it is `listed`: frames to all others are dropped. */
struct net_egress_list {
	u32 listed; /* not 0: the list is in force, even if it is empty */
	u32 count;
	struct net_egress entry[NET_EGRESS_MAX];
};

/*
 * A port of a switch, written by the manager. `limit` and the fields after it may change while the
 * port is in use.
 */
struct net_port {
	u64 mac;   /* the port's MAC address in the low six bytes, its first byte lowest */
	u32 flags; /* enum net_port_flag */
	/*
	 * the only IPv4 address that the port may use as sender, also in ARP, in a frame's order of
	 * bytes; 0: any
	 */
	u32 address;
	/*
	 * 1 to 4094: the VLAN to which the port's frames without a tag belong; 0: the network
	 * without tags
	 */
	u16 vlan;
	u16 reserved[3];
	/*
	 * a number that the switch puts into this port's probes for loops, which no other port can
	 * guess
	 */
	u64 secret;
	struct net_egress_list egress;
	struct share_given limit; /* the port's limit of packets */
	/* not 0: the port is an uplink whose card has no link or no driver */
	u32 down;
	u32 reserved1;
};

/* The state of a switch's port. */
enum net_port_state {
	NET_PORT_OPEN,
	/* an uplink, one of several, that waits for a probe which would show a loop */
	NET_PORT_LISTENS,
	NET_PORT_LOOPED, /* the port forms a loop with another port, and is blocked */
	NET_PORT_DOWN,	 /* the port is an uplink whose card has no link */
	NET_PORT_STATE_COUNT
};
/*
 * lowest of the bits of `state` with the other port of a loop: the number of the port with which
 * this port forms a loop
 */
#define NET_PORT_WITH_SHIFT 8

/* Why a switch drops a frame from a port. */
enum net_drop {
	/* the frame's header (vmm/io/frames.h) contradicts itself, or the bytes are no frame */
	NET_DROP_BAD,
	NET_DROP_TOO_LONG, /* the frame exceeds the network's MTU */
	NET_DROP_SPOOFED,  /* the frame's source MAC or IPv4 address is not the port's */
	/*
	 * the frame has a tag that the port may not send, or lacks a tag that the port has to send
	 */
	NET_DROP_VLAN,
	/*
	 * the frame exceeds the port's limits of rate, or the limit of frames with several
	 * receivers
	 */
	NET_DROP_LIMIT,
	NET_DROP_FULL,	 /* the receiving port's client does not take frames as fast as they come */
	NET_DROP_NOBODY, /* the network has no port to which the frame may go */
	NET_DROP_EGRESS, /* the port's list of egress does not allow the frame */
	NET_DROP_COUNT
};

/* A switch's counts for each port. */
struct net_counts {
	/* number of frames that the switch has received from the port, dropped ones included */
	u64 received_frames;
	u64 received_bytes;
	u64 sent_frames; /* number of frames that the switch has sent to the port */
	u64 sent_bytes;
	/*
	 * number of frames received from the port and dropped, by enum net_drop; of NET_DROP_FULL,
	 * frames that were to be sent to the port
	 */
	u64 dropped[NET_DROP_COUNT];
};

/* A switch's report to the manager. */
struct switch_part {
	u32 addresses; /* number of addresses that the switch has learnt */
	/*
	 * The state of each port: enum net_port_state, and from bit NET_PORT_WITH_SHIFT on the
	 * number of the port with which this port forms a loop.
	 */
	u16 state[NET_PORT_MAX];
	struct net_counts counts[NET_PORT_MAX];
};

/* The report of a network card's driver to the manager. */
struct card_part {
	u64 mac; /* the card's own MAC address, in the format of net_port.mac */
	u32 link_up;
	u32 megabits; /* speed in Mbit/s; 0: unknown */
	u64 sent_frames;
	u64 received_frames;
	u64 errors;  /* number of frames that the card has received broken, or could not send */
	u64 dropped; /* number of received frames for which the link to the switch had no room */
};
