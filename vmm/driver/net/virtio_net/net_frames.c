/* SPDX-License-Identifier: MIT */
/*
 * Moves frames through the card's queues: virtio 1.2, 5.1.6. Called by main.c for `card_ops`;
 * owns the slots and reaches the card by its queues.
 */
#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/driver/net/virtio_net/net.h"

/* Returns the offset of a buffer of the slot in the driver's memory. */
static u64 vnet_piece_at(const struct vnet *vnet, u32 queue, u32 slot, u32 piece)
{
	u32 before = queue == VNET_TX ? vnet->slots[VNET_RX] : 0;

	return VNET_PAGE_PIECES * PAGE_SIZE +
	       ((u64)(before + slot) * vnet->pieces + piece) * vnet->piece_bytes;
}

/*
 * Describes the first `bytes` bytes of a slot as parts of a request to the card. Returns the number
 * of parts.
 */
static u32 vnet_parts_of(const struct vnet *vnet, u32 queue, u32 slot, u32 bytes,
			 struct virtio_part parts[VNET_PIECES_MAX])
{
	u32 count = 0;

	for (; bytes != 0; count++) {
		u32 part = MIN(bytes, vnet->piece_bytes);

		parts[count] = (struct virtio_part){
			.address = virtio_host_address(&vnet->host,
						       vnet_piece_at(vnet, queue, slot, count)),
			.bytes = part,
			.write = queue == VNET_RX,
		};
		bytes -= part;
	}
	return count;
}

static bool vnet_give_slot(struct vnet *vnet, u32 slot)
{
	struct virtio_part parts[VNET_PIECES_MAX];
	u32 count = vnet_parts_of(vnet, VNET_RX, slot, vnet->pieces * vnet->piece_bytes, parts);
	u16 id;

	if (!virtio_ring_add(&vnet->ring[VNET_RX], parts, count, &id))
		return false;
	vnet->slot_of[VNET_RX][id] = (u16)slot;
	return true;
}

void vnet_give_all(struct vnet *vnet)
{
	u32 slot = 0;

	while (slot < vnet->slots[VNET_RX] && vnet_give_slot(vnet, slot))
		slot++;
	virtio_ring_tell(&vnet->ring[VNET_RX]);
}

/*
 * Returns a slot's memory: its buffers are consecutive in the driver's addresses, wherever their
 * pages lie physically.
 */
static u8 *vnet_slot_memory(const struct vnet *vnet, u32 queue, u32 slot)
{
	return vnet->host.memory.memory + vnet_piece_at(vnet, queue, slot, 0);
}

static void vnet_receive_one(struct vnet *vnet, u32 slot, u32 bytes)
{
	const u8 *memory = vnet_slot_memory(vnet, VNET_RX, slot);

	if (bytes < VIO_NET_HEADER)
		card_count_error();
	else
		card_receive(memory + VIO_NET_HEADER, bytes - VIO_NET_HEADER, 0);
}

void vnet_receive(struct vnet *vnet)
{
	struct virtio_ring *ring = &vnet->ring[VNET_RX];
	u32 bytes;
	u16 id;

	for (u32 i = 0; i < vnet->slots[VNET_RX] && virtio_ring_take(ring, &id, &bytes); i++) {
		u32 slot = vnet->slot_of[VNET_RX][id];

		vnet_receive_one(vnet, slot, bytes);
		(void)vnet_give_slot(vnet, slot);
	}
	virtio_ring_tell(ring);
}

/* Frees the slots of frames that the card has sent. */
static void vnet_reclaim_slots(struct vnet *vnet)
{
	u32 bytes;
	u16 id;

	while (virtio_ring_take(&vnet->ring[VNET_TX], &id, &bytes))
		vnet->free_slot[vnet->free_count++] = vnet->slot_of[VNET_TX][id];
	virtio_ring_hush(&vnet->ring[VNET_TX]);
}

/*
 * Returns whether a slot for sending is free; if not, asks for an interrupt when the card is done
 * with one.
 */
static bool vnet_has_slot(struct vnet *vnet)
{
	if (vnet->free_count != 0)
		return true;
	virtio_ring_tell(&vnet->ring[VNET_TX]);
	vnet_reclaim_slots(vnet);
	if (vnet->free_count == 0 && !virtio_ring_may_wait(&vnet->ring[VNET_TX]))
		vnet_reclaim_slots(vnet);
	return vnet->free_count != 0;
}

bool vnet_transmit(struct vnet *vnet, const u8 *frame, u32 bytes)
{
	u32 fill = bytes < CARD_BYTES_MIN ? CARD_BYTES_MIN - bytes : 0;
	struct virtio_part parts[VNET_PIECES_MAX];
	u32 slot, count;
	u8 *memory;
	u16 id;

	if (bytes > vnet->frame_max || !vnet_has_slot(vnet))
		return false;
	slot = vnet->free_slot[vnet->free_count - 1];
	memory = vnet_slot_memory(vnet, VNET_TX, slot);
	memset(memory, 0, VIO_NET_HEADER);
	memcpy(memory + VIO_NET_HEADER, frame, bytes);
	memset(memory + VIO_NET_HEADER + bytes, 0, fill);
	count = vnet_parts_of(vnet, VNET_TX, slot, VIO_NET_HEADER + bytes + fill, parts);
	if (!virtio_ring_add(&vnet->ring[VNET_TX], parts, count, &id))
		return false;
	vnet->free_count--;
	vnet->slot_of[VNET_TX][id] = (u16)slot;
	return true;
}

void vnet_look(struct vnet *vnet)
{
	u16 status = VIO_NET_LINK_UP;

	virtio_host_acknowledge(&vnet->host);
	if ((vnet->host.features & VIO_NET_F_STATUS) != 0 &&
	    !virtio_host_config(&vnet->host, VIO_NET_STATUS, &status, sizeof(status)))
		return;
	card_link((status & VIO_NET_LINK_UP) != 0, 0);
}

const char *vnet_failure(const struct vnet *vnet)
{
	for (u32 i = 0; i < VNET_QUEUES; i++) {
		if (vnet->ring[i].bad >= VIRTIO_HOST_BAD_MAX)
			return "the card is done with frames that it was not given";
	}
	return NULL;
}
