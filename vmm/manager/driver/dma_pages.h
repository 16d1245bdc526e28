/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "lib/status.h"

/*
 * New memory, charged to the group, that holds the host-physical address of each page of part of a
 * memory object, which is populated: for drivers whose device does DMA.
 */
enum status dma_pages_make(handle_t group, handle_t memory, u64 offset, u64 bytes,
			   handle_t *pages) MUST_CHECK;
