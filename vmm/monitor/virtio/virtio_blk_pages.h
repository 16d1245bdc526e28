/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/virtio/virtio_blk.h"

/* Makes a chain of the request's segments, as they were copied when it was taken. */
void blk_load_chain(const struct blk_request *request, struct virtio_chain *chain);
/*
 * Finds the pages of RAM that the next `bytes` of a request's data fill, so that the host's disk
 * controller may access them without a copy: all but the last one whole, each from its start.
 * Returns false if the data lie otherwise. Writes up to BLOCK_DIRECT_PAGES page numbers to `page`.
 */
bool blk_find_pages(const struct virtio_blk *blk, const struct blk_request *request, u64 bytes,
		    u32 *page) MUST_CHECK;
