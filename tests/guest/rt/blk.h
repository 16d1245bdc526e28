/* SPDX-License-Identifier: MIT */
#pragma once

#include "tests/guest/rt/virtio.h"

/* A driver for virtio-blk (virtio 1.2, 5.2); nothing of it is shared with the monitor. */
#define BLK_TYPE      2u
#define BLK_QUEUES    4u
#define BLK_SLOTS     2u /* the requests on their way in a queue at once */
#define BLK_SECTOR    512u
#define BLK_HEADER    16u
#define BLK_NO_ANSWER 0xffu
#define BLK_ANSWER_US 5000000u
#define BLK_NO_VECTOR 0xffffu

enum blk_type {
	BLK_IN = 0,
	BLK_OUT = 1,
	BLK_FLUSH = 4,
	BLK_GET_ID = 8,
	BLK_DISCARD = 11,
	BLK_WRITE_ZEROES = 13,
};
enum blk_answer { BLK_OK, BLK_IOERR, BLK_UNSUPP };

/* Feature bits of a disk: virtio 1.2, 5.2.3 */
#define BLK_F_SEG_MAX	   (1ull << 2)
#define BLK_F_RO	   (1ull << 5)
#define BLK_F_BLK_SIZE	   (1ull << 6)
#define BLK_F_FLUSH	   (1ull << 9)
#define BLK_F_MQ	   (1ull << 12)
#define BLK_F_DISCARD	   (1ull << 13)
#define BLK_F_WRITE_ZEROES (1ull << 14)

/* Offsets in a disk's configuration: virtio 1.2, 5.2.4 */
enum blk_config {
	BLK_CAPACITY = 0,
	BLK_SEG_MAX = 12,
	BLK_BLK_SIZE = 20,
	BLK_NUM_QUEUES = 34,
	BLK_MAX_DISCARD = 36,
	BLK_MAX_ZEROES = 48,
};

struct blk_range {
	u64 sector;
	u32 sectors;
	u32 flags;
};

struct blk_slot {
	struct {
		u32 type;
		u32 reserved;
		u64 sector;
	} header;
	volatile u8 status;
	struct virtq_descriptor indirect[3] ALIGNED(16);
};

struct blk {
	struct virtio virtio;
	u64 features; /* the features that were negotiated */
	struct virtq queue[BLK_QUEUES];
	u16 seen[BLK_QUEUES]; /* the answers seen in each queue */
	struct blk_slot slot[BLK_QUEUES][BLK_SLOTS];
};

/* The disk of that number, counted from 0. False: there is none. */
bool blk_find(struct blk *blk, u32 number);
/* Brings the disk up with all its queues, which interrupt by the MSI-X vector `vector`. */
bool blk_begin(struct blk *blk, u64 features, u16 vector);
/*
 * Posts a request whose data is `bytes` at `data`; the device writes the data for BLK_IN and
 * BLK_GET_ID.
 */
void blk_post(struct blk *blk, u32 queue, u32 slot, u32 type, u64 sector, void *data, u32 bytes);
/* Waits for one more answer in the queue; returns false if none came. */
bool blk_wait(struct blk *blk, u32 queue);
/* Posts a request and waits for its answer; returns the status, or BLK_NO_ANSWER. */
u8 blk_do(struct blk *blk, u32 queue, u32 type, u64 sector, void *data, u32 bytes);
