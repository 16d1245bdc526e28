/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/io/block.h"
#include "vmm/io/driver_channel.h"

/*
 * The table of requests with the device: each is taken from it, handed to the device, and ended
 * once.
 */
#define DRIVER_DEPTH 64u /* requests with one disk at once */

struct client;

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
	struct client *client; /* who asked; NULL: the driver itself */
	/* Is called when the request has ended and its place is free; NULL: nobody is. */
	void (*done)(struct driver_request *request, enum block_status status);
	bool busy;
	bool direct; /* its data lies in the client's RAM, at `pages`; `data` is NULL */
	u64 pages[BLOCK_REQUEST_PAGES];
	enum block_status status; /* once it is not busy any more */
};

/* Makes the table count ended requests in the channel; call it once, before all others. */
void request_init(struct driver_channel *channel);
/* Returns a free request for the disk, which is busy from now on, or NULL. */
struct driver_request *request_take(u32 unit);
/* Frees a request that the device does not have. */
void request_release(struct driver_request *request);
/* Ends a request that the device had; afterwards `request` is free for another. */
void request_finish(struct driver_request *request, enum block_status status);
/* Return the number of requests at the device: of all disks, and of one disk. */
u32 request_waiting(void);
u32 request_waiting_for(u32 unit);
