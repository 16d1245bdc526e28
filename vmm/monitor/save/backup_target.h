/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/io/backup.h"
#include "vmm/monitor/save/save_disk.h"

/*
 * Functions on a backup's target, the disk or partition to which it goes. They return false on
 * failure; disk->problem then says why.
 */

/*
 * Returns true if the place has `needed` bytes and holds nothing yet, or `overwrite` allows its
 * loss. Backups on which this backup builds are never overwritten.
 */
bool backup_target_is_fit(struct save_disk *disk, u64 needed, const struct backup_label *label,
			  bool overwrite) MUST_CHECK;
/* Clears the headers: from now on the place holds no backup, neither the new one nor an old one. */
bool backup_target_wipe(struct save_disk *disk) MUST_CHECK;
/* Writes the backup's header, once all else of the backup is on the disk for good. */
bool backup_target_confirm(struct save_disk *disk, struct backup_header *header) MUST_CHECK;
