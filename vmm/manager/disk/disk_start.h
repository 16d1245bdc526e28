/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/disk/disk.h"

/* Of disks in memory. */
extern const struct driver_kind disk_memory_kind;

/* Gives it the driver that its section names, which is started if it is not yet; or a problem. */
void disk_start(struct disk *disk);
