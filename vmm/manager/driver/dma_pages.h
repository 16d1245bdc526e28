/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "lib/status.h"

/* Where a device finds memory. */
struct dma_window {
	handle_t space; /* what it may reach; HANDLE_NONE: all memory, by physical addresses */
	u64 at;		/* the memory's address in the space */
};

/*
 * Makes a memory object with the addresses under which a device finds the pages of `memory` from
 * `offset` on: populated, and in its space if it has one. Charged to the group. On failure *pages
 * may be one that goes with it, and part of the memory may be in the space.
 */
enum status dma_pages_make(handle_t group, const struct dma_window *window, handle_t memory,
			   u64 offset, u64 bytes, handle_t *pages) MUST_CHECK;
