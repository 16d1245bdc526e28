/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/io/block.h"
#include "vmm/io/driver_channel.h"

/*
 * A client's RAM as far as the device can reach it. The RAM is mapped while the window is open, but
 * its pages are entered in the device's page tables chunk by chunk (populated): a device cannot
 * wait for a page fault, so a request goes to the device only when all its pages are populated.
 */
#define WINDOW_CHUNK_PAGES 512u
#define WINDOW_CHUNKS	   (32ull * GIB / PAGE_SIZE / WINDOW_CHUNK_PAGES)

struct window {
	/* the number that the manager has given the window; 0: it is closed, or there is none */
	u32 number;
	u32 under_way; /* requests at the device that use the window */
	u64 at;	       /* the device address of the RAM's first byte */
	u64 pages;
	u64 populated[WINDOW_CHUNKS / 64]; /* a bit for each chunk whose pages are populated */
};

/* Opens the window of RAM that the manager has given in `part`; no chunk of it is populated yet. */
void window_change(struct window *window, const struct disk_client_part *part);
/* Closes the window to new requests; requests under way continue. */
void window_close(struct window *window);
/*
 * Checks a request with data in the client's RAM, and populates its pages. Returns BLOCK_OK if the
 * device can do it; BLOCK_COPY if it cannot through this window; BLOCK_REFUSED if the pages are not
 * the client's.
 */
enum block_status window_check(struct window *window, const struct block_request *request);
/* Writes to `address` the device address of each page of a checked request's data. */
void window_addresses(const struct window *window, const struct block_request *request,
		      u64 *address);
