/* SPDX-License-Identifier: MIT */
/*
 * Tells whether snapshots of a VM's volumes have the volumes' present keys. Called by vm_volume.c,
 * and by vm_snapshot_reset.c before a guest is held. Only reads the stores' reports.
 */
#include "vmm/manager/disk/store.h"
#include "vmm/manager/vm/disks/vm_volume.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/rt/format.h"

bool vm_volume_has_its_key(const struct driver_link *link, const struct store_volume *snapshot,
			   char *problem, size_t size)
{
	if (snapshot->key.id == link->key_id)
		return true;
	format(problem, size,
	       "disk %s: it has got another key since the snapshot, which has the old one",
	       link->name);
	return false;
}

bool vm_volumes_have_their_keys(const struct vm *vm, const struct vm_snapshot *snapshot,
				char *problem, size_t size)
{
	struct store_volume kept;
	char name[STORE_NAME_BYTES];

	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++) {
		const struct driver_link *link = vm->link[i];

		if (link == NULL || link->key_id == 0)
			continue;
		vm_volume_snapshot_name(snapshot->volumes, i, name);
		/* a volume that the store has lost is found, and reported, when it is to be used */
		if (store_volume_find(store_at(vm->config.disk[i].number - 1u), name, &kept) &&
		    !vm_volume_has_its_key(link, &kept, problem, size))
			return false;
	}
	return true;
}
