/* SPDX-License-Identifier: MIT */
/*
 * The life of a disk driver: starts its device, reads the partition table, serves clients. Every
 * disk driver's program runs it; it calls the device through `driver_ops` and clients through
 * client.h.
 */
#include "vmm/driver/disk/driver.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/driver/disk/client.h"
#include "vmm/driver/disk/gpt.h"
#include "vmm/driver/disk/undo_move.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

/* The time limit for a read of the driver's own. */
#define READ_NS (5 * NS_PER_S)
/* The interval of looks at a device with requests, in case its interrupt is lost. */
#define LOOK_NS (100 * NS_PER_MS)

static struct driver_channel *channel;

void client_tell_manager(void)
{
	process_tell_manager();
}

bool driver_read(const struct driver_disk *disk, u64 sector, u32 sectors, const u8 **data)
{
	struct driver_request *request;
	struct driver_dma own = process_own_memory();
	u64 until = clock_tsc() + clock_ns_to_tsc(READ_NS);

	if (sectors > BLOCK_REQUEST_BYTES / BLOCK_SECTOR_BYTES)
		return false;
	request = client_request(disk->unit);
	if (request == NULL)
		return false;
	request->operation = BLOCK_READ;
	request->sector = sector;
	request->sectors = sectors;
	request->data = own.memory;
	request->address = own.address;
	request->since_tsc = clock_tsc();
	if (!driver_ops.submit(request)) {
		driver_finish(request, BLOCK_ERROR);
		return false;
	}
	while (client_waiting_for(disk->unit) != 0 && clock_tsc() < until)
		driver_ops.poll();
	*data = own.memory;
	return client_waiting_for(disk->unit) == 0 && request->status == BLOCK_OK;
}

/* Starts a disk and publishes what the manager may read of it. On failure the `unit` says why. */
static bool driver_start_disk(u32 number)
{
	struct driver_disk disk = {.unit = number, .block_bytes = BLOCK_SECTOR_BYTES};
	struct disk_unit *unit = &channel->disk.unit[number];

	if (!driver_ops.start(&disk, unit->problem, sizeof(unit->problem)))
		return false;
	client_open(number, disk.depth);
	unit->block_bytes = disk.block_bytes;
	unit->features = disk.features;
	string_copy(unit->model, sizeof(unit->model), disk.model);
	string_copy(unit->serial, sizeof(unit->serial), disk.serial);
	gpt_read(&disk, unit);
	unit->sectors = disk.sectors;
	return true;
}

/* Starts all disks; gives up if the device has no usable one. */
static void driver_start_device(void)
{
	u32 count = 1;
	bool any = false;

	for (u64 units = start_info->parameter[DRIVER_UNITS]; (units & (units - 1)) != 0;
	     units &= units - 1)
		count++;
	count = MIN(count, DISK_UNIT_MAX);
	for (u32 i = 0; i < count; i++)
		any |= driver_start_disk(i);
	if (!any)
		driver_give_up("%s", channel->disk.unit[0].problem);
	string_copy(channel->model, sizeof(channel->model), channel->disk.unit[0].model);
	if (count > 1)
		format(channel->model, sizeof(channel->model), "%u disks", count);
	process_ready();
}

static void driver_wait(void)
{
	u64 deadline = client_waiting() != 0 ? clock_tsc() + clock_ns_to_tsc(LOOK_NS) : ~0ull;
	u64 key = process_wait(MIN(deadline, client_deadline()));

	if (key == PROCESS_DEVICE)
		process_interrupt_taken();
	if (key == PROCESS_MANAGER)
		client_take_commands();
}

int main(void)
{
	channel = process_open();
	client_init(channel, process_queue(), PROCESS_OTHERS);
	driver_start_device();
	client_take_commands();
	for (;;) {
		bool more = undo_serve(); /* undo goes first: clients would take the slots */

		more |= client_serve();
		driver_ops.poll();
		client_publish();
		channel->waiting = client_waiting();
		process_answer();
		if (!more && client_may_wait())
			driver_wait();
	}
}
