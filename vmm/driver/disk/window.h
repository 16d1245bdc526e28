/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/driver/disk/driver.h"
#include "vmm/io/driver_channel.h"

/*
 * A client's RAM, as far as the device reaches it. It is mapped for as long as the window is open,
 * but populated by pieces: a device cannot wait for a page, so a request goes to it only when all
 * of its pages are there.
 */
#define WINDOW_CHUNK_PAGES 512u
#define WINDOW_CHUNKS	   (32ull * GIB / PAGE_SIZE / WINDOW_CHUNK_PAGES)

struct window {
	u32 number;    /* 0: it is closed, or there is none */
	u32 under_way; /* requests with the device */
	u64 at;	       /* the device's address of the RAM's first byte */
	u64 pages;
	u64 populated[WINDOW_CHUNKS / 64]; /* a bit for each chunk */
};

/* The window that the manager gives: nothing of it is populated. */
void window_change(struct window *window, const struct disk_client_part *part);
/* Takes no more requests; what is under way stays. */
void window_close(struct window *window);
/*
 * Whether the device can do a request with data in the client's RAM, whose pages are then there.
 * BLOCK_COPY: not through this window; BLOCK_REFUSED: the pages are not the client's.
 */
enum block_status window_check(struct window *window, const struct block_request *request);
/* Where the device finds each page of a request that has been checked. */
void window_addresses(const struct window *window, const struct block_request *request,
		      u64 *address);
