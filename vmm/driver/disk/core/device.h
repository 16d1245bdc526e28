/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/status.h"
#include "vmm/driver/disk/core/request.h"
#include "vmm/driver/process.h"

/*
 * The interface between the common part of the disk drivers and the part of one device, or of a
 * service, which defines `driver_ops` only and ends each request by request_finish.
 */

/* A disk of the driver; the driver's `start` fills in all fields but the number. */
struct driver_disk {
	u32 unit;
	u64 sectors;
	u32 block_bytes;
	u32 features; /* the disk's abilities, enum disk_feature */
	char model[48];
	char serial[24];
	u32 depth; /* the most requests that the disk takes at once; 0 means DRIVER_DEPTH */
	/*
	 * the most pages of data in a client's RAM that one request may have, up to
	 * BLOCK_DIRECT_PAGES; 0 means BLOCK_REQUEST_PAGES
	 */
	u32 direct_pages;
};

struct driver_ops {
	/*
	 * Brings up a disk; for disk->unit 0 also the device. Most drivers have one disk. Returns
	 * false if the disk cannot be used; `problem` then says why.
	 */
	bool (*start)(struct driver_disk *disk, char *problem, size_t size);
	/*
	 * Gives the device a request, which the driver ends by request_finish, at once or later.
	 * Returns false if the device has no room.
	 */
	bool (*submit)(struct driver_request *request);
	/* Ends the requests that the device has completed; called also at its interrupt. */
	void (*poll)(void);
	/*
	 * Asks the device for an interrupt at the next end of a request, as the driver is about to
	 * wait for that. Returns false if one has ended that `poll` has not seen. NULL: the device
	 * interrupts at every end.
	 */
	bool (*may_wait)(void);
};

/* The operations of the driver that this program is linked with; each driver defines its own. */
extern const struct driver_ops driver_ops;

/*
 * Reads sectors of a disk, at most BLOCK_REQUEST_BYTES, while there are no clients yet. Returns
 * false if the disk fails or takes longer than five seconds. *data stays valid until the next call.
 */
bool device_read(u32 unit, u64 sector, u32 sectors, const u8 **data);
