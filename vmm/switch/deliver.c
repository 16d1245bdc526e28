/* SPDX-License-Identifier: MIT */
/*
 * Puts a frame into the ring of a receiving port: with or without a VLAN tag, and with its checksum
 * filled in or cut into segments if the port's client cannot do that. Called through deliver.h by
 * forward.c, announce.c and loop.c; writes to the port's link and counters.
 */
#include "vmm/switch/deliver.h"

#include "vmm/io/checksum.h"
#include "vmm/switch/segment.h"

/*
 * Reserves room in the port's ring and copies the frame there. Returns the copy, NULL if there is
 * no room; *bytes is the frame's length, including the VLAN tag if it gets one.
 */
static inline u8 *deliver_put(struct port *to, const struct packet *packet, bool tagged, u32 *bytes)
{
	u32 head_bytes = packet->head_bytes;
	u8 *at;

	*bytes = packet->bytes + (tagged ? FRAME_TAG_BYTES : 0);
	at = frames_reserve(&to->end, *bytes);
	if (unlikely(at == NULL)) {
		to->counts->dropped[NET_DROP_FULL]++;
		return NULL;
	}
	if (unlikely(tagged))
		head_bytes = vlan_put_head(packet, packet->head, head_bytes, at);
	else
		memcpy(at, packet->head, head_bytes);
	if (packet->bytes != packet->head_bytes)
		memcpy(at + head_bytes, packet->rest, packet->bytes - packet->head_bytes);
	return at;
}

static inline void deliver_put_as_it_is(struct port *to, const struct packet *packet, bool tagged)
{
	struct frame_header header = {0};

	__builtin_memcpy(&header.flags, &packet->offer, sizeof(packet->offer));
	if (deliver_put(to, packet, tagged, &header.bytes) == NULL)
		return;
	if (tagged && (packet->offer.flags & FRAME_NEEDS_CHECKSUM) != 0)
		header.checksum_start += FRAME_TAG_BYTES;
	frames_add(&to->end, &header);
	deliver_count(to, header.bytes);
}

/*
 * Puts the frame into the port's ring and fills in its checksum (RFC 9293, 3.1): the sender has put
 * the pseudo header's sum into the field.
 */
static void deliver_put_completed(struct port *to, const struct packet *packet, bool tagged)
{
	struct frame_header header = {0};
	u32 start = packet->offer.checksum_start + (tagged ? FRAME_TAG_BYTES : 0);
	u8 *at = deliver_put(to, packet, tagged, &header.bytes);

	if (at == NULL)
		return;
	checksum_put(at + start + packet->offer.checksum_offset,
		     checksum_add(0, at + start, header.bytes - start));
	frames_add(&to->end, &header);
	deliver_count(to, header.bytes);
}

static u32 deliver_wishes_for(const struct packet *packet)
{
	return packet->offer.segments == FRAME_TCP4   ? NET_WISH_CHECKSUM | NET_WISH_TCP4
	       : packet->offer.segments == FRAME_TCP6 ? NET_WISH_CHECKSUM | NET_WISH_TCP6
						      : NET_WISH_CHECKSUM;
}

static void deliver_offered(struct port *to, const struct packet *packet, bool tagged)
{
	u32 needed = deliver_wishes_for(packet);

	if ((link_wish_of_peer(&to->end) & needed) == needed)
		deliver_put_as_it_is(to, packet, tagged);
	else if (packet->offer.segments != FRAME_WHOLE)
		segment_deliver(to, packet, tagged);
	else
		deliver_put_completed(to, packet, tagged);
}

void deliver_any(struct port *to, const struct packet *packet)
{
	if (unlikely((packet->offer.flags & FRAME_NEEDS_CHECKSUM) != 0))
		deliver_offered(to, packet, vlan_is_tagged(to, packet));
	else
		deliver_put_as_it_is(to, packet, vlan_is_tagged(to, packet));
}

void deliver_copy(struct port *to, const struct packet *packet)
{
	deliver_put_as_it_is(to, packet, packet->vlan != 0);
}
