/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/switch/packet.h"

/*
 * What a sender says of its frame: that a checksum is still to be put in, or that it is to be cut
 * into segments. A receiver that can do that itself is told so, hence it is checked first.
 */
#define OFFLOAD_SEGMENT_MIN 64u /* bytes of TCP data: so many segments a frame, at most */

#define IP_AT	   14u /* without a tag */
#define IPV4_BYTES_MIN 20u

/* NET_PASSED: packet->offer, which is empty before, says it again. */
enum net_drop offload_accept(struct packet *packet, const struct frame_header *header, u32 mtu);

/* The same for any frame, which has to fit the MTU besides. To be asked after vlan_enter. */
static inline enum net_drop offload_check(struct packet *packet,
					  const struct frame_header *header, u32 mtu)
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
