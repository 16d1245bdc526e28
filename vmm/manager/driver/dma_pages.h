/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "lib/status.h"

/* Where a device finds a piece of memory by DMA. */
struct dma_window {
	handle_t space; /* the device's space; HANDLE_NONE: the device uses physical addresses */
	u64 at;		/* the memory's address in that space */
};

/*
 * Makes a memory object with the addresses under which a device finds the pages of `memory` from
 * `offset` on: populated, and in the device's space if it has one. Charged to the group. After a
 * failure *pages may be an object that goes with the group, and part of the memory may be in the
 * space.
 */
enum status dma_pages_make(handle_t group, const struct dma_window *window, handle_t memory,
			   u64 offset, u64 bytes, handle_t *pages) MUST_CHECK;
