/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Requests to a disk or CD-ROM drive, from the guest's queue to the disk's driver and back: what
 * virtio_blk.c and virtio_scsi.c share.
 */
#include "vmm/monitor/virtio/virtio_blk.h"

#define BLK_HEADER_BYTES 16u /* the size of a request's header: virtio 1.2, 5.2.6 */

/* The types of requests (virtio 1.2, 5.2.6). */
enum blk_type {
	BLK_T_IN = 0,
	BLK_T_OUT = 1,
	BLK_T_FLUSH = 4,
	BLK_T_GET_ID = 8,
	BLK_T_DISCARD = 11,
	BLK_T_WRITE_ZEROES = 13,
};

enum blk_status { BLK_S_OK, BLK_S_IOERR, BLK_S_UNSUPP };

/*
 * How the requests of a disk, and those of a CD-ROM drive at a SCSI host, are laid out and
 * answered.
 */
struct blk_protocol {
	u32 queue_first; /* the first of the queues with requests */
	u32 queue_end;
	/* how many bytes, which the device reads, a request has before its data */
	u32 header_bytes;
	/* how many bytes, which the device writes, a request has before its data */
	u32 answer_bytes;
	/*
	 * Handles a chain (request) that the guest has put into a queue: answers it at once, or
	 * turns it into `request`, which blk_keep then keeps.
	 */
	void (*take)(struct virtio_blk *blk, u32 queue, const struct virtio_chain *chain,
		     struct blk_request *request);
	/* Returns a request to the guest, with `bytes` bytes of data written. */
	void (*give_back)(struct virtio_blk *blk, const struct virtio_chain *chain, u32 queue,
			  enum blk_status status, u32 bytes);
	/* Is called when the driver has reported another size of the disk. */
	void (*changed)(struct virtio_blk *blk);
};

extern const struct blk_protocol blk_disk_protocol;

/* Keeps a checked request until there is room to send it to the driver. */
void blk_keep(struct virtio_blk *blk, struct blk_request *request,
	      const struct virtio_chain *chain);

/*
 * Returns whether the guest may discard and have zeros written: not on an encrypted disk that is no
 * volume, as zeros from the device would be none once decrypted.
 */
bool blk_may_unmap(const struct virtio_blk *blk);

/* Takes what the guest offers in a queue, as long as there are free requests. */
void blk_take_all(struct virtio_blk *blk, u32 queue);
/*
 * Sends the driver all waiting requests, as long as the link and the pool have room. With `look`
 * returns whether blk_take_answers must follow, as no answer is signalled before.
 */
bool blk_ask_all(struct virtio_blk *blk, bool look) MUST_CHECK;
/* Fails all requests of a lost disk, and those that are still in the guest's queues. */
void blk_fail_all(struct virtio_blk *blk);
/* Marks all requests as waiting, since the driver will not answer those that it was sent. */
void blk_ask_again(struct virtio_blk *blk);
/*
 * Returns to the guest the requests that the driver has answered, then takes more from the queues.
 */
void blk_take_answers(struct virtio_blk *blk);

/* Parts of the devices' operations that disks and drives have in common: virtio_blk.c. */
void virtio_blk_notify(struct virtio_device *device, u32 queue);
void virtio_blk_forget(struct virtio_device *device);
bool virtio_blk_is_ending(struct virtio_device *device);
void virtio_blk_loaded(struct device *device);
/* Returns whether a guest can have brought a saved state's requests about by the protocol. */
bool virtio_blk_requests_valid(const struct virtio_blk_state *state,
			       const struct blk_protocol *protocol);
/* Reads the driver's description of the disk anew: its size and features may have changed. */
void virtio_blk_look(struct virtio_blk *blk);
