/* SPDX-License-Identifier: MIT */
/*
 * Keeps the names of volumes that VMs' configurations mention, so that a VM's disk has a number in
 * place of a name. Called by config_lists.c, config_text.c and vmm/manager/vm. Owns the table of
 * names; vm_volume.c says which of them nobody needs any more.
 */
#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/manager/config/config.h"
#include "vmm/rt/format.h"

/* names of volumes by their numbers; "": the number is free */
static char names[CONFIG_VOLUME_MAX][CONFIG_NAME_BYTES];
static u32 count; /* how many names are in the table */

void config_volumes_init(void)
{
	memset(names, 0, sizeof(names));
	count = 0;
}

int config_volume_number(struct text name)
{
	u32 free = CONFIG_VOLUME_MAX;

	for (u32 i = 0; i < CONFIG_VOLUME_MAX; i++) {
		if (text_equal(name, names[i]))
			return (int)i;
		if (names[i][0] == '\0' && free == CONFIG_VOLUME_MAX)
			free = i;
	}
	if (free == CONFIG_VOLUME_MAX)
		return -1;
	text_copy(names[free], CONFIG_NAME_BYTES, name);
	count++;
	return (int)free;
}

const char *config_volume_name(u16 number)
{
	return number < CONFIG_VOLUME_MAX ? names[number] : "";
}

bool config_volumes_are_many(void)
{
	return count > CONFIG_VOLUME_MAX / 2;
}

void config_volumes_sweep(bool (*is_used)(u16 number))
{
	for (u32 i = 0; i < CONFIG_VOLUME_MAX; i++) {
		if (names[i][0] == '\0' || is_used((u16)i))
			continue;
		names[i][0] = '\0';
		count--;
	}
}

const char *config_disk_name(const struct vm_disk *disk, char text[CONFIG_DISK_BYTES])
{
	if ((disk->flags & VM_DISK_VOLUME) != 0)
		format(text, CONFIG_DISK_BYTES, "%s/%s",
		       config_store(disk->number - 1u)->section.name,
		       config_volume_name(disk->volume));
	else
		string_copy(text, CONFIG_DISK_BYTES, config_disk(disk->number - 1u)->section.name);
	return text;
}
