/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/disk/store.h"

/*
 * Copies a volume to a disk, or a disk to a new volume, unchanged and while VMs run, by a process
 * of content.c. One copy is under way at a time. The source has no writer meanwhile, and the target
 * no other user. A new volume has a name of the manager's until it is complete.
 */

/*
 * Begins to copy the volume to the first sectors of the disk, whose name is `disk`. Returns the
 * copy's number, or 0, with the reason in `problem`, if nothing was begun.
 */
u32 volume_export_begin(struct store *store, const struct store_volume *volume, const char *disk,
			char *problem, size_t size);
/*
 * Begins to make a volume of that name with the disk's content. Returns the copy's number, or 0,
 * with the reason in `problem`.
 */
u32 volume_import_begin(struct store *store, const char *name, const char *disk, char *problem,
			size_t size);
/*
 * Returns whether the copy of that number has ended; `problem` then says why it has failed, or is
 * "".
 */
bool volume_copy_ended(u32 number, char *problem, size_t size);
/*
 * Gives the copy up: a new volume is dropped, and a disk holds nothing whole. Returns false if none
 * is under way, or all is copied.
 */
bool volume_copy_cancel(void);
/* Returns whether the copy under way makes a volume of that name. */
bool volume_copy_needs(const char *name);
/*
 * Returns whether an import has ended since the last call, so that its volume, with a name of the
 * manager's, may be left behind.
 */
bool volume_copy_left(void);

/* The progress of the copy under way, or the outcome of the last one, for the operator. */
struct volume_copy_progress {
	u32 number; /* the copy's number; 0: there was none since the host was booted */
	const char *store;
	const char *volume;
	const char *disk;
	bool import;
	const char *state; /* "copies", "done" or "failed" */
	u64 copied_bytes;
	u64 all_bytes;
	const char *problem;
};
struct volume_copy_progress volume_copy_progress(void);

/* Does the next step of the copy. Returns whether another step is due at once. */
bool volume_copy_step(void);
/* Returns the TSC at which the next step is due even if nothing happens before; ~0: never. */
u64 volume_copy_deadline(void);
