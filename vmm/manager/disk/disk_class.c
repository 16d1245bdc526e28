/* SPDX-License-Identifier: MIT */
/*
 * The part of the manager's work that is the same for all disk drivers: their readiness, their
 * clients' descriptions and limits. Called through disk_class by vmm/manager/driver. Writes to
 * links and to the drivers' lists of clients.
 */
#include "lib/bits.h"
#include "vmm/io/disk_changes.h"
#include "vmm/manager/disk/controller.h"
#include "vmm/manager/disk/disk.h"
#include "vmm/manager/disk/disk_changes.h"
#include "vmm/manager/disk/disk_undo.h"
#include "vmm/manager/disk/disk_window.h"
#include "vmm/manager/disk/store.h"
#include "vmm/manager/log/log.h"

static u64 disk_class_sectors_of(const struct driver *driver, const struct driver_link *link)
{
	return driver->channel->disk.unit[link->disk.unit].sectors;
}

/* Logs which disks a driver of several has found, or why they cannot be used. */
static void disk_class_log_units(const struct driver *driver)
{
	for (u32 i = 0; i < disk_units_of(driver); i++) {
		const struct disk_unit *unit = &driver->channel->disk.unit[i];
		char model[4 * sizeof(unit->model)];
		char problem[4 * sizeof(unit->problem)];
		char name[DRIVER_NAME_BYTES];

		controller_disk_name(driver, i, name);
		driver_text(unit->model, sizeof(unit->model), model, sizeof(model));
		driver_text(unit->problem, sizeof(unit->problem), problem, sizeof(problem));
		if (unit->sectors != 0)
			log_message(LOG_INFO, LOG_DEVICE, "", "disk %s: %llu MiB, %s", name,
				    (unsigned long long)(unit->sectors * BLOCK_SECTOR_BYTES / MIB),
				    model);
		else if (problem[0] != '\0')
			log_message(LOG_WARNING, LOG_DEVICE, "", "disk %s: %s", name, problem);
	}
}

/*
 * Sets the size of a link's disk. A list of changed blocks that is too small for the new size is
 * dropped before the new process could map it: the next backup is then a full one, and makes a new
 * list.
 */
static void disk_class_set_sectors(struct driver_link *link, u64 sectors)
{
	link->disk.sectors = sectors;
	if (link->changes.memory != HANDLE_NONE &&
	    link->changes.bytes < disk_changes_bytes(sectors))
		driver_link_drop_changes(link);
}

/*
 * Reads a ready driver's report about its disks. A disk may have grown: links to the whole disk get
 * the new size.
 */
static void disk_ready(struct driver *driver)
{
	char model[4 * sizeof(driver->channel->model)];
	u64 sectors = 0;

	for (u32 i = 0; i < disk_units_of(driver); i++)
		sectors += driver->channel->disk.unit[i].sectors;
	driver_model(driver, model, sizeof(model));
	log_message(LOG_INFO, LOG_DEVICE, "", "driver %s: ready, %llu MiB, %s", driver->name,
		    (unsigned long long)(sectors * BLOCK_SECTOR_BYTES / MIB), model);
	if (disk_units_of(driver) > 1)
		disk_class_log_units(driver);
	for (u32 i = 0; i < DRIVER_CLIENT_MAX; i++) {
		struct driver_link *link = &driver->link[i];

		if (link->used && link->whole)
			disk_class_set_sectors(
				link, MAX(link->disk.sectors, disk_class_sectors_of(driver, link)));
	}
	disks_look_again(driver);
	stores_ready(driver);
}

/*
 * Returns whether the link's disk is gone for good; one disk of several may be gone while its
 * driver serves the others.
 */
static bool disk_class_is_lost(const struct driver *driver, const struct driver_link *link)
{
	return link->lost || (link->fails && driver->life == DRIVER_LIFE_READY &&
			      disk_class_sectors_of(driver, link) == 0);
}

static void disk_ended(struct driver *driver)
{
	stores_ended(driver);
	disk_windows_ended(driver);
}

static void disk_describe(const struct driver *driver, const struct driver_link *link)
{
	const u32 known = DISK_FLUSH | DISK_DISCARD | DISK_WRITE_ZEROES;
	const struct disk_unit *unit = &driver->channel->disk.unit[link->disk.unit];
	struct block_about *about = (struct block_about *)(void *)link->ends.at->about;
	bool volume = link->disk.store.volume != 0;
	u32 features = (volume ? known : unit->features & known) |
		       (disk_class_is_lost(driver, link) ? (u32)DISK_LOST : 0) |
		       (link->disk.read_only ? (u32)DISK_READ_ONLY : 0);

	__atomic_store_n(&about->boundary, volume ? store_boundary(driver, link) : 0,
			 __ATOMIC_RELAXED);
	__atomic_store_n(&about->direct_pages, unit->direct_pages, __ATOMIC_RELAXED);
	__atomic_store_n(&about->window, disk_window_shown(driver, link), __ATOMIC_RELEASE);
	__atomic_store_n(&about->sectors, link->disk.sectors, __ATOMIC_RELAXED);
	__atomic_store_n(&about->block_bytes, unit->block_bytes, __ATOMIC_RELAXED);
	__atomic_store_n(&about->features, features, __ATOMIC_RELAXED);
}

static void disk_fill(const struct driver_link *link, struct driver_client *client)
{
	struct disk_client_part part = link->disk;

	part.pool_pages = link->pool_pages_at;
	disk_window_fill(link, &part);
	part.undo = disk_undo_given(link, &client->disk.undo);
	part.changes = disk_changes_given(link, &client->disk.changes);
	client->disk = part;
	disk_undo_show(link, &client->disk.undo);
	disk_changes_show(link, &client->disk.changes);
}

const struct driver_class disk_class = {
	.link_bytes = BLOCK_LINK_BYTES,
	.pool_at = SLOT_POOL_OFFSET,
	.client_max = DISK_CLIENT_MAX,
	.asked = true,
	.ready = disk_ready,
	.signalled = disk_windows_signalled,
	.ended = disk_ended,
	.open = stores_open,
	.describe = disk_describe,
	.fill = disk_fill,
};
