/* SPDX-License-Identifier: MIT */
/*
 * Prepares the disk or partition for a backup, and writes the backup's header last
 * (backup_target.h). Called by copier.c; writes to the target disk through save_disk.c.
 */
#include "vmm/monitor/save/backup_target.h"

#include "lib/string.h"
#include "vmm/monitor/save/backup_header.h"
#include "vmm/rt/format.h"

/* The bytes at the beginning of a disk in which file systems and partition tables show. */
#define LOOK_BYTES (2 * BACKUP_BLOCK_BYTES)

static u8 piece[BACKUP_HEADER_BYTES] ALIGNED(8);

static bool backup_target_refuse(struct save_disk *disk, const char *text)
{
	format(disk->problem, sizeof(disk->problem), "%s", text);
	return false;
}

/*
 * Looks at offset `at` for the header of a backup of the chain in `label`; sets *is_one to whether
 * there is one.
 */
static bool backup_target_look_for_chain(struct save_disk *disk, u64 at,
					 const struct backup_label *label, bool *is_one)
{
	static struct backup_header header; /* a private copy of the header */

	if (!backup_header_read(disk, at, &header, is_one))
		return false;
	*is_one = *is_one && memcmp(header.label.chain, label->chain, sizeof(label->chain)) == 0;
	return true;
}

static bool backup_target_holds_base(struct save_disk *disk, const struct backup_label *label,
				     bool *holds)
{
	if (!backup_target_look_for_chain(disk, 0, label, holds))
		return false;
	return *holds || backup_target_look_for_chain(disk, backup_tail_at(disk), label, holds);
}

static bool backup_target_look_for_zeros(struct save_disk *disk, u64 from, u64 to, bool *zeros)
{
	for (u64 at = from; *zeros && at < to; at += sizeof(piece)) {
		u32 count = (u32)MIN(to - at, (u64)sizeof(piece));

		if (!save_disk_read(disk, at, piece, count))
			return false;
		for (u32 i = 0; i < count && *zeros; i++)
			*zeros = piece[i] == 0;
	}
	return true;
}

static bool backup_target_look_whether_empty(struct save_disk *disk, bool *empty)
{
	u64 head = MIN(align_down(disk->bytes, BACKUP_HEADER_BYTES), (u64)LOOK_BYTES);

	*empty = true;
	return backup_target_look_for_zeros(disk, 0, head, empty) &&
	       backup_target_look_for_zeros(disk, backup_tail_at(disk),
					    backup_tail_at(disk) + BACKUP_HEADER_BYTES, empty);
}

bool backup_target_is_fit(struct save_disk *disk, u64 needed, const struct backup_label *label,
			  bool overwrite)
{
	bool holds = false;
	bool empty = true;

	needed = MAX(needed, (u64)(2 * BACKUP_HEADER_BYTES));
	if (disk->bytes < needed) {
		format(disk->problem, sizeof(disk->problem),
		       "the place has %llu KiB, but it takes at least %llu KiB",
		       (unsigned long long)(disk->bytes / KIB), (unsigned long long)(needed / KIB));
		return false;
	}
	if (!backup_target_holds_base(disk, label, &holds) ||
	    (!overwrite && !backup_target_look_whether_empty(disk, &empty)))
		return false;
	if (holds)
		return backup_target_refuse(
			disk,
			"the place holds a backup that this one builds upon; use another place");
	if (!empty)
		return backup_target_refuse(disk, "the place holds something else; use an empty "
						  "place, or write `overwrite` at the end");
	return true;
}

bool backup_target_wipe(struct save_disk *disk)
{
	memset(piece, 0, sizeof(piece));
	return save_disk_write(disk, 0, piece, sizeof(piece)) &&
	       save_disk_write(disk, backup_tail_at(disk), piece, sizeof(piece)) &&
	       save_disk_flush(disk);
}

bool backup_target_confirm(struct save_disk *disk, struct backup_header *header)
{
	memcpy(header->magic, BACKUP_MAGIC, sizeof(header->magic));
	header->version = BACKUP_VERSION;
	header->block_bytes = BACKUP_BLOCK_BYTES;
	header->check = backup_header_check(header);
	/* a restore would look for a full backup's header at the new end of the disk */
	if (save_disk_has_grown(disk))
		return backup_target_refuse(
			disk, "the place has grown meanwhile; use one that keeps its size");
	return save_disk_flush(disk) &&
	       save_disk_write(disk, header->label.kind == BACKUP_FULL ? backup_tail_at(disk) : 0,
			       header, sizeof(*header)) &&
	       save_disk_flush(disk);
}
