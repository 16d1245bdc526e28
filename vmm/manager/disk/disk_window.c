/* SPDX-License-Identifier: MIT */
/*
 * Opens and closes windows through which a disk's device reaches the RAM of its clients. Called by
 * disk.c, disk_class.c, the VM's snapshots and `disk stat`. Maps RAM in the device's address space;
 * owns link->ram.
 */
#include "vmm/manager/disk/disk_window.h"

#include "vmm/rt/clock.h"
#include "vmm/rt/syscall.h"

/* Addresses of windows for the device: above the pools; the last window ends below 2^40. */
#define WINDOWS_AT  (4 * GIB)
#define WINDOW_ROOM (32 * GIB)

static u32 disk_window_index_of(const struct driver *driver, const struct driver_link *link)
{
	return (u32)(link - driver->link);
}

static u64 disk_window_address_of(const struct driver *driver, const struct driver_link *link)
{
	return WINDOWS_AT + disk_window_index_of(driver, link) * WINDOW_ROOM;
}

static void disk_window_take_number(struct driver_link *link)
{
	if (++link->ram.last_number == 0)
		link->ram.last_number = 1;
	link->ram.number = link->ram.last_number;
}

/*
 * Opens a client's window. Where that fails, for example because the IOMMU cannot map so much, the
 * driver copies data instead.
 */
static bool disk_window_open(const struct driver *driver, struct driver_link *link)
{
	struct ram_window *ram = &link->ram;
	u64 at = 0;

	if (!driver->kind->direct || link->window.space == HANDLE_NONE ||
	    ram->memory == HANDLE_NONE || ram->bytes > WINDOW_ROOM)
		return false;
	if (sys_space_map(link->window.space, disk_window_address_of(driver, link), ram->memory, 0,
			  ram->bytes, RIGHT_READ | RIGHT_WRITE, &at) != STATUS_OK)
		return false;
	ram->at = at;
	disk_window_take_number(link);
	return true;
}

/* Unmaps a client's window; once this returns, the device reaches none of the client's RAM. */
static void disk_window_unmap(struct driver_link *link)
{
	driver_link_unmap_ram(link);
	link->ram.told = 0;
}

/* Returns whether the driver uses the window of that number; 0 means no window. */
static bool disk_window_driver_is_at(const struct driver *driver, const struct driver_link *link,
				     u32 number)
{
	u32 index = disk_window_index_of(driver, link);

	if (link->driver_at == 0)
		/*
		 * without a process the driver uses no older window: its next process begins with
		 * this number
		 */
		return true;
	/* until the driver serves the client, its report is that of an earlier process */
	return __atomic_load_n(&driver->channel->served[index], __ATOMIC_ACQUIRE) == link->number &&
	       __atomic_load_n(&driver->channel->disk.window[index], __ATOMIC_ACQUIRE) == number;
}

/* Does those steps of opening or closing the link's window that are possible now. */
static void disk_window_step(const struct driver *driver, struct driver_link *link)
{
	struct ram_window *ram = &link->ram;

	if (ram->at != 0 && ram->number == 0 && disk_window_driver_is_at(driver, link, 0)) {
		disk_window_unmap(link);
		driver_link_describe(link);
	}
	if (ram->wanted && ram->at == 0 && !link->leaving && disk_window_open(driver, link))
		driver_link_fill(link);
	/*
	 * the client is told last: the driver refuses requests through a window that it does not
	 * know
	 */
	if (ram->number != ram->told && ram->number != 0 &&
	    disk_window_driver_is_at(driver, link, ram->number)) {
		ram->told = ram->number;
		driver_link_describe(link);
	}
}

void disk_window_want(struct driver_link *link, bool wanted)
{
	struct driver *driver = driver_of_link(link);

	link->ram.wanted = wanted;
	if (!wanted && link->ram.number != 0) {
		link->ram.number = 0;
		link->ram.closing_tsc = clock_tsc();
		driver_link_fill(link);
	}
	disk_window_step(driver, link);
}

void disk_window_fill(const struct driver_link *link, struct disk_client_part *part)
{
	/*
	 * the window's address and size never change, so that the driver may read them while its
	 * number changes
	 */
	part->window_at = disk_window_address_of(driver_of_link(link), link);
	part->window_pages = link->ram.bytes / PAGE_SIZE;
	part->window = link->ram.number;
}

u32 disk_window_shown(const struct driver *driver, const struct driver_link *link)
{
	return driver->life == DRIVER_LIFE_READY && link->ram.at != 0 ? link->ram.told : 0;
}

const char *disk_window_name(const struct driver_link *link)
{
	if (link->ram.at == 0)
		return "none";
	return link->ram.number != 0 ? "open" : "closing";
}

void disk_windows_signalled(struct driver *driver)
{
	for (u32 i = 0; i < DRIVER_CLIENT_MAX; i++) {
		if (driver->link[i].used)
			disk_window_step(driver, &driver->link[i]);
	}
}

void disk_windows_ended(struct driver *driver)
{
	for (u32 i = 0; i < DRIVER_CLIENT_MAX; i++) {
		struct driver_link *link = &driver->link[i];

		if (!link->used || link->ram.at == 0)
			continue;
		if (link->ram.number != 0) {
			disk_window_take_number(link);
			link->ram.told = link->ram.number;
		}
		/*
		 * as the driver's life is not READY, the client learns that no more data arrives in
		 * its RAM
		 */
		__atomic_store_n(&((struct block_about *)(void *)link->ends.at->about)->window, 0,
				 __ATOMIC_RELEASE);
		sys_event_signal(link->ends.bell);
		disk_window_step(driver, link);
	}
}
