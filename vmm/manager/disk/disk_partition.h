/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/io/disk_channel.h"

/*
 * Copies the only partition of that name or UUID from a driver's report about the disk `where`.
 * Returns false if there is none or more than one; `problem` says what would be right.
 */
bool disk_partition_find(const struct disk_unit *unit, const char *wanted, const char *where,
			 struct disk_partition *found, char *problem, size_t size);
