/* SPDX-License-Identifier: MIT */
/*
 * The start of a disk driver: brings up the device's disks, reads their partition tables and
 * publishes the disks and partitions to the manager. Called by main.c before the loop; calls the
 * device through `driver_ops`, while there are no clients yet.
 */
#include "vmm/driver/disk/core/driver.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/driver/disk/core/device.h"
#include "vmm/driver/disk/core/gpt.h"
#include "vmm/driver/disk/core/scheduler.h"
#include "vmm/rt/format.h"

/*
 * Starts a disk and fills in its `unit`, which the manager reads. After a failure the `unit` has
 * the reason.
 */
static bool driver_start_disk(struct disk_unit *unit, u32 number)
{
	struct driver_disk disk = {.unit = number, .block_bytes = BLOCK_SECTOR_BYTES};

	if (!driver_ops.start(&disk, unit->problem, sizeof(unit->problem)))
		return false;
	scheduler_open(number, disk.depth);
	unit->block_bytes = disk.block_bytes;
	unit->features = disk.features;
	unit->direct_pages = disk.direct_pages != 0 ? disk.direct_pages : BLOCK_REQUEST_PAGES;
	string_copy(unit->model, sizeof(unit->model), disk.model);
	string_copy(unit->serial, sizeof(unit->serial), disk.serial);
	gpt_read(&disk, unit);
	unit->sectors = disk.sectors;
	return true;
}

void driver_start(struct driver_channel *channel)
{
	struct disk_unit *units = channel->disk.unit;
	u32 count = 1;
	bool any = false;

	for (u64 bits = start_info->parameter[DRIVER_UNITS]; (bits & (bits - 1)) != 0;
	     bits &= bits - 1)
		count++;
	count = MIN(count, DISK_UNIT_MAX);
	for (u32 i = 0; i < count; i++)
		any |= driver_start_disk(&units[i], i);
	if (!any)
		driver_give_up("%s", units[0].problem);
	string_copy(channel->model, sizeof(channel->model), units[0].model);
	if (count > 1)
		format(channel->model, sizeof(channel->model), "%u disks", count);
	process_ready();
}
