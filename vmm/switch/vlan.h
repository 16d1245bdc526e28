/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/switch/packet.h"

/*
 * VLANs (802.1Q). Inside the switch a frame has no tag and belongs to a VLAN. A port that is
 * neither trunk nor uplink sends and gets frames of its VLAN without tags; it may send those that
 * have a priority and no VLAN.
 */

/* Takes the tag out. False: it is one that the port may not send. */
bool vlan_enter_tagged(struct packet *packet) MUST_CHECK;

static inline bool vlan_is_tag(u16 type)
{
	return type == ETHER_TAG || type == ETHER_TAG_SERVICE || type == ETHER_TAG_OLD;
}

/* Says which VLAN the frame belongs to. False: it has a tag that the port may not send. */
static inline bool vlan_enter(struct packet *packet)
{
	packet->vlan = packet->from->vlan;
	packet->priority = 0;
	return likely(!vlan_is_tag(packet->type)) || vlan_enter_tagged(packet);
}

/* Whether the frame gets a tag on its way out by that port, one that carries its VLAN. */
static inline bool vlan_is_tagged(const struct port *to, const struct packet *packet)
{
	return packet->vlan != to->vlan;
}

/* Writes the first `bytes` of the frame, all of them in its head, with a tag. Returns how many. */
u32 vlan_put_head(const struct packet *packet, const u8 *head, u32 bytes, u8 *to);
