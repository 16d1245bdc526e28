/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/string.h"
#include "vmm/switch/port.h"

/*
 * The bytes of a frame's head that the switch copies. All decisions use this copy; the rest of the
 * frame lies in the sender's ring, where the sender may still write to it.
 */
#define PACKET_HEAD_BYTES 192u
/* The switch's verdict on a frame that it does not drop; the others are enum net_drop. */
#define NET_PASSED NET_DROP_COUNT

enum ether_type {
	/* a number below this one is a length, and LLC follows (802.3, 3.2.6) */
	ETHER_TYPE_LEAST = 0x0600,
	ETHER_IPV4 = 0x0800,
	ETHER_ARP = 0x0806,
	ETHER_IPV6 = 0x86dd,
	ETHER_TAG = 0x8100,	    /* 802.1Q */
	ETHER_TAG_SERVICE = 0x88a8, /* the tag of a provider's VLAN (802.1ad) */
	ETHER_TAG_OLD = 0x9100,	    /* the type of a provider's VLAN tag before 802.1ad */
};
/* offset of the type in a frame, or of the VLAN tag if the frame has one */
#define ETHER_TYPE_AT 12u

/*
 * The offload (checksum, segments) that is still to be done on a frame, in the form of
 * frame_header; it was checked, and its offsets are those of the frame without a tag.
 */
struct packet_offer {
	u8 flags;    /* enum frame_flag */
	u8 segments; /* enum frame_segments */
	u16 segment_bytes;
	u16 checksum_start;
	u16 checksum_offset;
};
_Static_assert(sizeof(struct packet_offer) == offsetof(struct frame_header, reserved) -
						      offsetof(struct frame_header, flags),
	       "copied as one");

/* A frame without its VLAN tag; what the tag said is in `vlan` and `priority`. */
struct packet {
	struct port *from;
	u8 *head;
	u32 head_bytes;
	u32 bytes;	/* the length of the whole frame, without its VLAN tag */
	const u8 *rest; /* bytes - head_bytes */
	u16 type;	/* the frame's Ethernet type: an enum ether_type, or any other */
	u16 vlan;	/* number of the VLAN; 0: the network without tags */
	u16 priority;	/* the VLAN tag's upper four bits (priority), at bits 15:12 as in the tag */
	struct packet_offer offer;
	/* if the frame is to be cut into segments: the bytes before TCP's data */
	u32 headers_bytes;
	ALIGNED(16) u8 buffer[PACKET_HEAD_BYTES];
};

/* Copies part of the untagged frame; bytes within the head come from the copy that was checked. */
static inline void packet_copy(const struct packet *packet, u8 *to, u32 at, u32 bytes)
{
	u32 first = at < packet->head_bytes ? MIN(bytes, packet->head_bytes - at) : 0;

	memcpy(to, packet->head + at, first);
	if (bytes > first)
		memcpy(to + first, packet->rest + (at + first - packet->head_bytes), bytes - first);
}

/* Returns into how many frames the packet is cut before it goes to a wire; 1: it is not cut. */
static inline u32 packet_segments(const struct packet *packet)
{
	if (packet->offer.segments == FRAME_WHOLE)
		return 1;
	return (packet->bytes - packet->headers_bytes + packet->offer.segment_bytes - 1) /
	       packet->offer.segment_bytes;
}
