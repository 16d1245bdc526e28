/* SPDX-License-Identifier: MIT */
#include "vmm/manager/command.h"
#include "vmm/manager/disk/disk.h"
#include "vmm/manager/disk/guid.h"

static void show_partition(struct reply *reply, const struct driver *driver,
			   const struct disk_partition *partition)
{
	const struct text name = {partition->name,
				  strnlen(partition->name, sizeof(partition->name))};
	char shown[2 * sizeof(partition->name)];
	char id[GUID_TEXT_BYTES];

	guid_text(partition->id, id);
	if (!reply->json) {
		text_show(shown, sizeof(shown), name);
		reply_line(reply, "%-16s %-20s %s %12llu %10llu", driver->name, shown, id,
			   (unsigned long long)partition->first_sector,
			   (unsigned long long)(partition->sectors * BLOCK_SECTOR_BYTES / MIB));
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "driver", driver->name);
	json_text(&reply->object, "name", name);
	json_string(&reply->object, "id", id);
	json_u64(&reply->object, "first_sector", partition->first_sector);
	json_u64(&reply->object, "bytes", partition->sectors * BLOCK_SECTOR_BYTES);
	reply_object_end(reply);
}

/* The driver may write there at any time: each partition is copied once. */
static void show_driver(struct reply *reply, const struct driver *driver)
{
	u32 count = MIN(driver->channel->disk.partition_count, DISK_PARTITION_MAX);

	for (u32 i = 0; i < count; i++) {
		struct disk_partition partition = driver->channel->disk.partition[i];

		show_partition(reply, driver, &partition);
	}
}

static void run(struct reply *reply, const struct arguments *arguments)
{
	(void)arguments;
	if (!reply->json)
		reply_line(reply, "%-16s %-20s %-36s %12s %10s", "DRIVER", "PARTITION", "UUID",
			   "FIRST", "MIB");
	DRIVER_FOR_EACH(driver) {
		if (driver->life == DRIVER_LIFE_READY)
			show_driver(reply, driver);
	}
}

COMMAND(disk_partitions,
	.name = "disk partitions",
	.right = MAY_VIEW,
	.arguments = "",
	.summary = "the partitions that the disks have, by the names that [disk NAME] takes",
	.example = "disk partitions",
	.keys = "driver name id first_sector bytes",
	.run = run);
