/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/virtio/virtio_blk.h"

/*
 * The pages of RAM that the next `bytes` of a request's data fill, so that the device may have them
 * itself, without a copy: all but the last one whole, each from its start. False: they lie in
 * another way. Fills up to BLOCK_REQUEST_PAGES.
 */
bool blk_find_pages(const struct guest_memory *memory, const struct blk_request *request, u32 bytes,
		    u32 *page) MUST_CHECK;
