/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"

/*
 * The page that the manager shares with the process that moves a volume's content. The process may
 * be broken. It has a link to the volume (START_DISK), a transfer to or from the machine channel
 * (START_SAVE) if it reads or writes, and nothing else, but for CONTENT_REKEY: then it has a link
 * to another volume, and both keys in a page (START_DISK_FILE, struct disk_keys: CONTENT_KEY_OLD
 * and CONTENT_KEY_NEW). A later round of a rekey also has a bit for each block that has changed
 * since the round before (START_STATE, vmm/io/disk_changes.h), and copies these alone. For
 * CONTENT_EXPORT and CONTENT_IMPORT it has links to the volume and to a disk. The process ends when
 * it is done.
 */
enum content_operation {
	CONTENT_WRITE,	/* writes bytes from the transfer to the volume */
	CONTENT_READ,	/* writes bytes from the volume to the transfer */
	CONTENT_DIGEST, /* computes the SHA-256 of the volume's content */
	/*
	 * decrypts the volume (START_DISK) and encrypts it by another key to another volume
	 * (START_SAVE), which holds zeros, or the output of an earlier round
	 */
	CONTENT_REKEY,
	/* copies the volume (START_DISK) to the first sectors of a disk (START_SAVE) */
	CONTENT_EXPORT,
	/* copies a disk (START_DISK) to a volume (START_SAVE) that holds zeros */
	CONTENT_IMPORT,
	CONTENT_OPERATION_COUNT
};

enum content_state {
	CONTENT_WORKS,
	CONTENT_DONE, /* the operation is done: the written data are on the medium */
	CONTENT_FAILED,
	CONTENT_TOO_MUCH, /* more blocks have changed than `most` allows; nothing was written */
};

/* Indices in struct disk_keys of the volume's old and new key. */
enum content_key {
	CONTENT_KEY_OLD,
	CONTENT_KEY_NEW,
};

/* The offset content_page.from must be a multiple of this number. */
#define CONTENT_STEP_BYTES 4096u

struct content_page {
	/* The manager writes the fields from here on, before the process begins. */
	u32 operation; /* enum content_operation */
	u32 pad0;
	u64 from;
	u64 bytes; /* how many bytes to move or digest; fewer if the volume ends before */
	u64 most;  /* for a later round of a rekey: the most bytes to copy; 0: there is no limit */

	/* The process writes the fields from here on. */
	u32 state; /* enum content_state */
	u32 pad1;
	u64 moved; /* a number that grows as long as the process makes progress */
	u8 digest[32];
	char problem[160];
};
_Static_assert(sizeof(struct content_page) <= PAGE_SIZE, "one page");
