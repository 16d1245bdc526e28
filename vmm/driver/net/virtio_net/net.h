/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/driver/net/card.h"
#include "vmm/driver/virtio/virtio_host.h"

/*
 * A virtio network card: a queue each way, and one for commands where it has that. A frame and the
 * header before it lie in pieces of memory of the driver's own, each within a page: those of a slot
 * are a request. Section 5.1 of virtio 1.2.
 */
#define VNET_SLOT_MAX	 256u /* of each queue */
#define VNET_PIECE_SHORT 2048u
#define VNET_PIECE_LONG	 4096u
#define VNET_PIECES_MAX	 3u

enum vnet_queue { VNET_RX, VNET_TX, VNET_CONTROL, VNET_QUEUES };

/* The pages that it works with; then the pieces, those for receiving first. */
enum vnet_page {
	VNET_PAGE_RINGS,
	VNET_PAGE_COMMAND = VNET_PAGE_RINGS + VNET_QUEUES * (int)VIRTIO_HOST_RING_PAGES,
	VNET_PAGE_PIECES,
	VNET_PAGES_MIN = VNET_PAGE_PIECES + 48,
};

struct vnet {
	struct virtio_host host;
	struct virtio_ring ring[VNET_QUEUES];
	u32 frame_max; /* bytes */
	u32 piece_bytes;
	u32 pieces;					 /* of a slot */
	u32 slots[VNET_CONTROL];			 /* of each way */
	u16 slot_of[VNET_CONTROL][VIRTIO_HOST_RING_MAX]; /* the slot of a request */
	u16 free_slot[VNET_SLOT_MAX];			 /* of those for sending */
	u32 free_count;
};

/*
 * Resets the card and brings it up for all frames of its network. False: `problem` says why it
 * cannot be used.
 */
bool vnet_start(struct vnet *vnet, struct card *card, char *problem, size_t size);
/* Copies the frame; false: there is no room now, and an interrupt comes when there is. */
bool vnet_transmit(struct vnet *vnet, const u8 *frame, u32 bytes);
/* Takes what was received, at most as much as the queue holds (card_receive). */
void vnet_receive(struct vnet *vnet);
/* Takes its interrupt back and tells of its link (card_link). */
void vnet_look(struct vnet *vnet);
/* Why nothing more is to be hoped for; NULL: it is well. */
const char *vnet_failure(const struct vnet *vnet);

/* All slots for receiving are the card's. */
void vnet_give_all(struct vnet *vnet);
