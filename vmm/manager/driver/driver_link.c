/* SPDX-License-Identifier: MIT */
/*
 * Links drivers with their clients: makes, maps, describes, renews and ends links. Called by
 * driver.c and by vmm/manager/disk, net and vm. A link's memory is charged to the client's memory
 * group, so the link must end before that group does. A driver closes its handles when it leaves.
 */
#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/manager/driver/driver.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"
#include "vmm/rt/start.h"
#include "vmm/rt/status_text.h"
#include "vmm/rt/syscall.h"

/*
 * The address at which a device finds the pools of its clients: below 4 GiB and the CPUs' interrupt
 * messages.
 */
#define POOLS_AT  GIB
#define POOL_ROOM (16 * MIB)

/*
 * attempts to find a range of addresses in the driver in which all parts of the memory for old
 * blocks fit one behind the other
 */
#define UNDO_PLACES 8u

static u32 driver_link_index_of(const struct driver *driver, const struct driver_link *link)
{
	return (u32)(link - driver->link);
}

static u64 driver_link_shown_bytes(const struct driver *driver)
{
	return align_up(driver->kind->class->link_bytes, PAGE_SIZE);
}

static u64 driver_link_bytes(const struct driver *driver, const struct driver_link *link)
{
	return driver_link_shown_bytes(driver) + link->hidden_bytes;
}

/*
 * Returns where in the link's memory the part begins that the device uses, which lasts to the
 * memory's end.
 */
static u64 driver_link_pool_at(const struct driver *driver, const struct driver_link *link)
{
	return link->hidden_bytes != 0 ? driver_link_shown_bytes(driver)
				       : driver->kind->class->pool_at;
}

static u64 driver_link_pool_bytes(const struct driver *driver, const struct driver_link *link)
{
	if (!driver->kind->dma || driver->kind->class->pool_at == 0)
		return 0;
	return driver_link_bytes(driver, link) - driver_link_pool_at(driver, link);
}

/* Returns the size of the list of the pool's addresses. */
static u64 driver_link_list_bytes(const struct driver *driver, const struct driver_link *link)
{
	return align_up(driver_link_pool_bytes(driver, link) / PAGE_SIZE * sizeof(u64), PAGE_SIZE);
}

void driver_link_renew(struct driver_link *link)
{
	/* not counted in the link, where either end may have left the number that the other has */
	link->ends.generation = link->ends.generation + 1 != 0 ? link->ends.generation + 1 : 1;
	__atomic_store_n(&link->ends.at->generation, link->ends.generation, __ATOMIC_RELEASE);
	sys_event_signal(link->ends.bell);
	sys_event_signal(link->ends.doorbell);
}

enum status driver_link_map_undo_part(struct driver_link *link, u32 part)
{
	struct link_undo *undo = &link->undo;
	u64 at = part != 0 ? undo->driver_at : 0;
	enum status status;

	for (u32 i = 0; i < part; i++)
		at += undo->part[i].bytes;
	status = sys_space_map(driver_of_link(link)->space, at, undo->part[part].memory, 0,
			       undo->part[part].bytes, RIGHT_READ | RIGHT_WRITE, &at);
	if (status == STATUS_OK && part == 0)
		undo->driver_at = at;
	return status;
}

static void driver_link_unmap_undo_parts(struct driver_link *link, u32 count)
{
	u64 at = link->undo.driver_at;

	for (u32 i = 0; i < count; i++) {
		sys_space_unmap(driver_of_link(link)->space, at, link->undo.part[i].bytes);
		at += link->undo.part[i].bytes;
	}
	link->undo.driver_at = 0;
}

/*
 * Maps all parts of the memory for old blocks, one behind the other from the address that the
 * kernel chose for the first. If there is too little room, which is rare, another address is tried.
 */
enum status driver_link_map_undo(struct driver_link *link)
{
	enum status status = STATUS_OK;
	u32 part = 0;

	if (link->undo.driver_at != 0)
		return STATUS_OK;
	for (u32 i = 0; i < UNDO_PLACES && part < link->undo.parts; i++) {
		status = STATUS_OK;
		for (part = 0; part < link->undo.parts && status == STATUS_OK; part++)
			status = driver_link_map_undo_part(link, part);
		if (status != STATUS_OK)
			driver_link_unmap_undo_parts(link, --part);
		if (status != STATUS_IN_USE)
			break;
	}
	return status;
}

