/* SPDX-License-Identifier: MIT */
/*
 * Finds a disk that a VM would have twice. Called where a VM's list of disks is read and where one
 * of them is put in another's place: config_keys.c, vm_create.c, vm_media.c. Holds no state.
 */
#include "vmm/manager/config/config_lists.h"

static bool config_is_same_disk(const struct vm_disk *one, const struct vm_disk *other)
{
	return one->number == other->number && one->volume == other->volume &&
	       ((one->flags ^ other->flags) & VM_DISK_VOLUME) == 0;
}

bool config_disk_twice(const struct vm_disk *disks, char name[CONFIG_DISK_BYTES])
{
	for (u32 i = 1; i < CONFIG_VM_DISK_MAX && disks[i].number != 0; i++) {
		for (u32 earlier = 0; earlier < i; earlier++) {
			if (!config_is_same_disk(&disks[earlier], &disks[i]))
				continue;
			config_disk_name(&disks[i], name);
			return true;
		}
	}
	return false;
}
