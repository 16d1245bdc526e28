/* SPDX-License-Identifier: MIT */
/*
 * Links between a driver and its clients. A link's memory is charged to the client's group, so it
 * has to have left the driver before that group goes. A driver closes its handles when it leaves.
 */
#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/manager/disk/dma_pages.h"
#include "vmm/manager/disk/driver.h"
#include "vmm/rt/format.h"
#include "vmm/rt/start.h"
#include "vmm/rt/status_text.h"
#include "vmm/rt/syscall.h"

#define POOL_LIST_BYTES (BLOCK_POOL_PAGES * sizeof(u64))

static u32 index_of(const struct driver *driver, const struct driver_link *link)
{
	return (u32)(link - driver->link);
}

/* Raises the generation: from now on both ends begin anew. */
static void renew(struct driver_link *link)
{
	u32 next = link->at->generation + 1;

	__atomic_store_n(&link->at->generation, next != 0 ? next : 1, __ATOMIC_RELEASE);
	sys_event_signal(link->bell);
}

static enum status map_in_driver(struct driver *driver, struct driver_link *link)
{
	enum status status = sys_space_map(driver->space, 0, link->memory, 0,
					   align_up(BLOCK_LINK_BYTES, PAGE_SIZE),
					   RIGHT_READ | RIGHT_WRITE, &link->driver_at);

	if (status == STATUS_OK && link->pool_pages != HANDLE_NONE)
		status = sys_space_map(driver->space, 0, link->pool_pages, 0,
				       align_up(POOL_LIST_BYTES, PAGE_SIZE), RIGHT_READ,
				       &link->pool_pages_at);
	return status;
}

/* What the client is told of its disk, which may change while it looks. */
static void describe(const struct driver *driver, const struct driver_link *link, u32 more)
{
	const u32 known = DISK_FLUSH | DISK_DISCARD | DISK_WRITE_ZEROES;
	struct block_about *about = (struct block_about *)(void *)link->at->about;
	u32 features = (driver->channel->disk.features & known) | more |
		       (link->read_only ? (u32)DISK_READ_ONLY : 0);

	__atomic_store_n(&about->sectors, link->sectors, __ATOMIC_RELAXED);
	__atomic_store_n(&about->block_bytes, driver->channel->disk.block_bytes, __ATOMIC_RELAXED);
	__atomic_store_n(&about->features, features, __ATOMIC_RELAXED);
}

/* Hands the driver's end to its present process. */
static enum status open(struct driver *driver, struct driver_link *link)
{
	struct driver_client *client = &driver->channel->client[index_of(driver, link)];
	handle_t doorbell = HANDLE_NONE;
	handle_t bell = HANDLE_NONE;
	enum status status = map_in_driver(driver, link);

	if (status == STATUS_OK)
		status = sys_handle_grant(driver->process, link->doorbell, RIGHT_READ | RIGHT_BIND,
					  &doorbell);
	if (status == STATUS_OK)
		status = sys_handle_grant(driver->process, link->bell, RIGHT_WRITE, &bell);
	if (status != STATUS_OK)
		return status;
	link->number = ++driver->last_number;
	client->link = link->driver_at;
	client->disk.pool_pages = link->pool_pages_at;
	client->disk.first_sector = link->first_sector;
	client->disk.sectors = link->sectors;
	client->doorbell = doorbell;
	client->bell = bell;
	client->disk.read_only = link->read_only;
	describe(driver, link, 0);
	__atomic_store_n(&client->number, link->number, __ATOMIC_RELEASE);
	renew(link);
	sys_event_signal(driver->wake);
	return STATUS_OK;
}

/* What the kernel has to make for it. */
static enum status make_objects(const struct driver *driver, handle_t group,
				struct driver_link *link)
{
	u64 bytes = align_up(BLOCK_LINK_BYTES, PAGE_SIZE);
	enum status status = sys_memory_create(group, bytes, 0, &link->memory);
	u64 at = 0;

	/* the client's: what the driver does for its signals is charged to whose they are */
	if (status == STATUS_OK)
		status = sys_event_create(group, &link->doorbell);
	if (status == STATUS_OK)
		status = sys_event_create(driver->group, &link->bell);
	if (status == STATUS_OK && driver->kind->dma)
		status = dma_pages_make(group, link->memory, SLOT_POOL_OFFSET, BLOCK_POOL_BYTES,
					&link->pool_pages);
	if (status == STATUS_OK)
		status = sys_space_map(start_handle(START_SPACE), 0, link->memory, 0, PAGE_SIZE,
				       RIGHT_READ | RIGHT_WRITE, &at);
	link->at = (struct link_memory *)(uintptr_t)at;
	return status;
}

static void close_here(struct driver_link *link)
{
	const handle_t handles[] = {link->memory, link->pool_pages};
	const handle_t events[] = {link->doorbell, link->bell};

	if (link->at != NULL)
		sys_space_unmap(start_handle(START_SPACE), (u64)(uintptr_t)link->at, PAGE_SIZE);
	for (u32 i = 0; i < ARRAY_COUNT(handles); i++) {
		if (handles[i] != HANDLE_NONE)
			sys_handle_close(handles[i]);
	}
	for (u32 i = 0; i < ARRAY_COUNT(events); i++) {
		if (events[i] == HANDLE_NONE)
			continue;
		sys_object_destroy(events[i]);
		sys_handle_close(events[i]);
	}
	*link = (struct driver_link){.used = false};
}

