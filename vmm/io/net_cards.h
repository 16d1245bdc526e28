/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* What a monitor counts of its guest's network cards, and tells the manager when it is asked. */
#define NET_CARDS_MAX 8u /* of a machine */

/* Why a frame goes no further. */
enum net_loss {
	NET_LOSS_SHORT,	   /* from the guest: it has no whole header, or is no frame */
	NET_LOSS_LONG,	   /* from the guest: longer than FRAME_BYTES_MAX */
	NET_LOSS_HEADER,   /* from the guest: what its header asks for cannot be, or is not on offer
			    */
	NET_LOSS_NOBODY,   /* either way: the link is down, or the switch is not there */
	NET_LOSS_FILTERED, /* to the guest: it did not ask for it */
	NET_LOSS_REFUSED, /* to the guest: not as the guest said that it takes frames, or impossible
			   */
	NET_LOSS_BUFFERS, /* to the guest: longer than what it has offered for a frame */
	NET_LOSS_EARLY,	  /* to the guest: came before its driver was up */
	NET_LOSS_COUNT
};

struct virtio_net_counts {
	u64 sent_frames; /* by the guest */
	u64 sent_bytes;
	u64 received_frames;
	u64 received_bytes;
	u64 lost[NET_LOSS_COUNT];
};

/* The answer to QUERY_CARDS. */
struct net_cards {
	u32 count;
	u32 reserved;
	struct virtio_net_counts card[NET_CARDS_MAX];
};
