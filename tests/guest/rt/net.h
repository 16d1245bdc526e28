/* SPDX-License-Identifier: MIT */
#pragma once

#include "tests/guest/rt/virtio.h"

/* A driver for virtio-net (virtio 1.2, 5.1); nothing of it is shared with the monitor. */
#define NET_TYPE	 1u
#define NET_PAIRS	 4u
#define NET_QUEUES	 (2 * NET_PAIRS + 1)
#define NET_BUFFERS	 8u /* the buffers that the device has of each receive queue in use */
#define NET_BUFFER_BYTES 10240u
#define NET_MAC		 6u
#define NET_ANSWER_US	 5000000u
#define NET_QUIET_US	 200000u
#define NET_NO_VECTOR	 0xffffu

/* Feature bits of a card: virtio 1.2, 5.1.3 */
#define NET_CSUM       (1ull << 0)
#define NET_GUEST_CSUM (1ull << 1)
#define NET_MTU	       (1ull << 3)
#define NET_F_MAC      (1ull << 5)
#define NET_GUEST_TSO4 (1ull << 7)
#define NET_GUEST_TSO6 (1ull << 8)
#define NET_HOST_TSO4  (1ull << 11)
#define NET_HOST_TSO6  (1ull << 12)
#define NET_MRG_RXBUF  (1ull << 15)
#define NET_STATUS     (1ull << 16)
#define NET_CTRL_VQ    (1ull << 17)
#define NET_CTRL_RX    (1ull << 18)
#define NET_CTRL_VLAN  (1ull << 19)
#define NET_ANNOUNCE   (1ull << 21)
#define NET_MQ	       (1ull << 22)
#define NET_CTRL_MAC   (1ull << 23)

/* Offsets in a card's configuration: virtio 1.2, 5.1.4 */
enum net_config { NET_AT_MAC = 0, NET_AT_STATUS = 6, NET_AT_PAIRS = 8, NET_AT_MTU = 10 };

/* Classes of control commands: virtio 1.2, 5.1.6.5 */
enum net_class { NET_RECEIVE = 0, NET_ADDRESS = 1, NET_VLAN = 2, NET_PAIRS_SET = 4 };

struct net_header {
	u8 flags;
	u8 gso;
	u16 header_bytes;
	u16 segment_bytes;
	u16 checksum_start;
	u16 checksum_offset;
	u16 buffers;
};

struct net {
	struct virtio virtio;
	u64 features; /* the features that were negotiated */
	u32 pairs;    /* the pairs of queues that are set up */
	u32 buffer_bytes;
	u8 mac[NET_MAC];
	struct virtq queue[NET_QUEUES];
	u16 seen[NET_QUEUES];
	u8 buffer[NET_PAIRS][NET_BUFFERS][NET_BUFFER_BYTES] ALIGNED(16);
	u8 send[sizeof(struct net_header) + 65550] ALIGNED(16);
	u8 command[16];
	volatile u8 answer;
};

/* The card of that number, counted from 0. False: there is none. */
bool net_find(struct net *net, u32 number);
/*
 * Brings the card up, with buffers of `buffer_bytes` bytes to receive; the queues interrupt by this
 * MSI-X vector.
 */
bool net_begin(struct net *net, u64 features, u32 buffer_bytes, u16 vector);
/* Sends a frame by a pair; `header` may be NULL. False: the device does not take it. */
bool net_send(struct net *net, u32 pair, const struct net_header *header, const u8 *frame,
	      u32 bytes);
/*
 * The next frame of a pair, copied to `frame` without its header: its length, or 0 when none has
 * come for so long.
 */
u32 net_receive(struct net *net, u32 pair, struct net_header *header, u8 *frame, u32 limit_us);
/* Returns the answer: 0 when the device has obeyed. */
u8 net_command(struct net *net, u8 class, u8 number, const void *data, u32 bytes);
