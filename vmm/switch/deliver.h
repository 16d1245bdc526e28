/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/switch/vlan.h"

/* The same as deliver, whatever there is to be done. */
void deliver_any(struct port *to, const struct packet *packet);
/* The same for a mirror, which takes everything and is told the VLAN by a tag. */
void deliver_copy(struct port *to, const struct packet *packet);

/* Counts one frame that was added to the port's ring. */
static ALWAYS_INLINE void deliver_count(struct port *to, u32 bytes)
{
	to->counts->sent_frames++;
	to->counts->sent_bytes += bytes;
	port_sets.changed |= BIT(to->index);
}

/*
 * Into the ring of a port's client: as it is, or with what the client cannot do done before. A ring
 * without room costs the frame, at that port. port_publish shows it to the client.
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
