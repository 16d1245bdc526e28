/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/driver/driver.h"
#include "vmm/manager/disk/disk_undo.h"

/*
 * A list of the blocks of a VM's disk that changed since its last backup, or since the last round
 * of a rekey. The disk's driver fills it, in memory that the VM's memory group pays for;
 * vmm/io/disk_changes.h has the layout.
 */

/*
 * Makes the list of changed blocks for a link, if it has none. Returns false, with the reason in
 * `problem`, if it cannot.
 */
bool disk_changes_make(struct driver_link *link, handle_t group, char *problem, size_t size);
/* Returns how many pages of memory the link's list of changes takes. */
u64 disk_changes_pages(const struct driver_link *link);
/*
 * Begins the list anew, while no request to the disk is under way: from now on it has the blocks
 * that change after this point in time. With `merge` it keeps the blocks that changed before, as
 * the last backup has failed.
 */
void disk_changes_begin(struct driver_link *link, bool merge);
/*
 * Returns whether the driver has taken note of the last disk_changes_begin; before that, the list
 * may not be begun anew.
 */
bool disk_changes_begun(const struct driver_link *link);
/* Returns whether the list has all changes since it was begun, as far as the driver reports. */
bool disk_changes_are_whole(const struct driver_link *link);

/*
 * Gives a process, to read, the bits of the blocks that changed between the last two points in time
 * at which the list was begun, as START_STATE.
 */
void disk_changes_give(const struct driver_link *link, struct process_build *build);

/*
 * Returns the description of the list of changes for the driver; `shown` is the description that it
 * has.
 */
struct disk_changes_given disk_changes_given(const struct driver_link *link,
					     const struct disk_changes_given *shown);
void disk_changes_show(const struct driver_link *link, struct disk_changes_given *shown);
