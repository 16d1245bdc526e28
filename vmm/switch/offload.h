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
#define IPV6_BYTES 40u

/*
 * NET_PASSED: the packet's own fields say it again, and it fits the MTU. To be asked after
 * vlan_enter.
 */
enum net_drop offload_check(struct packet *packet, const struct frame_header *header, u32 mtu);
