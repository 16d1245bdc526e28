/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Requests to a disk or CD-ROM drive, from the guest's queue to the disk's driver and back; shared
 * by virtio_blk.c, virtio_scsi.c and virtio_scsi_host.c.
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

/*
 * The status of a request; BLK_ABORTED is not one of virtio's: a SCSI host has given the request
 * up.
 */
enum blk_status { BLK_S_OK, BLK_S_IOERR, BLK_S_UNSUPP, BLK_ABORTED };

/*
 * An operation of the monitor's own besides enum block_operation: a write, and then a flush, before
 * the guest gets its answer.
 */
#define BLK_WRITE_THROUGH ((u8)BLOCK_OPERATION_COUNT)

/* The most sectors that a disk is believed to have: 64 bits can count their bytes. */
#define BLK_SECTORS_MAX (~0ull / BLOCK_SECTOR_BYTES)

/*
 * The layout of requests and answers, which differs between a disk and a CD-ROM drive at a SCSI
 * host.
 */
struct blk_protocol {
	u32 queue_first; /* the first of the queues with requests */
	u32 queue_end;
	/* how many bytes, which the device reads, a request has before its data */
	u32 header_bytes;
	/* how many bytes, which the device writes, a request has before its data */
	u32 answer_bytes;
	u8 operation_last; /* the last operation that a request may have */
	/*
	 * Handles a chain (request) that the guest has put into a queue: answers it at once, or
	 * turns it into `request`, which blk_keep then keeps. NULL: the queues are not the disk's
	 * own, and their owner calls blk_new.
	 */
	void (*take)(struct virtio_blk *blk, u32 queue, const struct virtio_chain *chain,
		     struct blk_request *request);
	/* Returns a request to the guest, with `bytes` bytes of data written. */
	void (*give_back)(struct virtio_blk *blk, const struct blk_request *request,
			  enum blk_status status, u32 bytes);
	/* Is called when the driver has reported another size of the disk. */
	void (*changed)(struct virtio_blk *blk);
};

extern const struct blk_protocol blk_disk_protocol;

/*
 * Returns a free request, with nothing in it but its queue, for blk_keep; NULL if the limit of
 * requests under way is reached.
 */
struct blk_request *blk_new(struct virtio_blk *blk, u32 queue) MUST_CHECK;

/* Keeps a checked request until there is room to send it to the driver. */
void blk_keep(struct virtio_blk *blk, struct blk_request *request,
	      const struct virtio_chain *chain);

/*
 * Returns whether the guest may discard and have zeros written: not on an encrypted disk that is no
 * volume, as zeros from the device would be none once decrypted.
 */
bool blk_may_unmap(const struct virtio_blk *blk);
/* Returns the size of the disk's blocks in bytes, of which a guest should write whole ones. */
u32 blk_block_bytes(const struct virtio_blk *blk);

/* Takes the guest's requests from a queue, as long as there are free entries. */
void blk_take_all(struct virtio_blk *blk, u32 queue);
/*
 * Sends the driver all waiting requests, as long as the link and the pool have room. With `look`
 * returns whether blk_take_answers must follow, as no answer is signalled before.
 */
bool blk_ask_all(struct virtio_blk *blk, bool look) MUST_CHECK;
/* Returns those requests to the guest, as BLK_ABORTED, of which no piece is with the driver. */
void blk_abort_waiting(struct virtio_blk *blk);
/* Marks the requests that are under way; blk_is_awaited returns whether one of them still is. */
void blk_await_all(struct virtio_blk *blk);
bool blk_is_awaited(const struct virtio_blk *blk);
/* Returns whether the guest waits for no answer. */
bool blk_is_idle(const struct virtio_blk_state *state);
/*
 * Forgets the guest's requests. The driver still does those that it has; the guest's new requests
 * wait until the driver has answered the old ones.
 */
void blk_forget_all(struct virtio_blk *blk);
/* Makes the requests of a loaded state be sent to the driver anew. */
void blk_loaded(struct virtio_blk *blk);
/* Fails all requests of a lost disk, and those that are still in the guest's queues. */
void blk_fail_all(struct virtio_blk *blk);
/* Marks all requests as waiting, since the driver will not answer those that it was sent. */
void blk_ask_again(struct virtio_blk *blk);
/*
 * Returns to the guest the requests that the driver has answered, then takes more from the queues.
 */
void blk_take_answers(struct virtio_blk *blk);
/*
 * Takes the driver's answers without touching the guest's memory: their requests wait, to be sent
 * to the driver again. The guest does not know yet that they were done.
 */
void blk_put_off_answers(struct virtio_blk *blk);

/* Parts of the devices' operations that disks and drives have in common: virtio_blk.c. */
void virtio_blk_notify(struct virtio_device *device, u32 queue);
/* Sends waiting requests to the driver, as far as the link has room. */
void virtio_blk_go_on(struct virtio_blk *blk);
void virtio_blk_forget(struct virtio_device *device);
bool virtio_blk_is_ending(struct virtio_device *device);
void virtio_blk_loaded(struct device *device);
/* Returns whether a guest can have brought a saved state's requests about by the protocol. */
bool virtio_blk_requests_valid(const struct virtio_blk_state *state,
			       const struct blk_protocol *protocol);
/* Reads the driver's description of the disk anew: its size and features may have changed. */
void virtio_blk_look(struct virtio_blk *blk);
