/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/driver/driver.h"
#include "vmm/manager/disk/disk_undo.h"

/*
 * A list of the blocks of a VM's disk that changed since its last backup. The disk's driver fills
 * it, in memory of the VM's group; vmm/io/disk_changes.h has the layout.
 */

/* Makes the list where there is none. Returns false, with the reason in `problem`, if it cannot. */
bool disk_changes_make(struct driver_link *link, handle_t group, char *problem, size_t size);
/* Returns the pages that the list takes. */
u64 disk_changes_pages(const struct driver_link *link);
/*
 * Sets a point in time, while no request is under way: from now on the list has the blocks that
 * change after this point. With `merge`, blocks that changed before it still count, as the last
 * backup has failed.
 */
void disk_changes_begin(struct driver_link *link, bool merge);
/* Returns whether the driver has noted the last point; before that no other may be set. */
bool disk_changes_begun(const struct driver_link *link);
/* Returns whether the list has all changes, as far as the driver reports. */
bool disk_changes_are_whole(const struct driver_link *link);

/* Returns what the driver is told of the list; `shown` is what it was told before. */
struct disk_changes_given disk_changes_given(const struct driver_link *link,
					     const struct disk_changes_given *shown);
void disk_changes_show(const struct driver_link *link, struct disk_changes_given *shown);
