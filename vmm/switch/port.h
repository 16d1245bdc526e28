/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/bits.h"
#include "vmm/io/driver_channel.h"
#include "vmm/io/net.h"

/*
 * A port: the switch's end of a link, and what the manager has said of the client at the other end.
 */
struct port {
	struct link_end end;
	u32 index;
	u32 flags; /* enum net_port_flag */
	u16 vlan;
	/*
	 * the port is a trunk or an uplink: it carries frames of all VLANs, with tags but for its
	 * own VLAN
	 */
	bool carries_all;
	u8 state; /* enum net_port_state */
	/* number of the port with which this port forms a loop, in the state NET_PORT_LOOPED */
	u8 with;
	/*
	 * the one source MAC address of the port's frames that needs no further check; PORT_NO_MAC:
	 * there is none
	 */
	u64 only_mac;
	/* the port's IPv4 address in a frame's order of bytes; 0: the manager has given it none */
	u32 address;
	/* the port has an address, or is on a network whose addresses the manager assigns */
	bool ruled;
	bool listed; /* `egress` is a list; the manager gives one only to a port with an address */
	/*
	 * in the states NET_PORT_LISTENS and NET_PORT_LOOPED: the TSC at which the port opens,
	 * unless a probe comes
	 */
	u64 until;
	u16 *shown; /* the word in which the manager reads the port's state */
	struct net_counts *counts;
	struct share share;
	struct bucket floods; /* the port's allowance for frames with more than one receiver */
	/* the manager's entry for the client; its number is 0 if there is no client */
	struct driver_client given;
	struct net_egress_list egress; /* what the port may send to, if it is `listed` */
};
#define PORT_NO_MAC (~0ull)

/* Sets of the switch's ports, one bit for each port. */
struct port_sets {
	u64 there;
	u64 active;    /* ports whose clients may have sent frames that the switch has not read */
	u64 throttled; /* ports over their limit, which are not read before share.ready_at */
	/* ports whose clients have yet to be shown what was written to or read from their links */
	u64 changed;
	u64 mirrors;
	/* trunk ports with a MAC address of their own, which is valid in all VLANs */
	u64 trunks;
	u64 addressed; /* ports with an IPv4 address that is theirs alone */
	u64 holders;   /* ports behind which there may be any MAC address */
	/* uplinks that have opened and through which announce_all has yet to announce addresses */
	u64 announce;
};

extern struct port ports[NET_PORT_MAX];
extern struct port_sets port_sets;

/*
 * Sets up the table of ports; called once, before all other functions of this file. Signals of port
 * n arrive in the queue with key first_key + n.
 */
void port_init(struct driver_channel *channel, handle_t queue, u64 first_key);
/*
 * Carries out the manager's commands: ports are attached, detached, and get other limits. Answers
 * that the switch is alive.
 */
void port_take_commands(void);
/*
 * Shows the clients of changed ports what was written and read, and signals the clients that wait
 * for it.
 */
void port_publish(void);
/*
 * Restarts a port if its link has a new generation (its client was started anew). Call it before
 * reading a port.
 */
void port_renew(struct port *port);
/* Marks as active the ports whose clients have sent frames but have not signalled yet. */
void port_look(void);

static inline bool port_carries(const struct port *port, u16 vlan)
{
	return port->vlan == vlan || (port->carries_all && vlan != 0);
}

/* Signals the manager to read struct switch_part; main.c or a test defines the function. */
void switch_tell_manager(void);
/* Ends the switch's process with this text as the reason. */
NORETURN void switch_give_up(const char *pattern, ...) PRINTF_LIKE(1, 2);
