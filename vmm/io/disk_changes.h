/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "lib/bits.h"
#include "vmm/io/block.h"

/*
 * A list of the blocks of a client's part of a disk that were changed since a point in time. It
 * lies in memory that the client's group pays for, which the driver writes and which outlives the
 * driver: a head, then two halves, each with a bit for every block. Points in time are numbered:
 * changes since point n set bits in half n & 1, and the other half has the bits for the time
 * between point n - 1 and point n.
 */
#define DISK_CHANGES_BLOCK_BYTES   0x10000u
#define DISK_CHANGES_BLOCK_SECTORS (DISK_CHANGES_BLOCK_BYTES / BLOCK_SECTOR_BYTES)

/* The head of the list of changes, which fills its first page. */
struct disk_changes_head {
	u32 number; /* number of the last point in time; 0: there was none yet */
	/* not 0: changes were missed, and the list cannot be used until its memory is made anew */
	u32 lost;
};

static inline u64 disk_changes_blocks(u64 sectors)
{
	return sectors / DISK_CHANGES_BLOCK_SECTORS + (sectors % DISK_CHANGES_BLOCK_SECTORS != 0);
}

/* Returns the size of the memory that a list of changes for `sectors` sectors needs. */
static inline u64 disk_changes_bytes(u64 sectors)
{
	return PAGE_SIZE + 2 * align_up(disk_changes_blocks(sectors) / 8 + 1, PAGE_SIZE);
}

static inline u64 disk_changes_half_bytes(u64 bytes)
{
	return (bytes - PAGE_SIZE) / 2;
}

/* Returns the offset of half `number` & 1 in a list of changes of `bytes`. */
static inline u64 disk_changes_half_at(u64 bytes, u32 number)
{
	return PAGE_SIZE + (number & 1) * disk_changes_half_bytes(bytes);
}
