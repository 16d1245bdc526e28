/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "lib/bits.h"

/*
 * Backups of disks, as they lie in the place that a copy goes to. Integers are little-endian.
 *
 * A full one is the disk itself from the place's first byte on; its header is the place's last
 * whole block of BACKUP_HEADER_BYTES. A differential one begins with its header; then come the
 * numbers of the blocks that it has, u64 each, rising, and from `data_at` on those blocks in that
 * order, each of BACKUP_BLOCK_BYTES: what the disk's last one lacks is zero.
 *
 * The header is written when all else is on the medium. docs/guides/backup_image.py makes a disk's
 * image of a chain.
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

/* The label of a backup: which one it is. Ids are random. */
struct backup_label {
	u8 chain[BACKUP_ID_BYTES]; /* the id of the full backup with which its chain begins */
	u8 id[BACKUP_ID_BYTES];
	u8 base[BACKUP_ID_BYTES]; /* the id of the backup before it; zeros for a full one */
	u32 sequence;		  /* the backup's place in the chain, counted from 0 */
	u32 kind;		  /* the kind of the backup, enum backup_kind */
};

struct backup_header {
	u8 magic[8];
	u32 version;
	u32 check; /* CRC-32C of the header, computed with zero in this field */
	struct backup_label label;
	u64 disk_bytes;
	u64 block_bytes;
	u64 blocks;	  /* the number of blocks that a differential backup has */
	u64 data_at;	  /* where the blocks of a differential backup begin */
	u64 unix_seconds; /* when the backup was made; 0: unknown */
	char vm[32];
	char disk[32];
	u8 zero[BACKUP_HEADER_BYTES - 176];
};
_Static_assert(sizeof(struct backup_header) == BACKUP_HEADER_BYTES, "one block");

/*
 * Return the bytes that a place must have for a full backup of a disk of so many bytes, and for a
 * differential one of so many blocks.
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