struct driver_link *driver_link_make(struct driver *driver, handle_t group, u64 first_sector,
				     u64 sectors, bool read_only, char *problem, size_t size)
{
	struct driver_link *link = driver->link;
	enum status status;

	while (link < driver->link + DRIVER_CLIENT_MAX && link->used)
		link++;
	if (link == driver->link + DRIVER_CLIENT_MAX) {
		format(problem, size, "found one client of %s too many, allowed: %u", driver->name,
		       DRIVER_CLIENT_MAX);
		return NULL;
	}
	*link = (struct driver_link){.used = true,
				     .first_sector = first_sector,
				     .sectors = sectors,
				     .read_only = read_only};
	status = make_objects(driver, group, link);
	if (status == STATUS_OK) {
		describe(driver, link, 0);
		if (driver->life == DRIVER_LIFE_READY)
			status = open(driver, link);
	}
	if (status == STATUS_OK)
		return link;
	format(problem, size, "the kernel says \"%s\" while linking it to its disk",
	       status_text(status));
	close_here(link);
	return NULL;
}

void driver_link_give(struct process_build *build, const struct driver_link *link, u32 number,
		      const char *name)
{
	struct start_entry *entry;

	process_build_map(build, START_DISK, link->memory, 0, BLOCK_LINK_BYTES,
			  RIGHT_READ | RIGHT_WRITE);
	if (process_build_failed(build))
		return;
	entry = &build->info->entry[build->info->entry_count - 1];
	entry->value = number;
	string_copy(entry->name, sizeof(entry->name), name);
	process_build_grant(build, START_DISK_BELL, link->bell, RIGHT_READ | RIGHT_BIND, number);
	process_build_grant(build, START_DISK_DOORBELL, link->doorbell, RIGHT_WRITE, number);
}

static void unmap_in_driver(const struct driver *driver, struct driver_link *link)
{
	if (link->driver_at != 0)
		sys_space_unmap(driver->space, link->driver_at,
				align_up(BLOCK_LINK_BYTES, PAGE_SIZE));
	if (link->pool_pages_at != 0)
		sys_space_unmap(driver->space, link->pool_pages_at,
				align_up(POOL_LIST_BYTES, PAGE_SIZE));
	link->driver_at = 0;
	link->pool_pages_at = 0;
}

/* A driver that has not yet seen the link would never say that it has left. */
static void tell_driver(struct driver *driver, struct driver_link *link)
{
	u32 index = index_of(driver, link);

	if (link->told || __atomic_load_n(&driver->channel->served[index], __ATOMIC_ACQUIRE) !=
				  link->number)
		return;
	__atomic_store_n(&driver->channel->client[index].number, 0, __ATOMIC_RELEASE);
	sys_event_signal(driver->wake);
	link->told = true;
}

/* Its process has nothing of it any more, or there is no process, and its device is quiet. */
static bool has_left(const struct driver *driver, const struct driver_link *link)
{
	if (driver->process == HANDLE_NONE)
		return driver->life != DRIVER_LIFE_RESTARTING && !driver->loud;
	if (link->driver_at == 0)
		return true; /* it was never handed to this process */
	return link->told && __atomic_load_n(&driver->channel->served[index_of(driver, link)],
					     __ATOMIC_ACQUIRE) == 0;
}

bool driver_link_end(struct driver_link *link)
{
	struct driver *driver = driver_of_link(link);

	if (driver == NULL || !link->used)
		return true;
	link->leaving = true;
	if (link->driver_at != 0)
		tell_driver(driver, link);
	if (!has_left(driver, link))
		return false;
	unmap_in_driver(driver, link);
	close_here(link);
	return true;
}

void driver_links_open(struct driver *driver)
{
	for (u32 i = 0; i < DRIVER_CLIENT_MAX; i++) {
		struct driver_link *link = &driver->link[i];

		/* whatever it refuses stays without a server */
		if (link->used && !link->leaving)
			(void)!open(driver, link);
	}
}

void driver_links_grow(struct driver *driver, u64 sectors)
{
	for (u32 i = 0; i < DRIVER_CLIENT_MAX; i++) {
		struct driver_link *link = &driver->link[i];

		if (link->used && link->whole)
			link->sectors = MAX(link->sectors, sectors);
	}
}

void driver_links_close(struct driver *driver)
{
	for (u32 i = 0; i < DRIVER_CLIENT_MAX; i++) {
		struct driver_link *link = &driver->link[i];

		if (link->used)
			unmap_in_driver(driver, link);
	}
}

void driver_links_lose(struct driver *driver)
{
	for (u32 i = 0; i < DRIVER_CLIENT_MAX; i++) {
		struct driver_link *link = &driver->link[i];

		if (!link->used || !link->fails)
			continue;
		describe(driver, link, DISK_LOST);
		sys_event_signal(link->bell);
	}
}
