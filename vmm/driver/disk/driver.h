/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/status.h"
#include "vmm/io/block.h"
#include "vmm/io/driver_channel.h"

/*
 * What all disk drivers have in common: the manager's channel, the clients' links, requests on
 * their way. A driver is one thread, that serves one function of one device; it adds only
 * `driver_ops`.
 */
#define DRIVER_DEPTH 64u /* requests with the device at once */

/* One that has been checked: all of it lies in the client's part of the disk and of its pool. */
struct driver_request {
	enum block_operation operation;
	u64 sector; /* of 512 bytes, on the disk */
	u32 sectors;
	u8 *data;	    /* for BLOCK_READ and BLOCK_WRITE; the client may write to it */
	const u64 *address; /* host-physical, of each of its pages; NULL where there is no DMA */
	u64 since_tsc;	    /* when the device got it */
	/* the common part's */
	u64 id;
	u32 client; /* or DRIVER_SELF */
	bool busy;
	enum block_status status; /* once it is not busy any more */
};
#define DRIVER_SELF DISK_CLIENT_MAX

/* What the disk is, filled in by start. */
struct driver_disk {
	u64 sectors;
	u32 block_bytes;
	u32 features; /* enum disk_feature */
	char model[48];
	char serial[24];
};

/* Memory that the device may read and write. */
struct driver_dma {
	u8 *memory;
	const u64 *address; /* host-physical, of each page */
	u64 pages;
};

struct driver_ops {
	/* Brings the device up. False: `problem` says why it cannot be used. */
	bool (*start)(struct driver_disk *disk, char *problem, size_t size);
	/* Hands a request over; driver_finish ends it, at once or later. False: no room now. */
	bool (*submit)(struct driver_request *request);
	/* Looks for what the device has finished; also when its interrupt came. */
	void (*poll)(void);
};

/* Each driver's own. */
extern const struct driver_ops driver_ops;

/* Answers a request; `request` is free for the next one then. */
void driver_finish(struct driver_request *request, enum block_status status);
/* The part of the DMA memory that is the device driver's. */
struct driver_dma driver_dma(void);
/* The device does what nobody could have asked for: ends the process with these words. */
NORETURN void driver_give_up(const char *pattern, ...) PRINTF_LIKE(1, 2);

/*
 * Reads from the disk while there are no clients yet, at most BLOCK_REQUEST_BYTES. False: the disk
 * did not, within five seconds. *data is good until the next call.
 */
bool driver_read(u64 sector, u32 sectors, const u8 **data);
