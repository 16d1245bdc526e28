/* SPDX-License-Identifier: MIT */
#pragma once

/* A VM's network cards: their state, and their link to a switch. */
#include "vmm/io/net.h"
#include "vmm/io/net_cards.h"
#include "vmm/monitor/virtio/virtio.h"
#include "vmm/monitor/virtio/virtio_net_dhcp.h"

struct platform_config;

#define VIRTIO_NET_MAX	      NET_CARDS_MAX
#define VIRTIO_NET_PAIRS      4u /* the most pairs of queues, one to receive and one to send */
#define VIRTIO_NET_QUEUE_SIZE 256u
/*
 * the most addresses of each kind (unicast, multicast) that the guest may name; with more, all
 * frames of that kind pass
 */
#define VIRTIO_NET_ADDRESSES 64u
#define VIRTIO_NET_VLANS     4096u
#define VIRTIO_NET_FLOWS     256u

/*
 * The frames that the guest has asked for besides those to its own address: a bit for each command
 * of virtio 1.2, 5.1.6.5.1.
 */
enum net_mode {
	NET_MODE_PROMISCUOUS = 1 << 0,
	NET_MODE_ALL_MULTICAST = 1 << 1,
	NET_MODE_ALL_UNICAST = 1 << 2,
	NET_MODE_NO_MULTICAST = 1 << 3,
	NET_MODE_NO_UNICAST = 1 << 4,
	NET_MODE_NO_BROADCAST = 1 << 5,
	NET_MODE_END = 1 << 6
};

/* A table of MAC addresses, each as a number that has the frame's bytes in its low bytes. */
struct net_addresses {
	/*
	 * the number of addresses; VIRTIO_NET_ADDRESSES + 1: there were too many, and all addresses
	 * match
	 */
	u32 count;
	u32 reserved;
	u64 mac[VIRTIO_NET_ADDRESSES];
};

struct virtio_net_state {
	struct virtio_state virtio;
	u64 mac;     /* the card's address, which the guest may change */
	u64 own_mac; /* the card's address when the guest's driver was started */
	u32 mtu;     /* the network's MTU in bytes, as the guest knows it */
	u8 link_up;
	/* 1: the guest was asked to announce its address, and has not confirmed it yet */
	u8 announce;
	u8 mode;  /* enum net_mode */
	u8 pairs; /* the number of queue pairs that the guest has asked for */
	struct net_addresses unicast;
	struct net_addresses multicast;
	u64 vlan[VIRTIO_NET_VLANS / 64]; /* a bit for each VLAN from which the guest wants frames */
};

/* A network card (virtio 1.2, 5.1), whose wire is a port of a switch at the other end of a link. */
struct virtio_net {
	struct virtio_device virtio;
	struct virtio_net_state state;
	struct link_end end;
	void (*ring)(void *context); /* signals the switch at the other end of the link */
	void *context;
	u32 number; /* the card's number among those of the VM */
	u32 pairs;  /* the number of the card's queue pairs */
	u32 full; /* a bit for each queue pair whose frames to be sent wait for room in the link */
	u32 turn; /* the queue pair from which frames are taken first */
	bool up;  /* the device has seen that the guest's driver is up */
	/*
	 * the guest's driver knows another address than the card has: the card's link is down until
	 * that driver is started anew
	 */
	bool cut;
	/* frames wait for the guest's buffers: the guest is to notify the device of new ones */
	bool hungry;
	bool quiet; /* the switch was asked to signal, and has not signalled since */
	/* for each flow, the queue pair on which the guest last sent a frame of it */
	u8 flow[VIRTIO_NET_FLOWS];
	struct net_lease lease; /* the values that DHCP gives the guest */
	u32 answer_bytes;	/* the length of the answer that waits for a buffer; 0: none does */
	u8 answer[NET_DHCP_ANSWER_BYTES];
	struct virtio_net_counts counts;
	struct virtio_chain chain; /* the guest's chain (request) that is being worked on */
	struct virtio_chain more;
};

/*
 * Opens the card's link to the switch. `memory` has FRAMES_LINK_BYTES bytes; `ring` signals the
 * switch. Call it before virtio_net_attach.
 */
void virtio_net_open(struct virtio_net *net, struct link_memory *memory,
		     void (*ring)(void *context), void *context);
/* Attaches the VM's cards: config->net has config->net_count of them, open and numbered. */
enum status virtio_net_attach(struct platform *platform,
			      const struct platform_config *config) MUST_CHECK;
/*
 * Looks at the link to the switch for frames, room, a new switch process, or another state of the
 * card's wire.
 */
void virtio_net_poll_link(struct virtio_net *net);
