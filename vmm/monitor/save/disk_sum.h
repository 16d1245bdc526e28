/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/disk/disk_client.h"
#include "vmm/monitor/save/save_disk.h"
#include "vmm/monitor/state/stream.h"

/*
 * A keyed sum over the content of a writable disk: a saved VM is restored only if the disk still
 * has the same content.
 */

/*
 * Returns the next disk that this process was started with and may write to; NULL after the last.
 */
const struct start_entry *disk_sum_next(const struct start_entry *last);

/*
 * Computes the keyed sum of all of a disk, on whose link no request is under way, with the stream's
 * key for disk `number`; flushes the disk first. Returns false on failure; disk->problem says why.
 * Calls `moved` now and then, to show progress.
 */
bool disk_sum(struct save_disk *disk, const struct stream *stream, u32 number, void (*moved)(void),
	      u8 sum[STREAM_SUM_BYTES]) MUST_CHECK;
