/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "lib/bits.h"

/*
 * Backups of disks, as they lie at their destination, a disk or a part of one. Integers are
 * little-endian.
 *
 * A full backup has the whole disk from the destination's first byte on; its header is the
 * destination's last whole block of BACKUP_HEADER_BYTES. A differential backup begins with its
 * header; then come the numbers of the blocks that it has, u64 each, in rising order, and from
 * `data_at` on those blocks in the same order, each of BACKUP_BLOCK_BYTES: where the disk ends
 * within the last block, zeros follow.
 *
 * The header is written when all else is on the medium. docs/guides/backup_image.py makes an image
 * of the disk from a chain of backups.
 */
#define BACKUP_MAGIC	    "SKBACKUP"
#define BACKUP_VERSION	    1u
#define BACKUP_HEADER_BYTES 4096u
#define BACKUP_BLOCK_BYTES  0x10000u
#define BACKUP_ID_BYTES	    16u
#define BACKUP_CHAIN_MAX    8u /* the most backups in one chain, the full one included */

enum backup_kind {
	BACKUP_FULL = 1,
	BACKUP_DIFF = 2,
};

/* The label of a backup, which identifies it. Ids are random. */
struct backup_label {
	u8 chain[BACKUP_ID_BYTES]; /* the id of the full backup with which its chain begins */
	u8 id[BACKUP_ID_BYTES];
	/* the id of the backup before this one in its chain; zeros for a full backup */
	u8 base[BACKUP_ID_BYTES];
	u32 sequence; /* the backup's number in its chain, from 0 on */
	u32 kind;     /* the kind of the backup, enum backup_kind */
};

struct backup_header {
	u8 magic[8];
	u32 version;
	u32 check; /* CRC-32C of the header, computed with zero in this field */
	struct backup_label label;
	u64 disk_bytes;
	u64 block_bytes;
	u64 blocks; /* the number of blocks that a differential backup has */
	/* offset in the destination at which a differential backup's blocks begin, in bytes */
	u64 data_at;
	u64 unix_seconds; /* when the backup was made, as Unix time; 0: unknown */
	char vm[32];
	char disk[32];
	u8 zero[BACKUP_HEADER_BYTES - 176];
};
_Static_assert(sizeof(struct backup_header) == BACKUP_HEADER_BYTES, "one block");

/*
 * Returns how many bytes the destination of a full backup of a disk of `disk_bytes` must have;
 * backup_diff_bytes that of a differential backup of `blocks` blocks.
 */
static inline u64 backup_full_bytes(u64 disk_bytes)
{
	return align_up(disk_bytes, BACKUP_HEADER_BYTES) + BACKUP_HEADER_BYTES;
}

static inline u64 backup_data_at(u64 blocks)
{
	return BACKUP_HEADER_BYTES + align_up(blocks * sizeof(u64), BACKUP_HEADER_BYTES);
}

static inline u64 backup_diff_bytes(u64 blocks)
{
	return backup_data_at(blocks) + blocks * BACKUP_BLOCK_BYTES;
}
