/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "lib/status.h"

/* The addresses at which a device finds a piece of memory by DMA. */
struct dma_window {
	/*
	 * the DMA address space of the device, behind an IOMMU; HANDLE_NONE: the device uses
	 * physical addresses
	 */
	handle_t space;
	u64 at; /* the memory's address in `space` */
};

/*
 * Populates `bytes` of `memory` from `offset` on, maps them in the device's space if it has one,
 * and makes a memory object with the addresses under which the device finds them. That is charged
 * to the memory group. After a failure *pages may be an object that is destroyed with the group,
 * and part of `memory` may be mapped in the device's space.
 */
enum status dma_pages_make(handle_t group, const struct dma_window *window, handle_t memory,
			   u64 offset, u64 bytes, handle_t *pages) MUST_CHECK;
