/* SPDX-License-Identifier: MIT */
/*
 * Sends the stores' own requests to their disks, one at a time for all stores of the driver, with
 * data in the driver's DMA memory. Called by the stores' jobs.
 */
#include "lib/bits.h"
#include "vmm/driver/disk/core/device.h"
#include "vmm/driver/disk/layers/store/store.h"
#include "vmm/driver/disk/layers/undo_move.h"
#include "vmm/driver/process.h"
#include "vmm/rt/clock.h"

/* The first half of the driver's own memory belongs to undo_move.c. */
#define FIRST_PAGE (DRIVER_OWN_PAGES / 2)
_Static_assert((u64)STORE_IO_SECTORS *BLOCK_SECTOR_BYTES <= FIRST_PAGE * PAGE_SIZE, "its data");

static struct {
	bool busy;
	enum block_status status;
} io;

u8 *store_io_data(void)
{
	return (u8 *)process_own_memory().memory + FIRST_PAGE * PAGE_SIZE;
}

bool store_io_is_busy(void)
{
	return io.busy;
}

enum block_status store_io_status(void)
{
	return io.status;
}

void store_io_forget(void)
{
	io.status = BLOCK_OK;
}

static void store_io_done(struct driver_request *request, enum block_status status)
{
	(void)request;
	io.busy = false;
	io.status = status;
}

bool store_io(const struct open_store *store, enum block_operation operation, u64 sector,
	      u32 sectors)
{
	struct driver_request *request = request_take(store->given.unit);
	struct driver_dma own = process_own_memory();

	if (request == NULL)
		return false;
	request->operation = operation;
	request->sector = operation != BLOCK_FLUSH ? store->given.first_sector + sector : 0;
	request->sectors = sectors;
	request->since_tsc = clock_tsc();
	request->done = store_io_done;
	if (operation != BLOCK_FLUSH) {
		request->data = store_io_data();
		request->address = own.address != NULL ? own.address + FIRST_PAGE : NULL;
	}
	io.busy = true;
	if (driver_ops.submit(request))
		return true;
	io.busy = false;
	request_release(request);
	return false;
}
