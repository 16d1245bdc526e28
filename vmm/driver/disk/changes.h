/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/io/disk_changes.h"
#include "vmm/io/disk_channel.h"

struct client;

/*
 * What a client changes of its part of a disk, for a backup: a bit for each block, set before the
 * device is given the write. vmm/io/disk_changes.h has the memory.
 */
struct changes {
	u32 number; /* of the last point; 0: nothing is noted */
	struct disk_changes_head *head;
	u64 *half[2];
	u64 blocks; /* that there is room for */
};

/*
 * A point, where nothing of the client is under way, or the memory that an earlier process left
 * there. What is not one of the two counts as lost.
 */
void changes_open(struct changes *changes, const struct disk_changes_given *given);
/* Those sectors are about to change. */
void changes_set(struct changes *changes, u64 sector, u64 sectors);

static inline void changes_note(struct changes *changes, u32 operation, u64 sector, u64 sectors)
{
	if (unlikely(changes->number != 0) && operation != BLOCK_READ && operation != BLOCK_FLUSH)
		changes_set(changes, sector, sectors);
}

/* Obeys the manager. */
void changes_take_command(struct client *client);
