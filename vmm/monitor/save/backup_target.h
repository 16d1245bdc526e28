/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/io/backup.h"
#include "vmm/monitor/save/save_disk.h"

/* A place that a backup goes to. False: disk->problem says why. */

/*
 * Whether it has so many bytes, and nothing else is there, or that may be lost. What a backup
 * builds upon is never lost.
 */
bool backup_target_is_fit(struct save_disk *disk, u64 needed, const struct backup_label *label,
			  bool overwrite) MUST_CHECK;
/* From now on there is no backup, neither a new one nor an old one. */
bool backup_target_wipe(struct save_disk *disk) MUST_CHECK;
/* All of it is on the medium: the header says so. */
bool backup_target_confirm(struct save_disk *disk, struct backup_header *header) MUST_CHECK;
