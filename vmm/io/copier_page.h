/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/io/backup.h"

#define COPIER_DISK_MAX 16u

/*
 * The page that the manager shares with the process that copies a VM's disks. The process may be
 * broken. Of the VM it has nothing but links to its disks as they were at one moment (START_DISK
 * n), and for a differential backup a bit for each block that has changed (START_STATE, in the
 * order of n); it also has links to the destinations of the copies (START_SAVE n). The process ends
 * when it is done.
 */
enum copier_state {
	COPIER_COPIES,
	COPIER_DONE, /* all copies are on their destinations' media */
	COPIER_FAILED,
};

struct copier_page {
	/* The manager writes the fields from here on, before the process runs. */
	u32 overwrite; /* 1: the contents of the destinations may be overwritten */
	u32 pad;
	u64 unix_seconds;
	struct backup_label label[COPIER_DISK_MAX]; /* the backup label of the copy of disk n */
	/* size of disk n: a disk of another size is not backed up */
	u64 disk_bytes[COPIER_DISK_MAX];

	/* The process writes the fields from here on. */
	u32 state; /* enum copier_state */
	u32 pad2;
	u64 copied_bytes; /* number of bytes that were copied, of all disks together */
	/* how many bytes the copier has to copy for all disks; 0: it does not know yet */
	u64 all_bytes;
	u64 moved; /* a number that grows as long as the copier makes progress */
	char problem[160];
};
_Static_assert(sizeof(struct copier_page) <= PAGE_SIZE, "one page");
