/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/switch/packet.h"

/*
 * VLANs (802.1Q). Inside the switch a frame has no tag and belongs to a VLAN. A port that is
 * neither trunk nor uplink sends and receives untagged frames of its VLAN; it may also send
 * priority-tagged frames.
 */

/*
 * Removes the frame's VLAN tag and takes its VLAN over. Returns false if the sending port may not
 * send that tag.
 */
bool vlan_enter_tagged(struct packet *packet) MUST_CHECK;

static inline bool vlan_is_tag(u16 type)
{
	return type == ETHER_TAG || type == ETHER_TAG_SERVICE || type == ETHER_TAG_OLD;
}

/* Finds the frame's VLAN. Returns false if the sending port may not send the frame's tag. */
static inline bool vlan_enter(struct packet *packet)
{
	packet->vlan = packet->from->vlan;
	packet->priority = 0;
	return likely(!vlan_is_tag(packet->type)) || vlan_enter_tagged(packet);
}

/*
 * Returns whether the frame gets a tag on its way out by that port, which carries the frame's VLAN.
 */
static inline bool vlan_is_tagged(const struct port *to, const struct packet *packet)
{
	return packet->vlan != to->vlan;
}

/*
 * Writes the first `bytes` of the frame, all in its head, to `to`, with a VLAN tag. Returns the
 * number of bytes written.
 */
u32 vlan_put_head(const struct packet *packet, const u8 *head, u32 bytes, u8 *to);
