/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/driver/process.h"
#include "vmm/io/net.h"

/*
 * What all drivers of network cards have in common: the link to the switch, of which the driver is
 * the client, and counting. A driver adds only `card_ops`. Frames are copied between the link and
 * memory that the driver alone shares with the card.
 */

/* What the card is, filled in by start. */
struct card {
	u64 mac; /* in its low bytes, the frame's first byte lowest */
	char model[48];
	u32 mtu; /* of the network: what the card has to be able to */
};

struct card_ops {
	/* Brings the card up. False: `problem` says why it cannot be used. */
	bool (*start)(struct card *card, char *problem, size_t size);
	/*
	 * Copies a frame, of which the switch may still change the bytes, into its own memory.
	 * False: no room now, and the card interrupts when there is.
	 */
	bool (*transmit)(const u8 *frame, u32 bytes);
	/* Has the card send what was added. */
	void (*flush)(void);
	/*
	 * Looks for frames (card_receive), a bounded number; with `look` also what state the card
	 * and its link are in (card_link). True: there may be more frames.
	 */
	bool (*poll)(bool look);
	/* Whether there is nothing new; the card interrupts from now on when there is. */
	bool (*may_wait)(void);
};

/* Each driver's own. */
extern const struct card_ops card_ops;

/* Received; `flags` is 0 or FRAME_CHECKED. */
void card_receive(const u8 *frame, u32 bytes, u8 flags);
/* A frame that was received broken. */
void card_count_error(void);
/* The state of its link; `megabits` a second, 0: unknown. */
void card_link(bool up, u32 megabits);

/* The longest frame of a network with that MTU, VLAN tag included. */
static inline u32 card_frame_bytes(u32 mtu)
{
	return mtu + FRAME_BYTES_MIN + FRAME_TAG_BYTES;
}

/* Shorter ones are filled up with zeros. */
#define CARD_BYTES_MIN 60u
