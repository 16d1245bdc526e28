/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/driver/disk/core/device.h"

/* The GUID partition table (UEFI 2.10, 5.3): read only, never repaired. */

/* The place of the partition table's entries, from a header that has been checked. */
struct gpt_header {
	u64 first_usable; /* the number of the first block that a partition may use */
	u64 last_usable;
	u64 entries;
	u32 entry_count;
	u32 entry_bytes;
	u32 entries_crc;
};

enum gpt_result {
	GPT_NONE,   /* the disk has no GPT */
	GPT_BROKEN, /* the disk has a GPT that must not be trusted: `problem` says why */
	GPT_GOOD,
};

/*
 * Returns whether a GPT behind this first sector is in force (UEFI 2.10, 5.2.3): the sector has a
 * protective entry, alone or beside others, or is empty. Otherwise the GPT is a leftover of the
 * disk's former use, and trusting it would damage the disk's present content.
 */
bool gpt_counts(const u8 *sector);
/* Parses the header in `block`, the disk's block 1 of block_bytes; the disk has `blocks` blocks. */
enum gpt_result gpt_parse_header(const u8 *block, u32 block_bytes, u64 blocks,
				 struct gpt_header *header, char *problem, size_t size);
/*
 * Parses entry_count * entry_bytes bytes at `entries`. Returns the number of partitions, whose
 * places are in sectors of 512 bytes; -1: `problem` says what is wrong.
 */
int gpt_parse_entries(const u8 *entries, const struct gpt_header *header, u32 block_bytes,
		      struct disk_partition partition[DISK_PARTITION_MAX], char *problem,
		      size_t size);

/* Publishes the disk's partitions to the manager, or why there are none. */
void gpt_read(const struct driver_disk *disk, struct disk_unit *unit);
