/* SPDX-License-Identifier: MIT */
/* What disk drivers have in common, as the manager sees them. */
#include "lib/bits.h"
#include "vmm/manager/disk/disk.h"
#include "vmm/manager/log/log.h"

/* Its disk may have grown: whoever has all of it gets the sectors that are new. */
static void disk_ready(struct driver *driver)
{
	u64 sectors = driver->channel->disk.sectors;
	char model[4 * sizeof(driver->channel->model)];

	driver_model(driver, model, sizeof(model));
	log_message(LOG_INFO, LOG_DEVICE, "", "driver %s: ready, %llu MiB, %s", driver->name,
		    (unsigned long long)(sectors * BLOCK_SECTOR_BYTES / MIB), model);
	for (u32 i = 0; i < DRIVER_CLIENT_MAX; i++) {
		struct driver_link *link = &driver->link[i];

		if (link->used && link->whole)
			link->disk.sectors = MAX(link->disk.sectors, sectors);
	}
}

static void disk_describe(const struct driver *driver, const struct driver_link *link)
{
	const u32 known = DISK_FLUSH | DISK_DISCARD | DISK_WRITE_ZEROES;
	struct block_about *about = (struct block_about *)(void *)link->at->about;
	u32 features = (driver->channel->disk.features & known) |
		       (link->lost ? (u32)DISK_LOST : 0) |
		       (link->disk.read_only ? (u32)DISK_READ_ONLY : 0);

	__atomic_store_n(&about->sectors, link->disk.sectors, __ATOMIC_RELAXED);
	__atomic_store_n(&about->block_bytes, driver->channel->disk.block_bytes, __ATOMIC_RELAXED);
	__atomic_store_n(&about->features, features, __ATOMIC_RELAXED);
}

static void disk_fill(const struct driver_link *link, struct driver_client *client)
{
	struct disk_client_part part = link->disk;

	part.pool_pages = link->pool_pages_at;
	client->disk = part;
}

const struct driver_class disk_class = {
	.link_bytes = BLOCK_LINK_BYTES,
	.pool_at = SLOT_POOL_OFFSET,
	.client_max = DISK_CLIENT_MAX,
	.ready = disk_ready,
	.describe = disk_describe,
	.fill = disk_fill,
};
