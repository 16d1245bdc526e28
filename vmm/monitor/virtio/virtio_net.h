/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/io/net.h"
#include "vmm/io/net_cards.h"
#include "vmm/monitor/virtio/virtio.h"

struct platform_config;

#define VIRTIO_NET_MAX	      NET_CARDS_MAX
#define VIRTIO_NET_PAIRS      4u /* of queues: one to receive, one to send */
#define VIRTIO_NET_QUEUE_SIZE 256u
#define VIRTIO_NET_ADDRESSES                                                                       \
	64u /* of each kind that the guest may name; more: all of that kind                        \
	     */
#define VIRTIO_NET_VLANS 4096u
#define VIRTIO_NET_FLOWS 256u

/* What the guest has asked to get besides its own address: bits by the commands of 5.1.6.5.1. */
enum net_mode {
	NET_MODE_PROMISCUOUS = 1 << 0,
	NET_MODE_ALL_MULTICAST = 1 << 1,
	NET_MODE_ALL_UNICAST = 1 << 2,
	NET_MODE_NO_MULTICAST = 1 << 3,
	NET_MODE_NO_UNICAST = 1 << 4,
	NET_MODE_NO_BROADCAST = 1 << 5,
	NET_MODE_END = 1 << 6
};

/* As in struct net_about: a MAC is a number whose low bytes are those of a frame. */
struct net_addresses {
	u32 count; /* VIRTIO_NET_ADDRESSES + 1: there were too many, and all match */
	u32 reserved;
	u64 mac[VIRTIO_NET_ADDRESSES];
};

struct virtio_net_state {
	struct virtio_state virtio;
	u64 mac;     /* the guest may change it */
	u64 own_mac; /* that the card had when the driver began */
	u32 mtu;     /* as the guest was told; likewise the next one */
	u8 link_up;
	u8 announce; /* the guest was asked to, and has not said yet that it has */
	u8 mode;     /* enum net_mode */
	u8 pairs;    /* that the guest has asked for */
	struct net_addresses unicast;
	struct net_addresses multicast;
	u64 vlan[VIRTIO_NET_VLANS / 64]; /* a bit for each VLAN that it wants to get */
};

/* A network card (virtio 1.2, 5.1), whose wire is a port of a switch at the other end of a link. */
struct virtio_net {
	struct virtio_device virtio;
	struct virtio_net_state state;
	struct link_end end;
	void (*ring)(void *context); /* signals the switch */
	void *context;
	u32 number;  /* of the machine's card */
	u32 pairs;   /* that there are */
	u32 full;    /* pairs whose frames wait for room in the link, a bit each */
	u32 turn;    /* of these, which is looked at first */
	bool up;     /* the driver has been seen to be */
	bool cut;    /* the driver knows another address: no link until it begins anew */
	bool hungry; /* frames wait for the guest's buffers; it notifies the device of new ones */
	bool quiet;  /* the switch was asked to signal, and nothing came since */
	u8 flow[VIRTIO_NET_FLOWS]; /* the pair that last sent on it */
	struct virtio_net_counts counts;
	struct virtio_chain chain; /* that is being worked on */
	struct virtio_chain more;
};

/* `memory` has FRAMES_LINK_BYTES; `ring` signals the switch. Before virtio_net_attach. */
void virtio_net_open(struct virtio_net *net, struct link_memory *memory,
		     void (*ring)(void *context), void *context);
/* The machine's cards: config->net has config->net_count of them, open and numbered. */
enum status virtio_net_attach(struct platform *platform,
			      const struct platform_config *config) MUST_CHECK;
/* Looks at the link: frames, room, another switch, the wire's state. */
void virtio_net_poll_link(struct virtio_net *net);
