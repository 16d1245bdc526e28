/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/driver/driver.h"

/*
 * The old blocks of a VM's disk, as they were at its latest snapshot. The disk's driver keeps them,
 * in memory that the VM's memory group pays for, and begins anew when it is told a new number. They
 * outlive the driver's process.
 */

enum disk_undo_state {
	DISK_UNDO_PENDING, /* the driver has not reported yet whether the blocks are back */
	DISK_UNDO_DONE,
	DISK_UNDO_FAILED,
};

/*
 * Makes memory for old blocks, or adds more while old blocks are kept in it. Returns false, with
 * the reason in `problem`, if that is not possible.
 */
bool disk_undo_make(struct driver_link *link, handle_t group, u64 bytes, char *problem,
		    size_t size);
/*
 * Has the driver keep a copy of each block before it is overwritten from now on. No request to the
 * disk may be under way.
 */
void disk_undo_begin(struct driver_link *link);
enum disk_undo_state disk_undo_begun(const struct driver_link *link);
/* Returns why not all old blocks are kept, or NULL if they are, as far as is known. */
const char *disk_undo_problem(const struct driver_link *link);
/* Returns whether some old blocks were not kept because there was no room for them. */
bool disk_undo_is_full(const struct driver_link *link);
/* Returns whether little room for old blocks is left; true only the first time. */
bool disk_undo_becomes_low(struct driver_link *link);
u64 disk_undo_kept_bytes(const struct driver_link *link);

/* Has the driver put the old blocks back. Nobody may send it requests for the disk meanwhile. */
void disk_undo_put_back(struct driver_link *link);
enum disk_undo_state disk_undo_is_back(const struct driver_link *link);
/* Ends the putting back of old blocks, whether it succeeded or not. */
void disk_undo_go_on(struct driver_link *link);

/* Ends the keeping of old blocks. */
void disk_undo_close(struct driver_link *link);
/* Frees the memory for old blocks if the driver has stopped using it; returns whether it did. */
bool disk_undo_release(struct driver_link *link);

/*
 * Returns the description of the old blocks for the driver; `shown` is the description that it has.
 */
struct disk_undo_given disk_undo_given(const struct driver_link *link,
				       const struct disk_undo_given *shown);
void disk_undo_show(const struct driver_link *link, struct disk_undo_given *shown);
