/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/io/backup.h"

#define COPIER_DISK_MAX 16u

/*
 * What the manager and the process that copies a VM's disks share: one page. The process may be
 * broken. It has nothing else of the VM but links: to what its disks held at one point (START_DISK
 * n) and to where copies go (START_SAVE n), and of a differential backup a bit for each block that
 * has changed (START_STATE, in the order of n). It ends when it is done.
 */
enum copier_state {
	COPIER_COPIES,
	COPIER_DONE, /* all of it is on the medium */
	COPIER_FAILED,
};

struct copier_page {
	/* written by the manager, before the process runs */
	u32 overwrite; /* 1: whatever the places hold may be lost */
	u32 pad;
	u64 unix_seconds;
	struct backup_label label[COPIER_DISK_MAX]; /* of the copy of disk n */
	u64 disk_bytes[COPIER_DISK_MAX]; /* of disk n: there is no backup of another size */

	/* written by the process */
	u32 state; /* enum copier_state */
	u32 pad2;
	u64 copied_bytes; /* of all disks */
	u64 all_bytes;	  /* that it has to copy; 0: it does not know yet */
	u64 moved;	  /* grows as long as anything does */
	char problem[160];
};
_Static_assert(sizeof(struct copier_page) <= PAGE_SIZE, "one page");
