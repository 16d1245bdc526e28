/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/io/restorer_page.h"
#include "vmm/manager/driver/driver.h"

/*
 * A restore of a disk or volume without users, from a chain of backups. A process does it that has
 * links to the target and to the disks with the backups, and nothing else. There is one restore at
 * a time; meanwhile these disks have no other users, except that the backups may be read.
 */
enum disk_restore_phase {
	RESTORE_NONE,
	RESTORE_COPYING,
	RESTORE_ENDING, /* the drivers detach the restore's links */
};

struct disk_restore {
	enum disk_restore_phase phase;
	u32 number;		      /* number of the last restore, from 1 on; 0: there was none */
	char name[CONFIG_DISK_BYTES]; /* name of the disk or volume that is restored */
	struct restorer_page seen;    /* a copy of the process's last report */
	char problem[224];	      /* why the last restore failed; "": it did not */
	/* the memory group that pays for the restore, while one is under way */
	handle_t group;
	handle_t process;
	/* page shared with the process, which writes it at any time: read each field once */
	struct restorer_page *page;
	struct driver_link *to;
	struct driver_link *from[BACKUP_CHAIN_MAX];
	u64 until_tsc; /* the TSC by which the process must have made progress */
	u64 moved;
};

/*
 * Begins a restore; `place` has the names of the disks and volumes with the backups, the full one
 * first. Returns false, with the reason in `problem`, if nothing was begun.
 */
bool disk_restore_begin(const char *disk, const char *const *place, u32 count, char *problem,
			size_t size);
/* Returns the restore under way, or else the last one. */
const struct disk_restore *disk_restore_last(void);

/* Notes that the process has ended. */
void disk_restore_ended(void);
/* Does one step of the restore; returns whether another is due at once. */
bool disk_restore_step(void);
u64 disk_restore_deadline(void);
