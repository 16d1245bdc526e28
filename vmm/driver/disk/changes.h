/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/io/disk_changes.h"
#include "vmm/io/disk_channel.h"

struct client;

/*
 * The blocks that a client has changed in its part of a disk, for a backup: a bit for each block,
 * set before the device receives the write. vmm/io/disk_changes.h defines the memory.
 */
struct changes {
	u32 number; /* the last point's; 0: changes are not recorded */
	struct disk_changes_head *head;
	u64 *half[2];
	u64 blocks; /* blocks the bitmap has room for */
};

/*
 * Opens the bitmap at a new point, at which no request of the client is under way, or takes over
 * what an earlier process has left for the same point. Any other content counts as lost.
 */
void changes_open(struct changes *changes, const struct disk_changes_given *given);
/* Records that these sectors are about to change. */
void changes_set(struct changes *changes, u64 sector, u64 sectors);

static inline void changes_note(struct changes *changes, u32 operation, u64 sector, u64 sectors)
{
	if (unlikely(changes->number != 0) && operation != BLOCK_READ && operation != BLOCK_FLUSH)
		changes_set(changes, sector, sectors);
}

/* Carries out the manager's latest command about the client's bitmap. */
void changes_take_command(struct client *client);
