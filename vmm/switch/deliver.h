/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/switch/vlan.h"

/* Delivers a frame as deliver does, for all cases that its inline path leaves out. */
void deliver_any(struct port *to, const struct packet *packet);
/*
 * Delivers a copy of a frame to a mirror port, which takes every frame and learns its VLAN from a
 * tag.
 */
void deliver_copy(struct port *to, const struct packet *packet);

/* Counts one frame of `bytes` added to the port's ring. */
static ALWAYS_INLINE void deliver_count(struct port *to, u32 bytes)
{
	to->counts->sent_frames++;
	to->counts->sent_bytes += bytes;
	port_sets.changed |= BIT(to->index);
}

/*
 * Puts a frame into the ring of a port's client; first fills in the frame's checksum or cuts it
 * into segments if the client cannot do that. If the ring has no room, the frame is lost at that
 * port. port_publish shows new frames to the client.
 */
static ALWAYS_INLINE void deliver(struct port *to, const struct packet *packet)
{
	struct frame_header header = {.bytes = packet->bytes, .flags = packet->offer.flags};
	u8 *at = NULL;

	if (likely((packet->offer.flags & FRAME_NEEDS_CHECKSUM) == 0 &&
		   !vlan_is_tagged(to, packet)))
		at = frames_reserve(&to->end, header.bytes);
	if (unlikely(at == NULL)) {
		deliver_any(to, packet);
		return;
	}
	memcpy(at, packet->head, packet->head_bytes);
	if (packet->bytes != packet->head_bytes)
		memcpy(at + packet->head_bytes, packet->rest, packet->bytes - packet->head_bytes);
	frames_add(&to->end, &header);
	deliver_count(to, header.bytes);
}
