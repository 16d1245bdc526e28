/* SPDX-License-Identifier: MIT */
/*
 * Reads from a disk before it has clients. Called by gpt.c; calls the device through `driver_ops`,
 * and reads into the first pages of the driver's memory.
 */
#include "vmm/driver/disk/core/device.h"

#include "vmm/rt/clock.h"

/* The time limit for each of the driver's own reads. */
#define READ_NS (5 * NS_PER_S)

bool device_read(u32 unit, u64 sector, u32 sectors, const u8 **data)
{
	struct driver_request *request;
	struct driver_dma own = process_own_memory();
	u64 until = clock_tsc() + clock_ns_to_tsc(READ_NS);

	if (sectors > BLOCK_REQUEST_BYTES / BLOCK_SECTOR_BYTES)
		return false;
	request = request_take(unit);
	if (request == NULL)
		return false;
	request->operation = BLOCK_READ;
	request->sector = sector;
	request->sectors = sectors;
	request->data = own.memory;
	request->address = own.address;
	request->since_tsc = clock_tsc();
	if (!driver_ops.submit(request)) {
		request_release(request);
		return false;
	}
	while (request_waiting_for(unit) != 0 && clock_tsc() < until)
		driver_ops.poll();
	*data = own.memory;
	return request_waiting_for(unit) == 0 && request->status == BLOCK_OK;
}
