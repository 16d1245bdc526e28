/* SPDX-License-Identifier: MIT */
/* A disk driver's life: starts its device, reads the partition table, serves. */
#include "vmm/driver/disk/driver.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/driver/disk/client.h"
#include "vmm/driver/disk/gpt.h"
#include "vmm/rt/clock.h"

/* The device may take so long for a read of the driver's own. */
#define READ_NS (5 * NS_PER_S)
/* A device with requests is looked at so often even if its interrupt is lost. */
#define LOOK_NS (100 * NS_PER_MS)

static struct driver_channel *channel;

void client_tell_manager(void)
{
	process_tell_manager();
}

bool driver_read(u64 sector, u32 sectors, const u8 **data)
{
	struct driver_request *request;
	struct driver_dma own = process_own_memory();
	u64 until = clock_tsc() + clock_ns_to_tsc(READ_NS);

	if (sectors > BLOCK_REQUEST_BYTES / BLOCK_SECTOR_BYTES)
		return false;
	request = client_request();
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
	while (client_waiting() != 0 && clock_tsc() < until)
		driver_ops.poll();
	*data = own.memory;
	return client_waiting() == 0 && request->status == BLOCK_OK;
}

/* The numbers are the manager's to read from the moment when the state says so. */
static void show_disk(const struct driver_disk *disk)
{
	channel->disk.sectors = disk->sectors;
	channel->disk.block_bytes = disk->block_bytes;
	channel->disk.features = disk->features;
	string_copy(channel->model, sizeof(channel->model), disk->model);
	string_copy(channel->disk.serial, sizeof(channel->disk.serial), disk->serial);
	gpt_read(disk, channel);
	process_ready();
}

static void start_device(void)
{
	struct driver_disk disk = {.block_bytes = BLOCK_SECTOR_BYTES};
	char problem[DRIVER_TEXT_BYTES] = "";

	if (!driver_ops.start(&disk, problem, sizeof(problem)))
		driver_give_up("%s", problem);
	client_set_depth(disk.depth);
	show_disk(&disk);
}

static void wait(void)
{
	u64 deadline = client_waiting() != 0 ? clock_tsc() + clock_ns_to_tsc(LOOK_NS) : ~0ull;
	u64 key = process_wait(MIN(deadline, client_deadline()));

	if (key == PROCESS_DEVICE)
		process_interrupt_taken();
	if (key == PROCESS_MANAGER)
		client_attend();
}

int main(void)
{
	channel = process_open();
	client_init(channel, process_queue(), PROCESS_OTHERS);
	start_device();
	client_attend();
	for (;;) {
		bool more = client_serve();

		driver_ops.poll();
		client_publish();
		channel->waiting = client_waiting();
		if (!more && client_may_wait())
			wait();
	}
}