void driver_link_unmap_undo(struct driver_link *link)
{
	if (link->undo.driver_at != 0)
		driver_link_unmap_undo_parts(link, link->undo.parts);
}

enum status driver_link_map_changes(struct driver_link *link)
{
	struct link_changes *changes = &link->changes;

	if (changes->memory == HANDLE_NONE || changes->driver_at != 0)
		return STATUS_OK;
	return sys_space_map(driver_of_link(link)->space, 0, changes->memory, 0, changes->bytes,
			     RIGHT_READ | RIGHT_WRITE, &changes->driver_at);
}

static void driver_link_unmap_changes(struct driver_link *link)
{
	if (link->changes.driver_at != 0)
		sys_space_unmap(driver_of_link(link)->space, link->changes.driver_at,
				link->changes.bytes);
	link->changes.driver_at = 0;
}

void driver_link_drop_changes(struct driver_link *link)
{
	struct link_changes *changes = &link->changes;

	driver_link_unmap_changes(link);
	if (changes->head != NULL)
		sys_space_unmap(start_handle(START_SPACE), (u64)(uintptr_t)changes->head,
				PAGE_SIZE);
	if (changes->memory != HANDLE_NONE)
		sys_object_destroy(changes->memory);
	driver_lower_quota(driver_of_link(link), changes->table_pages);
	*changes = (struct link_changes){.memory = HANDLE_NONE};
}

static enum status driver_link_map_there(struct driver *driver, struct driver_link *link)
{
	enum status status = sys_space_map(driver->space, 0, link->ends.memory, 0,
					   driver_link_bytes(driver, link),
					   RIGHT_READ | RIGHT_WRITE, &link->driver_at);

	if (status == STATUS_OK && link->pool_pages != HANDLE_NONE)
		status = sys_space_map(driver->space, 0, link->pool_pages, 0,
				       driver_link_list_bytes(driver, link), RIGHT_READ,
				       &link->pool_pages_at);
	if (status == STATUS_OK)
		status = driver_link_map_undo(link);
	return status == STATUS_OK ? driver_link_map_changes(link) : status;
}

static void driver_link_unmap_there(const struct driver *driver, struct driver_link *link)
{
	if (link->driver_at != 0)
		sys_space_unmap(driver->space, link->driver_at, driver_link_bytes(driver, link));
	if (link->pool_pages_at != 0)
		sys_space_unmap(driver->space, link->pool_pages_at,
				driver_link_list_bytes(driver, link));
	driver_link_unmap_undo(link);
	driver_link_unmap_changes(link);
	link->driver_at = 0;
	link->pool_pages_at = 0;
}

static void driver_link_tell_client(const struct driver *driver, const struct driver_link *link)
{
	driver->kind->class->describe(driver, link);
}

void driver_link_describe(struct driver_link *link)
{
	driver_link_tell_client(driver_of_link(link), link);
	sys_event_signal(link->ends.bell);
}

void driver_link_fill(struct driver_link *link)
{
	struct driver *driver = driver_of_link(link);

	if (link->driver_at == 0)
		return; /* a link that is not open yet is filled when it is opened */
	driver->kind->class->fill(link,
				  &driver->channel->client[driver_link_index_of(driver, link)]);
	sys_event_signal(driver->wake);
}

/*
 * Prepares the link for the driver's present process, which learns of it through
 * driver_link_publish. Both ends begin anew before that, so that the client's first requests are
 * not void.
 */
static enum status driver_link_prepare(struct driver *driver, struct driver_link *link)
{
	struct driver_client *client = &driver->channel->client[driver_link_index_of(driver, link)];
	handle_t doorbell = HANDLE_NONE;
	handle_t bell = HANDLE_NONE;
	enum status status = driver_link_map_there(driver, link);

