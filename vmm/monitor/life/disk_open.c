/* SPDX-License-Identifier: MIT */
/*
 * Opens the links to the disks that the manager gave the VM. Called by machine_setup.c; maps each
 * link's memory and binds its signals to the machine's queue.
 */
#include "vmm/monitor/life/disk_open.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/io/disk_serial.h"
#include "vmm/monitor/life/flash_open.h"
#include "vmm/monitor/machine/machine.h"
#include "vmm/monitor/virtio/virtio_blk.h"
#include "vmm/rt/memory.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

static void disk_ring(void *context)
{
	(void)sys_event_signal((handle_t)(uintptr_t)context);
}

static enum status disk_bind(const struct machine *machine, u32 number, u64 key)
{
	return sys_object_bind(start_handle_of(START_DISK_BELL, number), machine->queue, key);
}

/* Returns whether the disk's bit is set among those of MONITOR_FLAGS that begin at `shift`. */
static bool disk_has_flag(const struct virtio_blk *blk, u32 shift)
{
	return (start_info->parameter[MONITOR_FLAGS] >> shift >> blk->number & 1) != 0;
}

static enum status disk_open_one(struct machine *machine, const struct start_entry *entry, u64 key)
{
	struct virtio_blk *blk = &machine->blk[machine->blk_count];
	handle_t doorbell = start_handle_of(START_DISK_DOORBELL, entry->value);
	char name[sizeof(entry->name) + 1] = "";

	disk_client_open(&blk->client, (struct link_memory *)(uintptr_t)entry->offset, disk_ring,
			 (void *)(uintptr_t)doorbell);
	memcpy(name, entry->name, sizeof(entry->name));
	disk_serial(name, blk->name);
	blk->number = (u32)entry->value;
	blk->is_drive = disk_has_flag(blk, MONITOR_DRIVE_SHIFT);
	blk->is_unit = disk_has_flag(blk, MONITOR_SCSI_SHIFT);
	machine->blk_count++;
	return disk_bind(machine, blk->number, key);
}

enum status disk_bind_all(struct machine *machine, u64 key)
{
	enum status status = STATUS_OK;

	for (u32 i = 0; i < machine->blk_count && status == STATUS_OK; i++)
		status = disk_bind(machine, machine->blk[i].number, key);
	return status;
}

enum status disk_open_all(struct machine *machine, u64 key)
{
	enum status status;
	u64 count = 0;
	u64 at = 0;

	for (const struct start_entry *entry = start_find(START_DISK); entry != NULL;
	     entry = start_next(entry))
		count += flash_is_disk(entry->value) ? 0 : 1;
	if (count == 0)
		return STATUS_OK;
	if (count > VIRTIO_BLK_MAX)
		return STATUS_TOO_BIG;
	status = memory_map(align_up(count * sizeof(*machine->blk), PAGE_SIZE), &at);
	machine->blk = (struct virtio_blk *)(uintptr_t)at;
	for (const struct start_entry *entry = start_find(START_DISK);
	     entry != NULL && status == STATUS_OK; entry = start_next(entry)) {
		if (flash_is_disk(entry->value))
			continue;
		status = entry->value < VIRTIO_BLK_MAX ? disk_open_one(machine, entry, key)
						       : STATUS_BAD_ARGUMENT;
	}
	return status;
}
