/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/switch/packet.h"

/*
 * What a sender asks for with its frame: a checksum to be filled in, or segmentation. The request
 * is checked here, since it may be passed on to a receiver that carries it out itself.
 */
/* least bytes of TCP data in a segment, which bounds the number of segments */
#define OFFLOAD_SEGMENT_MIN 64u

#define IP_AT	       14u /* offset of the IP header in a frame without a VLAN tag */
#define IPV4_BYTES_MIN 20u

/*
 * Checks what the frame's header asks for. On NET_PASSED packet->offer, which was empty, holds a
 * copy of that.
 */
enum net_drop offload_accept(struct packet *packet, const struct frame_header *header, u32 mtu);

/*
 * Checks any frame's request for a checksum or segments, and its length against the MTU; call it
 * after vlan_enter.
 */
static inline enum net_drop offload_check(struct packet *packet, const struct frame_header *header,
					  u32 mtu)
{
	packet->offer = (struct packet_offer){0};
	if (unlikely((header->flags | header->segments) != 0)) {
		enum net_drop reason = offload_accept(packet, header, mtu);

		if (reason != NET_PASSED)
			return reason;
	}
	if (unlikely(packet->bytes > mtu + IP_AT) && packet->offer.segments == FRAME_WHOLE)
		return NET_DROP_TOO_LONG;
	return NET_PASSED;
}