	if (status == STATUS_OK)
		status = sys_handle_grant(driver->process, link->ends.doorbell,
					  RIGHT_READ | RIGHT_BIND, &doorbell);
	if (status == STATUS_OK)
		status = sys_handle_grant(driver->process, link->ends.bell, RIGHT_WRITE, &bell);
	if (status != STATUS_OK) {
		/*
		 * the driver never learns of the link, so it could not report that it has released
		 * the link
		 */
		driver_link_unmap_there(driver, link);
		return status;
	}
	link->number = ++driver->last_number;
	link->lost = false;
	client->link = link->driver_at;
	client->doorbell = doorbell;
	client->bell = bell;
	driver->kind->class->fill(link, client);
	driver_link_tell_client(driver, link);
	driver_link_renew(link);
	return STATUS_OK;
}

static void driver_link_publish(struct driver *driver, const struct driver_link *link)
{
	struct driver_client *client = &driver->channel->client[driver_link_index_of(driver, link)];

	__atomic_store_n(&client->number, link->number, __ATOMIC_RELEASE);
}

static enum status driver_link_open(struct driver *driver, struct driver_link *link)
{
	enum status status = driver_link_prepare(driver, link);

	if (status != STATUS_OK)
		return status;
	driver_link_publish(driver, link);
	sys_event_signal(driver->wake);
	return STATUS_OK;
}

/* Makes the link's kernel objects. */
static enum status driver_link_make_objects(const struct driver *driver, handle_t group,
					    struct driver_link *link)
{
	enum status status = STATUS_OK;

	if (link->ends.memory == HANDLE_NONE)
		status = link_ends_make(group, driver_link_bytes(driver, link), &link->ends);
	if (status == STATUS_OK && driver_link_pool_bytes(driver, link) != 0) {
		link->window = (struct dma_window){driver->dma_space,
						   POOLS_AT + driver_link_index_of(driver, link) *
								      POOL_ROOM};
		status = dma_pages_make(group, &link->window, link->ends.memory,
					driver_link_pool_at(driver, link),
					driver_link_pool_bytes(driver, link), &link->pool_pages);
	}
	return status;
}

void driver_link_unmap_ram(struct driver_link *link)
{
	while (link->ram.at != 0 &&
	       sys_space_unmap(link->window.space, link->ram.at, link->ram.bytes) == STATUS_AGAIN)
		continue;
	link->ram.at = 0;
}

/* Closes the manager's handles of the link, except for the client's ends, which it returns. */
static struct link_ends driver_link_close_all_but_ends(struct driver_link *link)
{
	struct link_ends ends = link->ends;

	/*
	 * unmap the device's window first: once this call returns, the device reaches none of the
	 * pool
	 */
	if (link->window.space != HANDLE_NONE)
		sys_space_unmap(link->window.space, link->window.at, POOL_ROOM);
	driver_link_unmap_ram(link);
	if (link->pool_pages != HANDLE_NONE)
		sys_handle_close(link->pool_pages);
	for (u32 i = 0; i < link->undo.parts; i++)
		sys_handle_close(link->undo.part[i].memory);
	driver_link_drop_changes(link);
	driver_lower_quota(driver_of_link(link), link->undo.table_pages);
	*link = (struct driver_link){.used = false};
	return ends;
}

static void driver_link_close_here(struct driver_link *link)
{
	struct link_ends ends = driver_link_close_all_but_ends(link);

	link_ends_close(&ends);
}

struct driver_link *driver_link_make(struct driver *driver, handle_t group,
				     const struct driver_link *wanted, char *problem, size_t size)
{
	u32 most = driver->kind->class->client_max;
	struct driver_link *link = driver->link;
	enum status status;

	while (link < driver->link + most && link->used)
		link++;
	if (link == driver->link + most) {
		format(problem, size, "there is one client of %s too many; there can be %u",
		       driver->name, most);
		return NULL;
	}
	*link = *wanted;
	link->used = true;
	driver->link_end = MAX(driver->link_end, (u32)(link - driver->link) + 1);
	status = driver_link_make_objects(driver, group, link);
	if (status == STATUS_OK) {
		driver_link_tell_client(driver, link);
		if (driver->life == DRIVER_LIFE_READY)
			status = driver_link_open(driver, link);
	}
	if (status == STATUS_OK)
		return link;
	format(problem, size, "the kernel says \"%s\" while linking it to %s", status_text(status),
	       driver->name);
	if (wanted->ends.memory != HANDLE_NONE)
		(void)driver_link_close_all_but_ends(link); /* the caller keeps the ends */
	else
		driver_link_close_here(link);
	return NULL;
}

