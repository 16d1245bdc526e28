/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/disk/disk_client.h"
#include "vmm/monitor/save/save_disk.h"
#include "vmm/monitor/state/stream.h"

/*
 * What a disk that the VM may write to holds, as a sum: so a save is restored only beside the
 * content that it was made beside, whoever has written meanwhile.
 */

/* Each [disk] that this process was started with and may write to; NULL after the last. */
const struct start_entry *disk_sum_next(const struct start_entry *last);

/*
 * Over all of a disk, of which nothing is under way, with the stream's key for the disk of that
 * number. What was written is on the medium then. False: disk->problem says why not. `moved` is
 * called now and then.
 */
bool disk_sum(struct save_disk *disk, const struct stream *stream, u32 number,
	      void (*moved)(void), u8 sum[STREAM_SUM_BYTES]) MUST_CHECK;
