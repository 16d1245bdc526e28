/* SPDX-License-Identifier: MIT */
/*
 * The command `disk partitions`: shows the partitions that the drivers have found, by the names a
 * section [disk NAME] takes. Run by command.c; only reads.
 */
#include "vmm/manager/command/command.h"
#include "vmm/manager/disk/controller.h"
#include "vmm/manager/disk/disk.h"
#include "vmm/manager/text/guid.h"

static void command_disk_partitions_show(struct reply *reply, const struct driver *driver, u32 unit,
					 const struct disk_partition *partition)
{
	const struct text name = {partition->name,
				  strnlen(partition->name, sizeof(partition->name))};
	char shown[2 * sizeof(partition->name)];
	char disk[DRIVER_NAME_BYTES];
	char id[GUID_TEXT_BYTES];

	guid_text(partition->id, id);
	controller_disk_name(driver, unit, disk);
	if (!reply->json) {
		text_show(shown, sizeof(shown), name);
		reply_line(reply, "%-16s %-20s %s %12llu %10llu", disk, shown, id,
			   (unsigned long long)partition->first_sector,
			   (unsigned long long)(partition->sectors * BLOCK_SECTOR_BYTES / MIB));
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "driver", driver->name);
	json_string(&reply->object, "disk", disk);
	json_text(&reply->object, "name", name);
	json_string(&reply->object, "id", id);
	json_u64(&reply->object, "first_sector", partition->first_sector);
	json_u64(&reply->object, "bytes", partition->sectors * BLOCK_SECTOR_BYTES);
	reply_object_end(reply);
}

/*
 * Shows a disk's partitions. The driver may change its report at any time: each partition is copied
 * before use.
 */
static void command_disk_partitions_show_unit(struct reply *reply, const struct driver *driver,
					      u32 number)
{
	const struct disk_unit *unit = &driver->channel->disk.unit[number];
	u32 count = MIN(unit->partition_count, DISK_PARTITION_MAX);

	for (u32 i = 0; i < count; i++) {
		struct disk_partition partition = unit->partition[i];

		command_disk_partitions_show(reply, driver, number, &partition);
	}
}

static void command_disk_partitions_run(struct reply *reply, const struct arguments *arguments)
{
	(void)arguments;
	if (!reply->json)
		reply_line(reply, "%-16s %-20s %-36s %12s %10s", "DISK", "PARTITION", "UUID",
			   "FIRST", "MIB");
	DRIVER_FOR_EACH(driver) {
		if (driver->life != DRIVER_LIFE_READY || driver->kind->class != &disk_class)
			continue;
		for (u32 i = 0; i < disk_units_of(driver); i++)
			command_disk_partitions_show_unit(reply, driver, i);
	}
}

COMMAND(disk_partitions,
	.name = "disk partitions",
	.right = MAY_VIEW,
	.arguments = "",
	.summary = "the partitions that the disks have, by the names that [disk NAME] takes",
	.example = "disk partitions",
	.keys = "driver disk name id first_sector bytes",
	.run = command_disk_partitions_run);
