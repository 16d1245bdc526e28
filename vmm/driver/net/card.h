/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/driver/process.h"
#include "vmm/io/net.h"

/*
 * The interface between the common part of the card drivers (the link to the switch, whose client
 * the driver is, and the counters) and the part of one card, which defines `card_ops` only. Frames
 * are copied between the link and memory that only the driver and the card share.
 */

/* A network card; the driver's `start` fills in the fields. */
struct card {
	u64 mac; /* the card's address in the low bytes, with the frame's first byte lowest */
	char model[48];
	u32 mtu; /* the network's MTU, which the card has to support */
};

struct card_ops {
	/* Brings the card up. Returns false if the card cannot be used; `problem` then says why. */
	bool (*start)(struct card *card, char *problem, size_t size);
	/*
	 * Copies a frame to be sent, whose bytes the switch may still change, into the driver's own
	 * memory. Returns false if there is no room; the card then interrupts when there is.
	 */
	bool (*transmit)(const u8 *frame, u32 bytes);
	/* Makes the card send the frames added by `transmit`. */
	void (*flush)(void);
	/*
	 * Passes a bounded number of received frames to card_receive; with `look` also reports the
	 * state of the card and its link to card_link. Returns true if there may be more frames.
	 */
	bool (*poll)(bool look);
	/*
	 * Asks the card for an interrupt at the next received frame. Returns false if there are
	 * received frames already.
	 */
	bool (*may_wait)(void);
};

/* The operations of the driver that this program is linked with; each driver defines its own. */
extern const struct card_ops card_ops;

/* Passes a received frame to the switch; `flags` is 0 or FRAME_CHECKED. */
void card_receive(const u8 *frame, u32 bytes, u8 flags);
/* Counts a received frame that is broken. */
void card_count_error(void);
/*
 * Reports to the manager whether the card's link is up; `megabits` is its speed in Mbit/s, 0 if
 * unknown.
 */
void card_link(bool up, u32 megabits);

/* Returns the bytes of the longest frame of a network with that MTU, VLAN tag included. */
static inline u32 card_frame_bytes(u32 mtu)
{
	return mtu + FRAME_BYTES_MIN + FRAME_TAG_BYTES;
}

/* Shorter frames are padded with zeros before they are sent. */
#define CARD_BYTES_MIN 60u
