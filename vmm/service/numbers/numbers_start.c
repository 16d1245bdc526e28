/* SPDX-License-Identifier: MIT */
/*
 * An example of a service: a disk of 1 MiB whose content is computed. Linked with the common part
 * of the disk drivers, which calls `driver_ops`; has no device, only the memory that the manager
 * keeps for it.
 */
#include "lib/string.h"
#include "vmm/driver/disk/core/device.h"
#include "vmm/rt/format.h"
#include "vmm/service/numbers/numbers.h"

/*
 * The number of times that the service has started; it lies in memory that outlives this process
 * (the key `memory` of its section).
 */
static u64 *starts;

static bool numbers_ops_start(struct driver_disk *disk, char *problem, size_t size)
{
	if (start_info->parameter[DRIVER_DISK_BYTES] == 0) {
		format(problem, size, "there is no memory; set memory = 4K");
		return false;
	}
	starts = (u64 *)(void *)driver_dma().memory;
	++*starts;
	disk->sectors = NUMBERS_SECTORS;
	string_copy(disk->model, sizeof(disk->model), "numbers");
	return true;
}

static bool numbers_ops_submit(struct driver_request *request)
{
	if (request->operation != BLOCK_READ) {
		request_finish(request, request->operation == BLOCK_FLUSH ? BLOCK_OK : BLOCK_ERROR);
		return true;
	}
	for (u32 i = 0; i < request->sectors; i++)
		numbers_fill(request->sector + i, *starts,
			     request->data + (u64)i * BLOCK_SECTOR_BYTES);
	request_finish(request, BLOCK_OK);
	return true;
}

/* Does nothing: there is no device that could have completed a request. */
static void numbers_ops_poll(void)
{
}

const struct driver_ops driver_ops = {
	.start = numbers_ops_start, .submit = numbers_ops_submit, .poll = numbers_ops_poll};
