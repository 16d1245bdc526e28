/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/disk/disk.h"

/* The driver kind of disks in memory. */
extern const struct driver_kind disk_memory_kind;

/*
 * Sets disk->driver, or disk->problem if there is no driver for the disk; starts the driver if
 * needed.
 */
void disk_start(struct disk *disk);
