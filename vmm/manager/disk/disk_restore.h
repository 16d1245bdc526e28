/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/io/restorer_page.h"
#include "vmm/manager/driver/driver.h"

/*
 * A disk that nobody uses is written from a chain of backups: by a process that has links to it and
 * to the places where these are, and nothing else. One at a time; nobody can use any of these disks
 * meanwhile, but for reading the places.
 */
enum disk_restore_phase {
	RESTORE_NONE,
	RESTORE_COPYING,
	RESTORE_ENDING, /* the drivers let go of its links */
};

struct disk_restore {
	enum disk_restore_phase phase;
	u32 number; /* of the last one, from 1 on; 0: there was none */
	char name[CONFIG_NAME_BYTES]; /* of the disk */
	struct restorer_page seen;    /* a copy of what its process has said last */
	char problem[224];	      /* why the last one has failed; "": it has not */
	/* while it is under way */
	handle_t group;
	handle_t process;
	struct restorer_page *page; /* written by the process: read each field once */
	struct driver_link *to;
	struct driver_link *from[BACKUP_CHAIN_MAX];
	u64 until_tsc; /* it has to have moved by then */
	u64 moved;
};

/*
 * Begins; `place` are the numbers of the disks with the backups, the full one first. False:
 * `problem` says why not, and nothing has changed.
 */
bool disk_restore_begin(u32 disk, const u32 *place, u32 count, char *problem, size_t size);
/* The one under way, or else the last one. */
const struct disk_restore *disk_restore_last(void);

/* Its process has ended. */
void disk_restore_ended(void);
/* One step of what is under way; true when there is more to do at once. */
bool disk_restore_step(void);
u64 disk_restore_deadline(void);
