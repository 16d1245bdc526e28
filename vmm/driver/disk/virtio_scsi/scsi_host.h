/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/driver/disk/scsi.h"
#include "vmm/driver/virtio/virtio_host.h"

/*
 * The state of a virtio SCSI controller with disks, each a target with one logical unit, number 0
 * (virtio 1.2, 5.6). One queue serves all disks, each of which has a share of the queue's
 * descriptors. A command is a request, a response, and pages of data, each a part of its own;
 * requests and responses lie in the driver's memory.
 */
#define VSCSI_PARTS_MAX (BLOCK_REQUEST_PAGES + 2)
#define VSCSI_PARTS_MIN 2u
/* the most attempts at a command that the disk does not accept at the moment */
#define VSCSI_ATTEMPTS	 32u
#define VSCSI_AGAIN_NS	 (50 * NS_PER_MS)
#define VSCSI_COMMAND_NS (2 * NS_PER_S) /* time limit of the driver's own commands */
#define VSCSI_UNITS_MAX	 32u		/* the most targets that the driver can name */

/* The part of a command that the device accesses besides its data. */
struct vscsi_slot {
	struct vio_scsi_request request;
	u8 pad0[5];
	struct vio_scsi_response response;
	u8 list[SCSI_UNMAP_LIST_BYTES];
	u8 pad1[68];
};
_Static_assert(sizeof(struct vscsi_slot) == 256, "so many to a page");
#define VSCSI_SLOTS_PER_PAGE ((u32)(PAGE_SIZE / sizeof(struct vscsi_slot)))

/* The driver's DMA pages. */
enum vscsi_page {
	VSCSI_PAGE_RING,
	VSCSI_PAGE_SLOTS = VSCSI_PAGE_RING + (int)VIRTIO_HOST_RING_PAGES,
	VSCSI_PAGE_ZEROES = VSCSI_PAGE_SLOTS + (int)(DRIVER_DEPTH / VSCSI_SLOTS_PER_PAGE),
	VSCSI_PAGE_OWN, /* the data of the driver's own commands */
	VSCSI_PAGES,
};

enum vscsi_state {
	VSCSI_FREE,
	VSCSI_SENT,
	VSCSI_WAITS, /* the task's command has to be sent again: the disk has not accepted it */
	VSCSI_ENDED, /* a command of the driver's own has ended */
};

struct vscsi_task {
	enum vscsi_state state;
	/* the client's request; NULL: the task is a command of the driver's own */
	struct driver_request *request;
	struct scsi_command command;
	u32 unit;
	u32 parts;
	u32 attempts;
	u64 again_tsc;
	enum scsi_outcome outcome;
	u8 response; /* the device's answer, enum vio_scsi_answer */
};

struct vscsi_unit {
	u32 target;
	u32 block_bytes;
	bool flush;
	/* how many parts of commands still fit into the disk's share of the queue */
	u32 parts_left;
};

struct vscsi {
	struct virtio_host host;
	struct virtio_ring ring;
	u32 unit_count;
	bool up;
	struct vscsi_unit unit[DISK_UNIT_MAX];
	struct vscsi_task task[DRIVER_DEPTH];
	/* for each request in the ring, by its id there, its task */
	u16 task_of[VIRTIO_HOST_RING_MAX];
	u32 busy;    /* the number of tasks in use */
	u32 waiting; /* the number of tasks in the state VSCSI_WAITS */
};

/*
 * Resets and starts the controller. `targets` has a bit for each target with a disk to be used.
 * Returns false if the controller cannot be used; `problem` then says why.
 */
bool vscsi_start(struct vscsi *vscsi, u32 targets, char *problem, size_t size);
/*
 * Identifies the disk at vscsi->unit[disk->unit]. Returns false if it cannot be used; `problem`
 * then says why.
 */
bool vscsi_start_disk(struct vscsi *vscsi, struct driver_disk *disk, char *problem, size_t size);
/* Starts a request. Returns false if there is no room now. */
bool vscsi_submit(struct vscsi *vscsi, struct driver_request *request);
/* Ends completed requests (request_finish), and repeats commands that a disk has not accepted. */
void vscsi_poll(struct vscsi *vscsi);
/* Returns why the driver has to give up, or NULL. */
const char *vscsi_failure(const struct vscsi *vscsi);

/*
 * Sends one command of the driver's own to a disk and waits for its end (scsi_task.c). `data` then
 * holds command->bytes bytes, zero where the disk sent none. Returns false if the command has not
 * succeeded; *response then tells whether the target exists.
 */
bool vscsi_run(struct vscsi *vscsi, u32 unit, const struct scsi_command *command, u8 *data,
	       u8 *response);
