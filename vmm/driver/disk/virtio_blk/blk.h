/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/driver/disk/core/device.h"
#include "vmm/driver/virtio/virtio_host.h"

/*
 * The state of a virtio disk with one queue (virtio 1.2, 5.2). A request consists of a header,
 * pages of the client's pool, and a status, each with a descriptor of its own; headers and statuses
 * lie in the driver's memory.
 */
#define VBLK_PARTS_MAX (BLOCK_REQUEST_PAGES + 2)
#define VBLK_PARTS_MIN 2u

/* The driver's DMA pages. */
enum vblk_page {
	VBLK_PAGE_RING,
	VBLK_PAGE_SLOTS = VBLK_PAGE_RING + (int)VIRTIO_HOST_RING_PAGES,
	VBLK_PAGES,
};

/*
 * The part of a slot that the device accesses besides the data; one page holds this for all slots.
 */
struct vblk_slot {
	struct vio_blk_header header;
	struct vio_blk_range range;
	u8 status;
	u8 pad[31];
};
_Static_assert(sizeof(struct vblk_slot) * DRIVER_DEPTH <= PAGE_SIZE, "one page");

struct vblk {
	struct virtio_host host;
	struct virtio_ring ring;
	/* the request in each slot; NULL: the slot is free */
	struct driver_request *request[DRIVER_DEPTH];
	/* for each request in the ring, by its id there, its slot */
	u16 slot_of[VIRTIO_HOST_RING_MAX];
	u32 busy;      /* the number of slots in use */
	u32 parts_max; /* the most pages of data of one request */
};

/*
 * Resets, starts and identifies the disk. Returns false if the disk cannot be used; `problem` then
 * says why.
 */
bool vblk_start(struct vblk *vblk, struct driver_disk *disk, char *problem, size_t size);
/* Starts a request. Returns false if there is no room now. */
bool vblk_submit(struct vblk *vblk, struct driver_request *request);
/* Ends completed requests (request_finish), at most as many as there are slots. */
void vblk_poll(struct vblk *vblk);
/*
 * Asks the device for an interrupt at the next end of a request. Returns false if one has ended
 * since vblk_poll.
 */
bool vblk_may_wait(struct vblk *vblk) MUST_CHECK;
/* Returns why the driver has to give up, or NULL. */
const char *vblk_failure(const struct vblk *vblk);
