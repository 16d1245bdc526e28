/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* A monitor's counts for its guest's network cards, which the manager can ask for. */
#define NET_CARDS_MAX 8u /* the most network cards of a VM */

/* Why a monitor has dropped a frame from or to its guest. */
enum net_loss {
	/* from the guest: its buffer is too short for a frame's header, or for a frame behind it */
	NET_LOSS_SHORT,
	NET_LOSS_LONG, /* from the guest: the frame is longer than FRAME_BYTES_MAX */
	/*
	 * from the guest: the frame's header asks for something impossible, or for a feature that
	 * the card does not offer
	 */
	NET_LOSS_HEADER,
	NET_LOSS_NOBODY,   /* in either direction: the link is down, or no switch runs */
	NET_LOSS_FILTERED, /* to the guest: the guest's filters exclude such frames */
	/* to the guest: the driver has not agreed to take such frames, or the frame is malformed */
	NET_LOSS_REFUSED,
	/* to the guest: the frame is longer than the buffers that the guest offers */
	NET_LOSS_BUFFERS,
	NET_LOSS_EARLY, /* to the guest: the frame came before the guest's driver was up */
	NET_LOSS_COUNT
};

struct virtio_net_counts {
	u64 sent_frames; /* number of frames that the guest has sent */
	u64 sent_bytes;
	u64 received_frames;
	u64 received_bytes;
	u64 lost[NET_LOSS_COUNT];
};

/* The monitor's answer to QUERY_CARDS. */
struct net_cards {
	u32 count;
	u32 reserved;
	struct virtio_net_counts card[NET_CARDS_MAX];
};
