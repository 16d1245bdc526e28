/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/driver/driver.h"

/*
 * What a VM's disk held at its latest snapshot. The disk's driver keeps it, in memory of the VM's
 * group, and begins anew with each number. It outlives the driver's process.
 */

enum disk_undo_state {
	DISK_UNDO_PENDING, /* the driver has not said so yet */
	DISK_UNDO_DONE,
	DISK_UNDO_FAILED,
};

/* Memory for it, or more of it, while it is in use as well. False: `problem` says why not. */
bool disk_undo_make(struct driver_link *link, handle_t group, u64 bytes, char *problem,
		    size_t size);
/* From now on all that the disk holds at this moment is kept: nothing is under way. */
void disk_undo_begin(struct driver_link *link);
enum disk_undo_state disk_undo_begun(const struct driver_link *link);
/* Why it does not hold all; NULL: it does, as far as is known. */
const char *disk_undo_problem(const struct driver_link *link);
/* Whether that is so as there was no room. */
bool disk_undo_is_full(const struct driver_link *link);
/* Whether there is not much room left since: true once. */
bool disk_undo_becomes_low(struct driver_link *link);
u64 disk_undo_kept_bytes(const struct driver_link *link);

/* It shall go back to the disk, of which nothing else is asked meanwhile. */
void disk_undo_put_back(struct driver_link *link);
enum disk_undo_state disk_undo_is_back(const struct driver_link *link);
/* Whatever became of that. */
void disk_undo_go_on(struct driver_link *link);

/* Nothing is kept any more. */
void disk_undo_close(struct driver_link *link);
/* True: its memory is given back now, as the driver has let go of what was closed. */
bool disk_undo_release(struct driver_link *link);

/* What the driver is told: in `shown` is what it was told before. */
struct disk_undo_given disk_undo_given(const struct driver_link *link,
				       const struct disk_undo_given *shown);
void disk_undo_show(const struct driver_link *link, struct disk_undo_given *shown);
