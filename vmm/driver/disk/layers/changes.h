/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/driver/disk/core/layer.h"
#include "vmm/io/disk_changes.h"

/*
 * The blocks that a client has changed in its part of a disk, for a backup: a bit for each block,
 * set before the device receives the write. vmm/io/disk_changes.h defines the memory.
 */
struct changes {
	/*
	 * the number of the point in time (of a backup) since which changes are recorded; 0: none
	 * are recorded
	 */
	u32 number;
	struct disk_changes_head *head;
	u64 *half[2];
	u64 blocks; /* the number of blocks for which the bitmap has bits */
};

extern const struct layer changes_layer;
/*
 * The layer of changes for a client with a volume, whose store may end a change without its device.
 */
extern const struct layer changes_of_volume_layer;

/* Returns the record of a client's changes. */
struct changes *changes_of(const struct client *client);
