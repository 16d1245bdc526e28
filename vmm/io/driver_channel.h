/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "lib/bits.h"

/*
 * What the manager and one driver share. Each field has one writer; the reader takes it once and
 * checks it, for a driver may be broken.
 */
#define DRIVER_CLIENT_MAX    16u
#define DRIVER_PARTITION_MAX 128u
#define DRIVER_TEXT_BYTES    128u
#define DRIVER_OWN_PAGES     16u /* of START_DMA, the first ones: for the driver's own reading */

enum driver_state {
	DRIVER_STARTING,
	DRIVER_READY,
	DRIVER_FAILED, /* `reason` says why; its process ends */
	DRIVER_STATE_COUNT
};

enum disk_feature {
	DISK_FLUSH = 1 << 0, /* it has a cache that only a flush empties */
	DISK_DISCARD = 1 << 1,
	DISK_WRITE_ZEROES = 1 << 2,
	DISK_READ_ONLY = 1 << 3,
	DISK_LOST = 1 << 4, /* its driver stays down: requests fail */
};

/* One link, as the manager hands it over: addresses are the driver's. */
struct driver_client {
	u64 link;	  /* of struct link_memory, the pool behind it */
	u64 pool_pages;	  /* of the host-physical addresses of the pool's pages; 0: no DMA here */
	u64 first_sector; /* what the client sees of the disk, in sectors of 512 bytes */
	u64 sectors;
	handle_t doorbell; /* event that the client signals */
	handle_t bell;	   /* event that it is signalled with */
	u32 read_only;
	u32 number; /* another one for each attachment, written last; 0: detach */
};

/* A partition of the disk's GPT. */
struct driver_partition {
	u8 type[16];
	u8 id[16];
	u64 first_sector;
	u64 sectors;
	char name[40]; /* in ASCII, other characters as '?' */
};

struct driver_counts {
	u64 requests; /* answered */
	u64 read_bytes;
	u64 written_bytes;
	u64 flushes;
	u64 errors;
	u64 refused; /* requests that this client may not make */
};

struct driver_channel {
	/* written by the manager */
	struct driver_client client[DRIVER_CLIENT_MAX];

	/* written by the driver */
	u32 state; /* enum driver_state */
	u32 features; /* enum disk_feature */
	u64 sectors;  /* of 512 bytes; fixed once the state is DRIVER_READY */
	u32 block_bytes; /* of the disk: 512 or 4096 */
	u32 partition_count;
	char reason[DRIVER_TEXT_BYTES];
	char model[48];
	char serial[24];
	char table_problem[DRIVER_TEXT_BYTES]; /* why the disk has no partitions; "": it has */
	u32 served[DRIVER_CLIENT_MAX]; /* the number in force; 0: the device has nothing of it */
	u64 finished; /* requests, all clients' */
	u64 waiting;  /* with the device */
	u64 first_answer_tsc; /* when a client's request was answered first; 0: none was */
	struct driver_counts counts[DRIVER_CLIENT_MAX];
	struct driver_partition partition[DRIVER_PARTITION_MAX];
};
#define DRIVER_CHANNEL_BYTES sizeof(struct driver_channel)

/*
 * The memory (START_DMA) of a disk in memory: DRIVER_OWN_PAGES, then its pages and a bit for each;
 * each further piece of memory has more pages of the disk, and a bit for each of them.
 */
#define DRIVER_STORE_MAX 9u
static inline u64 driver_store_bytes(u64 pages)
{
	return pages * PAGE_SIZE + align_up(pages / 8 + 8, PAGE_SIZE);
}

/* Of a driver in start_info.parameter. */
enum driver_parameter {
	DRIVER_DISK_BYTES, /* RAM disk: its size */
	DRIVER_UNIT,	   /* IDE: 0 the channel's master, 1 its slave */
};

/* Names of START_PORTS: IDE's command block, control register and bus mastering. */
#define DRIVER_PORTS_COMMAND "command"
#define DRIVER_PORTS_CONTROL "control"
#define DRIVER_PORTS_DMA     "bus master"