void driver_link_give(struct process_build *build, const struct driver_link *link,
		      enum start_kind kind, u32 number, const char *name)
{
	const struct driver *driver = driver_of_link(link);

	process_build_map(build, kind, link->ends.memory, 0, driver->kind->class->link_bytes,
			  RIGHT_READ | RIGHT_WRITE);
	if (process_build_failed(build))
		return;
	build->info->entry[build->info->entry_count - 1].value = number;
	process_build_name(build, name);
	process_build_grant(build, (enum start_kind)(kind + 1), link->ends.bell,
			    RIGHT_READ | RIGHT_BIND, number);
	process_build_grant(build, (enum start_kind)(kind + 2), link->ends.doorbell, RIGHT_WRITE,
			    number);
}

/*
 * Tells the driver that the client leaves, once the driver serves the link: a driver that has not
 * seen the link would never report that it has released it.
 */
static void driver_link_tell_other(struct driver *driver, struct driver_link *link)
{
	u32 index = driver_link_index_of(driver, link);

	if (link->told ||
	    __atomic_load_n(&driver->channel->served[index], __ATOMIC_ACQUIRE) != link->number)
		return;
	__atomic_store_n(&driver->channel->client[index].number, 0, __ATOMIC_RELEASE);
	sys_event_signal(driver->wake);
	link->told = true;
}

/*
 * Returns whether the driver's process uses nothing of the link, or there is no process and its
 * device is quiet.
 */
static bool driver_link_has_left(const struct driver *driver, const struct driver_link *link)
{
	if (driver->process == HANDLE_NONE)
		return driver->life != DRIVER_LIFE_RESTARTING && !driver->loud;
	if (link->driver_at == 0)
		return true; /* the driver's present process never got the link */
	return link->told &&
	       __atomic_load_n(&driver->channel->served[driver_link_index_of(driver, link)],
			       __ATOMIC_ACQUIRE) == 0;
}

/*
 * Tells the driver that the client leaves; returns whether the driver has released the link, which
 * is then unmapped there.
 */
static bool driver_link_leave(struct driver *driver, struct driver_link *link)
{
	if (!link->leaving)
		link->leaving_tsc = clock_tsc();
	link->leaving = true;
	if (link->driver_at != 0)
		driver_link_tell_other(driver, link);
	if (!driver_link_has_left(driver, link))
		return false;
	driver_link_unmap_there(driver, link);
	return true;
}

bool driver_link_end(struct driver_link *link)
{
	struct driver *driver = driver_of_link(link);

	if (driver == NULL || !link->used)
		return true;
	if (!driver_link_leave(driver, link))
		return false;
	driver_link_close_here(link);
	return true;
}

bool driver_link_end_keeping(struct driver_link *link, struct link_ends *ends)
{
	if (!driver_link_leave(driver_of_link(link), link))
		return false;
	*ends = driver_link_close_all_but_ends(link);
	link_ends_forget_server(ends);
	return true;
}

void driver_links_open(struct driver *driver)
{
	if (driver->kind->class->open != NULL)
		driver->kind->class->open(driver);
	for (u32 i = 0; i < DRIVER_CLIENT_MAX; i++) {
		struct driver_link *link = &driver->link[i];

		/* a link that cannot be prepared stays without a driver that serves it */
		if (link->used && !link->leaving && driver_link_prepare(driver, link) == STATUS_OK)
			driver_link_publish(driver, link);
	}
	__atomic_store_n(&driver->channel->opened, 1, __ATOMIC_RELEASE);
	sys_event_signal(driver->wake);
}

void driver_links_close(struct driver *driver)
{
	for (u32 i = 0; i < DRIVER_CLIENT_MAX; i++) {
		struct driver_link *link = &driver->link[i];

		if (link->used)
			driver_link_unmap_there(driver, link);
	}
}

void driver_links_lose(struct driver *driver)
{
	for (u32 i = 0; i < DRIVER_CLIENT_MAX; i++) {
		struct driver_link *link = &driver->link[i];

		if (!link->used || !link->fails)
			continue;
		link->lost = true;
		driver_link_describe(link);
	}
}
