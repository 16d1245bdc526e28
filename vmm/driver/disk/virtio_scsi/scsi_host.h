/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/driver/disk/scsi.h"
#include "vmm/driver/virtio/virtio_host.h"

/*
 * A virtio SCSI controller with some disks, each a target with one logical unit, number 0. One
 * queue serves them all, of which each has its share. A command is a request, the response and the
 * pages of data, each a part of its own; requests and responses lie in the driver's memory. Section
 * 5.6 of virtio 1.2.
 */
#define VSCSI_PARTS_MAX	 (BLOCK_REQUEST_PAGES + 2)
#define VSCSI_PARTS_MIN	 2u
#define VSCSI_ATTEMPTS	 32u /* of one command, which a disk does not take now */
#define VSCSI_AGAIN_NS	 (50 * NS_PER_MS)
#define VSCSI_COMMAND_NS (2 * NS_PER_S) /* of the driver's own */
#define VSCSI_UNITS_MAX	 32u		/* targets that have a name */

/* What of a command is the device's. */
struct vscsi_slot {
	struct vio_scsi_request request;
	u8 pad0[5];
	struct vio_scsi_response response;
	u8 list[SCSI_UNMAP_LIST_BYTES];
	u8 pad1[68];
};
_Static_assert(sizeof(struct vscsi_slot) == 256, "so many to a page");
#define VSCSI_SLOTS_PER_PAGE ((u32)(PAGE_SIZE / sizeof(struct vscsi_slot)))

/* The pages that it works with. */
enum vscsi_page {
	VSCSI_PAGE_RING,
	VSCSI_PAGE_SLOTS = VSCSI_PAGE_RING + (int)VIRTIO_HOST_RING_PAGES,
	VSCSI_PAGE_ZEROES = VSCSI_PAGE_SLOTS + (int)(DRIVER_DEPTH / VSCSI_SLOTS_PER_PAGE),
	VSCSI_PAGE_OWN, /* data of the driver's own commands */
	VSCSI_PAGES,
};

enum vscsi_state {
	VSCSI_FREE,
	VSCSI_SENT,
	VSCSI_WAITS, /* to be sent again */
	VSCSI_ENDED, /* the driver's own */
};

struct vscsi_task {
	enum vscsi_state state;
	struct driver_request *request; /* NULL: the driver's own */
	struct scsi_command command;
	u32 unit;
	u32 parts;
	u32 attempts;
	u64 again_tsc;
	enum scsi_outcome outcome;
	u8 response; /* enum vio_scsi_answer */
};

struct vscsi_unit {
	u32 target;
	u32 block_bytes;
	bool flush;
	u32 parts_left; /* of its share of the queue */
};

struct vscsi {
	struct virtio_host host;
	struct virtio_ring ring;
	u32 unit_count;
	bool up;
	struct vscsi_unit unit[DISK_UNIT_MAX];
	struct vscsi_task task[DRIVER_DEPTH];
	u16 task_of[VIRTIO_HOST_RING_MAX]; /* of the ring's requests */
	u32 busy;			   /* tasks */
	u32 waiting;			   /* of these, VSCSI_WAITS */
};

/*
 * Resets the controller and brings it up. `targets` are those that have disks to be used, a bit for
 * each. False: `problem` says why it cannot be used.
 */
bool vscsi_start(struct vscsi *vscsi, u32 targets, char *problem, size_t size);
/* Finds out what the disk at vscsi->unit[disk->unit] is. False: `problem` says why it is no use. */
bool vscsi_start_disk(struct vscsi *vscsi, struct driver_disk *disk, char *problem, size_t size);
/* False: there is no room now. */
bool vscsi_submit(struct vscsi *vscsi, struct driver_request *request);
/* Ends the requests that are done (driver_finish), and sends again what was not taken. */
void vscsi_poll(struct vscsi *vscsi);
/* Why nothing more is to be hoped for; NULL: it is well. */
const char *vscsi_failure(const struct vscsi *vscsi);

/*
 * Of scsi_task.c. One command of the driver's own for a unit, waited for. What it brings is in
 * `data`, `command->bytes` of it, the rest zeroes. False: it has not ended well; *response says
 * whether there is such a target at all.
 */
bool vscsi_run(struct vscsi *vscsi, u32 unit, const struct scsi_command *command, u8 *data,
	       u8 *response);
