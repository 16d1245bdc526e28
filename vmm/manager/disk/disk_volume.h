/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/disk/disk.h"

/*
 * Links a VM to a volume, charged to the VM's group. Returns NULL, with the reason in `problem`, if
 * the volume cannot be used.
 */
struct driver_link *disk_volume_attach(struct vm *vm, const struct vm_disk *disk, char *problem,
				       size_t size);
