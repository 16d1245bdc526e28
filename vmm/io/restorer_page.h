/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/io/backup.h"

/*
 * The page that the manager shares with the process that restores a disk. The process may be
 * broken. It has links to the disk (START_DISK) and to the backups of one chain (START_SAVE n, from
 * the full one on), and nothing else. The process ends when it is done.
 */
enum restorer_state {
	RESTORER_COPIES,
	RESTORER_DONE, /* the whole disk is on the medium */
	RESTORER_FAILED,
};

/* The page that the restorer process writes and the manager reads. */
struct restorer_page {
	u32 state;   /* enum restorer_state */
	u32 touched; /* not 0: the restorer has written to the disk */
	u64 copied_bytes;
	/* how many bytes the restorer has to copy in all; 0: it does not know yet */
	u64 all_bytes;
	u64 moved;	  /* a number that grows as long as the restorer makes progress */
	u64 unix_seconds; /* Unix time at which the last backup of the chain was made */
	char vm[32];	  /* name of the VM whose disk was backed up */
	char disk[32];
	char problem[160];
};
_Static_assert(sizeof(struct restorer_page) <= PAGE_SIZE, "one page");
