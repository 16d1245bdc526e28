/* SPDX-License-Identifier: MIT */
/* Says how many pages a VM's disks need. Called by vm_build_pages.c; reads the configuration. */
#include "vmm/manager/config/vm_save_key.h"
#include "vmm/manager/disk/disk.h"
#include "vmm/manager/disk/store_key.h"

u64 disk_pages(const struct vm_config *config)
{
	u64 count = 0;
	u64 views = 0;
	u64 keys = 0;

	for (; count < CONFIG_VM_DISK_MAX && config->disk[count].number != 0; count++) {
		views += (config->disk[count].flags & VM_DISK_CLONED) != 0;
		/* `number` of a disk that is a volume is the store's */
		keys += (config->disk[count].flags & VM_DISK_VOLUME) != 0
				? store_key_is_wanted(&config->disk[count])
				: disk_is_encrypted(config_disk(config->disk[count].number - 1u));
	}
	if (vm_save_key_is_there())
		count++; /* one more for the link of a save */
	return count * DISK_LINK_PAGES + views * DISK_VIEW_PAGES + keys * DISK_KEY_PAGES;
}
