/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/status.h"
#include "vmm/driver/process.h"
#include "vmm/io/block.h"

/*
 * What all disk drivers have in common: the clients' links, requests on their way. A driver adds
 * only `driver_ops`.
 */
#define DRIVER_DEPTH 64u /* requests with the device at once */

/* One that has been checked: all of it lies in the client's part of the disk and of its pool. */
struct driver_request {
	enum block_operation operation;
	u32 unit;   /* the disk, of those that the driver has */
	u32 sectors;
	u64 sector; /* of 512 bytes, on the disk */
	u8 *data;	    /* for BLOCK_READ and BLOCK_WRITE; the client may write to it */
	const u64 *address; /* the device's, of each of its pages; NULL where there is no DMA */
	u64 since_tsc;	    /* when the device got it */
	/* the common part's */
	u64 id;
	u32 client; /* or DRIVER_SELF */
	bool busy;
	bool direct; /* its data lies in the client's RAM, at `pages`; `data` is NULL */
	u64 pages[BLOCK_REQUEST_PAGES];
	enum block_status status; /* once it is not busy any more */
};
#define DRIVER_SELF DISK_CLIENT_MAX

/* What a disk is, filled in by start but for its number. */
struct driver_disk {
	u32 unit;
	u64 sectors;
	u32 block_bytes;
	u32 features; /* enum disk_feature */
	char model[48];
	char serial[24];
	u32 depth; /* requests that it works at, or holds, at once; 0: DRIVER_DEPTH */
};

struct driver_ops {
	/*
	 * Brings a disk up, and with the first one the device, disk->unit being 0 then. False:
	 * `problem` says why it cannot be used. Most drivers have one disk.
	 */
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

/*
 * Reads from the disk while there are no clients yet, at most BLOCK_REQUEST_BYTES. False: the disk
 * did not, within five seconds. *data is good until the next call.
 */
bool driver_read(const struct driver_disk *disk, u64 sector, u32 sectors, const u8 **data);
