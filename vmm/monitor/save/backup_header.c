/* SPDX-License-Identifier: MIT */
/*
 * Reads and checks headers of backups (vmm/io/backup.h). Called by backup_target.c and restorer.c;
 * treats the disk's bytes as hostile.
 */
#include "vmm/monitor/save/backup_header.h"

#include "lib/string.h"
#include "vmm/monitor/state/record.h"
#include "vmm/rt/crc32c.h"

u32 backup_header_check(const struct backup_header *header)
{
	struct backup_header copy = *header;

	copy.check = 0;
	return crc32c(0, &copy, sizeof(copy));
}

u64 backup_tail_at(const struct save_disk *disk)
{
	return align_down(disk->bytes, BACKUP_HEADER_BYTES) - BACKUP_HEADER_BYTES;
}

bool backup_header_read(struct save_disk *disk, u64 at, struct backup_header *header, bool *is_one)
{
	if (!save_disk_read(disk, at, header, sizeof(*header)))
		return false;
	*is_one = memcmp(header->magic, BACKUP_MAGIC, sizeof(header->magic)) == 0 &&
		  header->version == BACKUP_VERSION && header->check == backup_header_check(header);
	return true;
}
