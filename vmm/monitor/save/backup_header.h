/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/io/backup.h"
#include "vmm/monitor/save/save_disk.h"

/* Returns the CRC-32C of a header, computed with 0 in the field `check`. */
u32 backup_header_check(const struct backup_header *header);
/*
 * Returns the offset in bytes, on the disk of a full backup, of that backup's header; a
 * differential backup's header is at 0.
 */
u64 backup_tail_at(const struct save_disk *disk);
/*
 * Reads a possible backup header, at offset `at`; sets *is_one to whether it is an intact header of
 * this version. Returns false if the disk could not be read; disk->problem then says why.
 */
bool backup_header_read(struct save_disk *disk, u64 at, struct backup_header *header,
			bool *is_one) MUST_CHECK;
