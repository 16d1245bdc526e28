/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Definitions shared by the files of the network card: numbers of virtio 1.2, and the functions
 * that they call in each other.
 */
#include "vmm/monitor/virtio/virtio_net.h"

/* The card's feature bits (virtio 1.2, 5.1.3). */
enum net_feature {
	NET_F_CSUM = 0,
	NET_F_GUEST_CSUM = 1,
	NET_F_MTU = 3,
	NET_F_MAC = 5,
	NET_F_GUEST_TSO4 = 7,
	NET_F_GUEST_TSO6 = 8,
	NET_F_HOST_TSO4 = 11,
	NET_F_HOST_TSO6 = 12,
	NET_F_MRG_RXBUF = 15,
	NET_F_STATUS = 16,
	NET_F_CTRL_VQ = 17,
	NET_F_CTRL_RX = 18,
	NET_F_CTRL_VLAN = 19,
	NET_F_CTRL_RX_EXTRA = 20,
	NET_F_GUEST_ANNOUNCE = 21,
	NET_F_MQ = 22,
	NET_F_CTRL_MAC_ADDR = 23,
};

/* The flags in the header before each frame in the guest's buffers (virtio 1.2, 5.1.6). */
enum net_header_flag { NET_HEADER_NEEDS_CHECKSUM = 1, NET_HEADER_CHECKED = 2 };
enum net_segmentation { NET_GSO_NONE = 0, NET_GSO_TCP4 = 1, NET_GSO_TCP6 = 4 };

struct net_header {
	u8 flags;
	u8 segmentation; /* enum net_segmentation */
	u16 header_bytes;
	u16 segment_bytes;
	u16 checksum_start;
	u16 checksum_offset;
	u16 buffer_count;
};
_Static_assert(sizeof(struct net_header) == 12, "5.1.6");

/*
 * Returns whether frames' headers have the field buffer_count: drivers from before virtio 1.0 know
 * none, unless they merge buffers (virtio 1.2, 5.1.6.1).
 */
static inline bool net_header_is_whole(const struct virtio_net *net)
{
	return virtio_has(&net->virtio, VIRTIO_F_VERSION_1) ||
	       virtio_has(&net->virtio, NET_F_MRG_RXBUF);
}

static inline u32 net_header_size(const struct virtio_net *net)
{
	return net_header_is_whole(net) ? (u32)sizeof(struct net_header)
					: (u32)offsetof(struct net_header, buffer_count);
}

/* Offsets in an Ethernet frame and, if its type is that of a tag, in its IEEE 802.1Q tag. */
#define NET_TYPE_AT	  12u
#define NET_TYPE_VLAN	  0x8100u
#define NET_MAC_MASK	  0xffffffffffffull
#define NET_MAC_MULTICAST 1ull /* the bit of the first byte that marks a multicast address */

/* Return the numbers of a queue pair's queues (virtio 1.2, 5.1.2). */
static inline u32 net_receive_queue(u32 pair)
{
	return 2 * pair;
}

static inline u32 net_send_queue(u32 pair)
{
	return 2 * pair + 1;
}

/*
 * Returns the number of the control queue, which follows the queue pairs that the guest knows of.
 */
static inline u32 net_control_queue(const struct virtio_net *net)
{
	return virtio_has(&net->virtio, NET_F_MQ) ? 2 * net->pairs : 2;
}

/* Returns how many queue pairs the guest uses. */
static inline u32 net_pairs(const struct virtio_net *net)
{
	return MIN(net->state.pairs, net->pairs);
}

/*
 * Returns whether frames can pass: the card's wire is up, and a switch is at the other end of the
 * link, or will be.
 */
static inline bool net_is_connected(const struct virtio_net *net)
{
	return net->state.link_up != 0 && net->end.generation != 0 && !net->end.broken;
}

/*
 * Shows the switch the card's progress in writing to the link and reading from it, and signals it
 * if it waits.
 */
void net_publish(struct virtio_net *net);

/* Sends the frames that the guest has put into a queue pair, as far as the link has room. */
void net_send(struct virtio_net *net, u32 pair);
/* Sends the guest's frames that have waited for room in the link. */
void net_send_waiting(struct virtio_net *net);

/* Gives the guest the card's own answer to DHCP or ARP, if there is one and the guest has buffers.
 */
void net_answer(struct virtio_net *net);
/* Gives the guest the frames that the switch has, as far as the guest has buffers. */
void net_receive(struct virtio_net *net);
/* Drops the switch's frames that have come while the guest could not take them. */
void net_discard(struct virtio_net *net);
/*
 * Returns whether the guest wants to have a frame, by its destination address and VLAN (virtio 1.2,
 * 5.1.6.5.1 to 5.1.6.5.3).
 */
bool net_is_wanted(const struct virtio_net *net, const u8 *frame, u32 bytes);

/* Handles the commands in the control queue. */
void net_control(struct virtio_net *net);
/*
 * Sets the control queue's settings to their values after a reset: the card's own address, all
 * frames pass, one queue pair.
 */
void net_control_reset(struct virtio_net *net);
bool net_control_valid(const struct virtio_net_state *state);

/* Returns the number of a frame's flow, which is the same for both of its directions. */
u32 net_flow_of(const u8 *frame, u32 bytes);
