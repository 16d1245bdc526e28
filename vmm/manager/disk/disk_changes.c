/* SPDX-License-Identifier: MIT */
/*
 * Makes the list of blocks that change between a disk's backups or a rekey's rounds, and tells the
 * driver where it is. Called by vm_backup.c, vm_backup_begin.c, rekey_round.c, content.c and, for
 * the description that the driver gets, by disk_class.c. The list's memory is charged to the VM's
 * memory group, and the page tables that map it to the driver's.
 */
#include "vmm/manager/disk/disk_changes.h"

#include "lib/bits.h"
#include "lib/read_once.h"
#include "vmm/io/disk_changes.h"
#include "vmm/manager/process/process_build.h"
#include "vmm/rt/format.h"
#include "vmm/rt/start.h"
#include "vmm/rt/status_text.h"
#include "vmm/rt/syscall.h"

#define TABLE_REACH  (2 * MIB) /* bytes that one page of a page table maps */
#define TABLE_OTHERS 4u	       /* page tables of the levels above, and at a boundary */

u64 disk_changes_pages(const struct driver_link *link)
{
	u64 pages = disk_changes_bytes(link->disk.sectors) / PAGE_SIZE;

	return pages + pages / 512 + TABLE_OTHERS;
}

static enum status disk_changes_make_map(struct driver_link *link, handle_t group)
{
	struct link_changes *changes = &link->changes;
	enum status status = sys_memory_create(group, changes->bytes, 0, &changes->memory);
	u64 at = 0;

	if (status != STATUS_OK) {
		changes->memory = HANDLE_NONE;
		return status;
	}
	status = sys_space_map(start_handle(START_SPACE), 0, changes->memory, 0, PAGE_SIZE,
			       RIGHT_READ, &at);
	changes->head = (const struct disk_changes_head *)(uintptr_t)at;
	/* if no process of the driver serves the link now, the next one maps the list */
	if (status == STATUS_OK && link->driver_at != 0)
		status = driver_link_map_changes(link);
	return status;
}

bool disk_changes_make(struct driver_link *link, handle_t group, char *problem, size_t size)
{
	struct driver *driver = driver_of_link(link);
	u64 bytes = disk_changes_bytes(link->disk.sectors);
	u64 tables = bytes / TABLE_REACH + TABLE_OTHERS;
	enum status status = STATUS_NO_QUOTA;

	if (link->changes.memory != HANDLE_NONE)
		return true;
	if (driver_raise_quota(driver, tables)) {
		link->changes.table_pages = tables;
		link->changes.bytes = bytes;
		status = disk_changes_make_map(link, group);
	}
	if (status == STATUS_OK)
		return true;
	driver_link_drop_changes(link);
	format(problem, size, "the kernel says \"%s\" while making room for a list of changes",
	       status_text(status));
	return false;
}

void disk_changes_begin(struct driver_link *link, bool merge)
{
	link->changes.merge = merge;
	link->changes.number++;
	driver_link_fill(link);
}

bool disk_changes_begun(const struct driver_link *link)
{
	const struct driver *driver = driver_of_link(link);
	u32 index = (u32)(link - driver->link);

	/* the driver's report is valid only if its present process serves this link */
	return link->driver_at != 0 &&
	       __atomic_load_n(&driver->channel->served[index], __ATOMIC_ACQUIRE) == link->number &&
	       __atomic_load_n(&driver->channel->disk.changes[index], __ATOMIC_ACQUIRE) ==
		       link->changes.number;
}

bool disk_changes_are_whole(const struct driver_link *link)
{
	return link->changes.head != NULL && READ_ONCE(link->changes.head->lost) == 0;
}

void disk_changes_give(const struct driver_link *link, struct process_build *build)
{
	const struct link_changes *changes = &link->changes;

	process_build_map(build, START_STATE, changes->memory,
			  disk_changes_half_at(changes->bytes, changes->number - 1),
			  disk_changes_half_bytes(changes->bytes), RIGHT_READ);
}

/*
 * Returns the address and size of the list of changes, with the number that the driver has already;
 * disk_changes_show() then writes the new number, which tells the driver that they are valid.
 */
struct disk_changes_given disk_changes_given(const struct driver_link *link,
					     const struct disk_changes_given *shown)
{
	return (struct disk_changes_given){
		.at = link->changes.driver_at,
		.bytes = link->changes.bytes,
		.number = shown->number,
		.merge = link->changes.merge,
	};
}

void disk_changes_show(const struct driver_link *link, struct disk_changes_given *shown)
{
	__atomic_store_n(&shown->number, link->changes.number, __ATOMIC_RELEASE);
}
