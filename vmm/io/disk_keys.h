/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/io/block.h"

#define DISK_KEY_BYTES 32u
#define DISK_KEY_MAX   16u /* the most disks of a VM */

enum disk_key_kind {
	DISK_KEY_NONE,
	DISK_KEY_DISK,
	/*
	 * like DISK_KEY_DISK, but blocks that were never written are zeros, on the disk and for the
	 * guest
	 */
	DISK_KEY_VOLUME,
};

/*
 * A page with the keys of a VM's encrypted disks. The manager fills it and unmaps it before the
 * monitor runs; no other process is given it, and the monitor wipes it once it has opened the
 * disks. It is the monitor's START_DISK_FILE entry.
 */
struct disk_keys {
	struct {
		/*
		 * enum disk_key_kind; not DISK_KEY_NONE: disk `number` is encrypted with this key
		 */
		u32 given;
		u32 number;
		u8 key[DISK_KEY_BYTES];
	} disk[DISK_KEY_MAX];
};
_Static_assert(sizeof(struct disk_keys) <= PAGE_SIZE, "one page");

/*
 * An encrypted disk begins with a block of this form, which its guest does not see. It is written
 * once, when an empty disk is first used. Numbers are little-endian.
 */
#define DISK_SECRET_MAGIC   "SKERRY ENCRYPTED"
#define DISK_SECRET_VERSION 1u
/* size of this header, and of each block that is encrypted as a unit */
#define DISK_SECRET_BYTES	4096u
#define DISK_SECRET_SECTORS	(DISK_SECRET_BYTES / BLOCK_SECTOR_BYTES)
#define DISK_SECRET_SALT_BYTES	32u
#define DISK_SECRET_CHECK_BYTES 32u

struct disk_secret_header {
	char magic[16];
	u32 version;
	u32 block_bytes;
	u64 reserved;
	u8 salt[DISK_SECRET_SALT_BYTES];
	/* HMAC-SHA-256 of all fields of the header before this one */
	u8 check[DISK_SECRET_CHECK_BYTES];
	u8 zeros[DISK_SECRET_BYTES - 96];
};
_Static_assert(sizeof(struct disk_secret_header) == DISK_SECRET_BYTES, "one block");
