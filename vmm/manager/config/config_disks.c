/* SPDX-License-Identifier: MIT */
#include "vmm/manager/config/config.h"

#define RESTART_LIMIT 5u /* unless the section says otherwise */

/* Sections may come in any order: a disk has its number from when it is first spoken of. */
static struct disk_config disks[CONFIG_DISK_MAX];
static u32 disk_count;

struct disk_config *config_disk(u32 number)
{
	return number < disk_count ? &disks[number] : NULL;
}

int config_disk_number(struct text name)
{
	for (u32 i = 0; i < disk_count; i++) {
		if (text_equal(name, disks[i].name))
			return (int)i;
	}
	if (disk_count == CONFIG_DISK_MAX)
		return -1;
	disks[disk_count] = (struct disk_config){.restart_limit = RESTART_LIMIT};
	text_copy(disks[disk_count].name, sizeof(disks[disk_count].name), name);
	return (int)disk_count++;
}

void config_disks_init(void)
{
	disk_count = 0;
}
