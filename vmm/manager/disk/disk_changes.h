/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/driver/driver.h"
#include "vmm/manager/disk/disk_undo.h"

/*
 * Which blocks of a VM's disk were changed since its last backup. The disk's driver notes it, in
 * memory of the VM's group; vmm/io/disk_changes.h has its layout.
 */

/* Memory for it, where there is none yet. False: `problem` says why not. */
bool disk_changes_make(struct driver_link *link, handle_t group, char *problem, size_t size);
/* Pages that it takes. */
u64 disk_changes_pages(const struct driver_link *link);
/*
 * A point, while nothing is under way: from now on changes are those since it. `merge`: those that
 * were noted before the last point still count, as its backup has failed.
 */
void disk_changes_begin(struct driver_link *link, bool merge);
/* Whether the driver has passed it; without that there can be no further one. */
bool disk_changes_begun(const struct driver_link *link);
/* Whether all changes are known as far as the driver says. */
bool disk_changes_are_whole(const struct driver_link *link);

/* What the driver is told: in `shown` is what it was told before. */
struct disk_changes_given disk_changes_given(const struct driver_link *link,
					     const struct disk_changes_given *shown);
void disk_changes_show(const struct driver_link *link, struct disk_changes_given *shown);
