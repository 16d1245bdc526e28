/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/status.h"
#include "vmm/driver/process.h"
#include "vmm/io/block.h"

/*
 * The interface between the common part of the disk drivers and the part of one device, which
 * defines `driver_ops` only.
 */
#define DRIVER_DEPTH 64u /* requests with the device at once */

/* A checked request: all of it lies in the client's part of the disk and of its pool. */
struct driver_request {
	enum block_operation operation;
	u32 unit; /* the disk, of those that the driver has */
	u32 sectors;
	u64 sector;	    /* of 512 bytes, on the disk */
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

/* A disk; `start` fills in all but its number. */
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
	 * Brings up a disk; for disk->unit 0 also the device. Most drivers have one disk. Returns
	 * false if the disk cannot be used; `problem` then says why.
	 */
	bool (*start)(struct driver_disk *disk, char *problem, size_t size);
	/*
	 * Hands over a request, which driver_finish ends at once or later. Returns false if there
	 * is no room.
	 */
	bool (*submit)(struct driver_request *request);
	/* Ends what the device has completed; called also at its interrupt. */
	void (*poll)(void);
};

/* Each driver defines its own. */
extern const struct driver_ops driver_ops;

/* Answers a request; afterwards `request` is free for another. */
void driver_finish(struct driver_request *request, enum block_status status);

/*
 * Reads at most BLOCK_REQUEST_BYTES while there are no clients yet. Returns false if the disk fails
 * or takes longer than five seconds. *data stays valid until the next call.
 */
bool driver_read(const struct driver_disk *disk, u64 sector, u32 sectors, const u8 **data);
