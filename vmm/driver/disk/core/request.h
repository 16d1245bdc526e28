/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/io/block.h"
#include "vmm/io/driver_channel.h"

/*
 * The table of requests with the device: each is taken from the table, handed to the device, and
 * ended once.
 */
#define DRIVER_DEPTH 64u /* the most requests with one disk at once */

struct client;

/* A checked request: all of it lies in the client's part of the disk and of its pool. */
struct driver_request {
	enum block_operation operation;
	u32 unit; /* the number of the disk among the driver's disks */
	u32 sectors;
	u64 sector; /* the request's first sector of 512 bytes, counted from the disk's beginning */
	/* the data of BLOCK_READ and BLOCK_WRITE, which the client may change at any time */
	u8 *data;
	/* the address of each page of the data as the device sees it; NULL where there is no DMA */
	const u64 *address;
	/*
	 * the request's first sector in the volume, kept by the layer that has replaced it in
	 * `sector`
	 */
	u64 volume_sector;
	u64 since_tsc; /* the TSC when the device got the request */
	/* identifies the request to the client, which gets it back with the answer */
	u64 id;
	struct client *client; /* the client that asked; NULL: the driver itself asked */
	/* Is called when the request has ended and its place in the table is free; may be NULL. */
	void (*done)(struct driver_request *request, enum block_status status);
	bool busy;
	/* the data lie in the client's RAM, at the device addresses `pages`; `data` is NULL */
	bool direct;
	u64 pages[BLOCK_DIRECT_PAGES];
	/* how the request ended, valid once the request is not busy any more */
	enum block_status status;
};

/*
 * Makes the table count ended requests in the channel that the manager reads; call it once, before
 * all others.
 */
void request_init(struct driver_channel *channel);
/* Returns a free request for the disk, which is busy from now on, or NULL. */
struct driver_request *request_take(u32 unit);
/* Frees a request that the device does not have. */
void request_release(struct driver_request *request);
/* Ends a request that the device had; afterwards `request` is free for another. */
void request_finish(struct driver_request *request, enum block_status status);
/* Return how many requests the device has: for all its disks, and for one disk. */
u32 request_waiting(void);
u32 request_waiting_for(u32 unit);
