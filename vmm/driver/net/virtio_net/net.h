/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/driver/net/card.h"
#include "vmm/driver/virtio/virtio_host.h"

/*
 * The state of a virtio network card (virtio 1.2, 5.1): a queue for each direction, and a control
 * queue if the card has one. A frame with its header lies in buffers of the driver's memory, each
 * within a page: the buffers of a slot are one request.
 */
#define VNET_SLOT_MAX	 256u /* the most slots of each queue */
#define VNET_PIECE_SHORT 2048u
#define VNET_PIECE_LONG	 4096u
#define VNET_PIECES_MAX	 3u

enum vnet_queue { VNET_RX, VNET_TX, VNET_CONTROL, VNET_QUEUES };

/* The driver's DMA pages; the buffers follow, those for receiving first. */
enum vnet_page {
	VNET_PAGE_RINGS,
	VNET_PAGE_COMMAND = VNET_PAGE_RINGS + VNET_QUEUES * (int)VIRTIO_HOST_RING_PAGES,
	VNET_PAGE_PIECES,
	VNET_PAGES_MIN = VNET_PAGE_PIECES + 48,
};

struct vnet {
	struct virtio_host host;
	struct virtio_ring ring[VNET_QUEUES];
	u32 frame_max; /* the most bytes of a frame of the network */
	u32 piece_bytes;
	u32 pieces;		 /* the number of buffers of a slot */
	u32 slots[VNET_CONTROL]; /* the number of slots for each direction */
	/* for each queue and each request in its ring, by its id there, the request's slot */
	u16 slot_of[VNET_CONTROL][VIRTIO_HOST_RING_MAX];
	u16 free_slot[VNET_SLOT_MAX]; /* the numbers of the free slots for sending */
	u32 free_count;
};

/*
 * Resets the card and brings it up for all frames of its network. Returns false if the card cannot
 * be used; `problem` then says why.
 */
bool vnet_start(struct vnet *vnet, struct card *card, char *problem, size_t size);
/*
 * Copies a frame to be sent. Returns false if there is no room; an interrupt comes when there is.
 */
bool vnet_transmit(struct vnet *vnet, const u8 *frame, u32 bytes);
/* Passes received frames to card_receive, at most as many as the queue holds. */
void vnet_receive(struct vnet *vnet);
/* Acknowledges the interrupt and reports the state of the link (card_link). */
void vnet_look(struct vnet *vnet);
/* Returns why the driver has to give up, or NULL. */
const char *vnet_failure(const struct vnet *vnet);

/* Gives all receive slots to the card, to be filled. */
void vnet_give_all(struct vnet *vnet);
