/* SPDX-License-Identifier: MIT */
/*
 * Says whether a store may take the room by which its disk or partition has grown. Called by the
 * commands `store grow` and `store list`; only reads.
 */
#include "vmm/manager/disk/store_grow.h"

#include "lib/bits.h"
#include "vmm/manager/disk/disk_view.h"
#include "vmm/rt/format.h"

/*
 * Returns the size that the store can have: the size of the disk as its driver knows it, or of the
 * disk's partition if that is smaller by now.
 */
static u64 store_grow_sectors(const struct store *store)
{
	return MIN(store->sectors, disk_at(store->disk)->sectors);
}

u64 store_room_sectors(const struct store *store, const struct store_told *told)
{
	u64 sectors;

	if (told->state != STORE_READY)
		return 0;
	sectors = store_grow_sectors(store);
	if (sectors <= told->sectors)
		return 0;
	/* the store can use nothing of less than a chunk */
	return (sectors - told->sectors) * BLOCK_SECTOR_BYTES >= told->chunk_bytes
		       ? sectors - told->sectors
		       : 0;
}

static bool store_grow_overlaps(const struct store *store, u64 first, u64 sectors)
{
	u64 own = disk_at(store->disk)->first_sector;

	return first < own + store_grow_sectors(store) && own < first + sectors;
}

/* Returns the user of sectors that the store would grow into, or NULL. */
static const char *store_grow_conflict(const struct store *store)
{
	u32 unit = disk_at(store->disk)->unit;

	for (u32 i = 0; i < DRIVER_CLIENT_MAX; i++) {
		const struct driver_link *link = &store->driver->link[i];

		if (link->used && link->disk.store.volume == 0 && !disk_is_view(link) &&
		    link->disk.unit == unit &&
		    store_grow_overlaps(store, link->disk.first_sector, link->disk.sectors))
			return link->user;
	}
	for (u32 i = 0; store_at(i) != NULL; i++) {
		const struct store *other = store_at(i);

		if (other != store && other->driver == store->driver && other->page != NULL &&
		    disk_at(other->disk)->unit == unit &&
		    store_grow_overlaps(store, disk_at(other->disk)->first_sector, other->sectors))
			return other->config->section.name;
	}
	return NULL;
}

const char *store_grow_problem(const struct store *store, u64 *sectors, char *text, size_t size)
{
	const char *user = store->page != NULL ? store_grow_conflict(store) : NULL;
	const struct disk *disk = disk_at(store->disk);

	if (user != NULL)
		format(text, size,
		       "%s has sectors that the store would get, as its partition was another when "
		       "it began; end it first",
		       user);
	else if (disk != NULL && store->page != NULL && disk->sectors > store->sectors)
		format(text, size,
		       "there was no memory for its tables when its disk had grown; free some, "
		       "then `driver restart %s`",
		       store->driver->name);
	else {
		*sectors = store->page != NULL ? store_grow_sectors(store) : 0;
		return NULL;
	}
	return text;
}
