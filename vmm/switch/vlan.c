/* SPDX-License-Identifier: MIT */
/*
 * VLAN tags (802.1Q): takes a tag from a received frame and writes one to a sent frame. Called by
 * deliver.c and segment.c, and by forward.c through vlan.h; touches only the frame's copied head.
 */
#include "vmm/switch/vlan.h"

#include "vmm/io/bytes.h"

/* A VLAN tag lies behind a frame's two addresses and before its type (802.1Q, 9.3 and 9.6). */
#define TAG_AT	    ETHER_TYPE_AT
#define VID_MASK    0xfffu
#define VID_NONE    0u /* a priority only */
#define VID_INVALID 0xfffu

/* Removes the VLAN tag from the copied head: moves the addresses before it up, over the tag. */
static void vlan_take_out(struct packet *packet)
{
	u8 addresses[TAG_AT];

	memcpy(addresses, packet->head, sizeof(addresses));
	packet->head += FRAME_TAG_BYTES;
	packet->head_bytes -= FRAME_TAG_BYTES;
	packet->bytes -= FRAME_TAG_BYTES;
	memcpy(packet->head, addresses, sizeof(addresses));
}

bool vlan_enter_tagged(struct packet *packet)
{
	const u8 *tag = packet->head + TAG_AT;
	u16 word;
	u16 inner;

	if (packet->type != ETHER_TAG || packet->bytes < FRAME_BYTES_MIN + FRAME_TAG_BYTES)
		return false;
	word = bytes_get16(tag + 2);
	inner = bytes_get16(tag + FRAME_TAG_BYTES);
	/*
	 * a tag with a priority alone, and a frame without a tag, belong to the port's own VLAN
	 * (802.1Q, 6.9.1)
	 */
	if (!packet->from->carries_all && (word & VID_MASK) != VID_NONE)
		return false;
	/*
	 * a second tag is refused: a receiver that removes the first would take the second for the
	 * frame's VLAN
	 */
	if ((word & VID_MASK) == VID_INVALID || vlan_is_tag(inner))
		return false;
	vlan_take_out(packet);
	packet->type = inner;
	/*
	 * Only a trunk or an uplink sets the priority: a guest does not choose what goes first on a
	 * wire.
	 */
	packet->priority = packet->from->carries_all ? (u16)(word & ~VID_MASK) : 0;
	if ((word & VID_MASK) != VID_NONE)
		packet->vlan = word & VID_MASK;
	return true;
}

u32 vlan_put_head(const struct packet *packet, const u8 *head, u32 bytes, u8 *to)
{
	memcpy(to, head, TAG_AT);
	bytes_put16(to + TAG_AT, ETHER_TAG);
	bytes_put16(to + TAG_AT + 2, packet->priority | packet->vlan);
	memcpy(to + TAG_AT + FRAME_TAG_BYTES, head + TAG_AT, bytes - TAG_AT);
	return bytes + FRAME_TAG_BYTES;
}
