/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/driver/disk/driver.h"
#include "vmm/driver/virtio/virtio_host.h"

/*
 * A virtio disk with one queue. A request is a header, the pages of the client's pool and a status,
 * each a part of their own; headers and statuses lie in the driver's memory. Section 5.2 of virtio
 * 1.2.
 */
#define VBLK_PARTS_MAX (BLOCK_REQUEST_PAGES + 2)
#define VBLK_PARTS_MIN 2u

/* The pages that it works with. */
enum vblk_page {
	VBLK_PAGE_RING,
	VBLK_PAGE_SLOTS = VBLK_PAGE_RING + (int)VIRTIO_HOST_RING_PAGES,
	VBLK_PAGES,
};

/* What of a slot is the device's: a page has one for each request. */
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
	struct driver_request *request[DRIVER_DEPTH]; /* by slot; NULL: free */
	u16 slot_of[VIRTIO_HOST_RING_MAX];	      /* of the ring's requests */
	u32 busy;				      /* slots */
	u32 parts_max;				      /* pages of one request */
};

/*
 * Resets the disk, brings it up and finds out what it is. False: `problem` says why it cannot be
 * used.
 */
bool vblk_start(struct vblk *vblk, struct driver_disk *disk, char *problem, size_t size);
/* False: there is no room now. */
bool vblk_submit(struct vblk *vblk, struct driver_request *request);
/* Ends the requests that are done (driver_finish), not more than there are. */
void vblk_poll(struct vblk *vblk);
/* Why nothing more is to be hoped for; NULL: it is well. */
const char *vblk_failure(const struct vblk *vblk);
