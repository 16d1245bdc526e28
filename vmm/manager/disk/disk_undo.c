/* SPDX-License-Identifier: MIT */
/*
 * Has a disk's driver keep old blocks for a snapshot, put them back and forget them. Called by the
 * VM's snapshots, clones and backups, and by disk_class.c for the description that the driver gets.
 * Memory for old blocks is charged to the client's memory group, and the page tables that map it to
 * the driver's.
 */
#include "vmm/manager/disk/disk_undo.h"

#include "lib/bits.h"
#include "vmm/rt/format.h"
#include "vmm/rt/status_text.h"
#include "vmm/rt/syscall.h"

#define TABLE_REACH  (2 * MIB) /* bytes that one page of a page table maps */
#define TABLE_OTHERS 4u	       /* page tables of the levels above, and at a boundary */

/*
 * Returns a new number for old blocks, which no other link has: a view whose blocks are gone must
 * not find others in their place.
 */
static u32 disk_undo_next_number(void)
{
	static u32 last;

	if (++last == 0)
		last = 1;
	return last;
}

/*
 * Returns the driver's report about the link, or NULL if its present process does not serve the
 * link yet: the report is then that of an earlier process.
 */
static const struct disk_undo_told *disk_undo_told_by(const struct driver_link *link)
{
	const struct driver *driver = driver_of_link(link);
	u32 index = (u32)(link - driver->link);

	if (link->driver_at == 0 ||
	    __atomic_load_n(&driver->channel->served[index], __ATOMIC_ACQUIRE) != link->number)
		return NULL;
	return &driver->channel->disk.undo[index];
}

/*
 * Adds memory for old blocks to the link. If no process of the driver serves the link now, the next
 * one maps the memory.
 */
static enum status disk_undo_add_part(struct driver_link *link, handle_t group, u64 bytes)
{
	struct link_undo *undo = &link->undo;
	u32 part = undo->parts;
	enum status status = sys_memory_create(group, bytes, 0, &undo->part[part].memory);

	if (status != STATUS_OK)
		return status;
	undo->part[part].bytes = bytes;
	if (link->driver_at != 0)
		status = driver_link_map_undo_part(link, part);
	if (status != STATUS_OK) {
		sys_object_destroy(undo->part[part].memory);
		return status;
	}
	undo->parts++;
	undo->bytes += bytes;
	return STATUS_OK;
}

static void disk_undo_unmake(struct driver_link *link)
{
	struct link_undo *undo = &link->undo;

	driver_link_unmap_undo(link);
	for (u32 i = 0; i < undo->parts; i++)
		sys_object_destroy(undo->part[i].memory);
	driver_lower_quota(driver_of_link(link), undo->table_pages);
	*undo = (struct link_undo){.parts = 0};
}

bool disk_undo_make(struct driver_link *link, handle_t group, u64 bytes, char *problem, size_t size)
{
	struct driver *driver = driver_of_link(link);
	u64 tables = bytes / TABLE_REACH + TABLE_OTHERS;
	enum status status = STATUS_NO_QUOTA;

	if (link->undo.parts == LINK_UNDO_PARTS) {
		format(problem, size,
		       "the room for old blocks has grown %u times, and can grow no more until the "
		       "snapshot is dropped",
		       LINK_UNDO_PARTS - 1);
		return false;
	}
	if (driver_raise_quota(driver, tables)) {
		status = disk_undo_add_part(link, group, bytes);
		if (status != STATUS_OK)
			driver_lower_quota(driver, tables);
	}
	if (status == STATUS_OK) {
		link->undo.table_pages += tables;
		link->undo.low_told = false;
		link->undo.full_told = false;
		driver_link_fill(link);
		return true;
	}
	format(problem, size, "the kernel says \"%s\" while making room for old blocks",
	       status_text(status));
	return false;
}

void disk_undo_begin(struct driver_link *link)
{
	link->undo.number = disk_undo_next_number();
	driver_link_fill(link);
}

/* Returns an enum disk_undo_problem, or any other number that the driver wrote there. */
static u32 disk_undo_problem_of(const struct driver_link *link)
{
	const struct disk_undo_told *told = link->undo.number != 0 ? disk_undo_told_by(link) : NULL;

	if (told == NULL || __atomic_load_n(&told->number, __ATOMIC_ACQUIRE) != link->undo.number)
		return DISK_UNDO_WHOLE;
	return __atomic_load_n(&told->problem, __ATOMIC_RELAXED);
}

bool disk_undo_is_full(const struct driver_link *link)
{
	return disk_undo_problem_of(link) == DISK_UNDO_FULL;
}

const char *disk_undo_problem(const struct driver_link *link)
{
	switch (disk_undo_problem_of(link)) {
	case DISK_UNDO_WHOLE:
		return NULL;
	case DISK_UNDO_FULL:
		return "the room for its old blocks (disk.undo) is full";
	case DISK_UNDO_UNREADABLE:
		return "its old blocks cannot be read";
	default:
		return "its driver has lost its old blocks";
	}
}

u64 disk_undo_kept_bytes(const struct driver_link *link)
{
	const struct disk_undo_told *told = link->undo.number != 0 ? disk_undo_told_by(link) : NULL;

	return told != NULL
		       ? MIN(__atomic_load_n(&told->kept_bytes, __ATOMIC_RELAXED), link->undo.bytes)
		       : 0;
}

bool disk_undo_becomes_low(struct driver_link *link)
{
	if (link->undo.low_told || disk_undo_problem_of(link) != DISK_UNDO_WHOLE ||
	    link->undo.bytes >= disk_undo_bytes_of(link->disk.sectors) ||
	    !disk_undo_is_low(disk_undo_kept_bytes(link), link->undo.bytes))
		return false;
	link->undo.low_told = true;
	return true;
}

enum disk_undo_state disk_undo_begun(const struct driver_link *link)
{
	const struct disk_undo_told *told = disk_undo_told_by(link);

	if (told == NULL || __atomic_load_n(&told->number, __ATOMIC_ACQUIRE) != link->undo.number)
		return DISK_UNDO_PENDING;
	return disk_undo_problem(link) == NULL ? DISK_UNDO_DONE : DISK_UNDO_FAILED;
}

void disk_undo_put_back(struct driver_link *link)
{
	link->undo.put_back = disk_undo_next_number();
	driver_link_fill(link);
}

enum disk_undo_state disk_undo_is_back(const struct driver_link *link)
{
	const struct disk_undo_told *told = disk_undo_told_by(link);

	if (told == NULL)
		return DISK_UNDO_PENDING;
	if (__atomic_load_n(&told->not_put_back, __ATOMIC_ACQUIRE) == link->undo.put_back)
		return DISK_UNDO_FAILED;
	return __atomic_load_n(&told->put_back, __ATOMIC_ACQUIRE) == link->undo.put_back
		       ? DISK_UNDO_DONE
		       : DISK_UNDO_PENDING;
}

/*
 * Ends the putting back of old blocks, before the guest writes again: a later process of the driver
 * must not put them back once more.
 */
void disk_undo_go_on(struct driver_link *link)
{
	if (link->undo.put_back == 0)
		return;
	link->undo.put_back = 0;
	driver_link_fill(link);
}

void disk_undo_close(struct driver_link *link)
{
	link->undo.number = 0;
	link->undo.put_back = 0;
	driver_link_fill(link);
}

bool disk_undo_release(struct driver_link *link)
{
	const struct disk_undo_told *told = disk_undo_told_by(link);

	if (link->undo.parts == 0 || link->undo.number != 0)
		return false;
	/*
	 * if the driver's process does not serve the link yet, the memory may be freed: the process
	 * will start without it
	 */
	if (link->driver_at != 0 &&
	    (told == NULL || __atomic_load_n(&told->number, __ATOMIC_ACQUIRE) != 0))
		return false;
	disk_undo_unmake(link);
	return true;
}

/*
 * Returns address and size of the memory for old blocks, with the number that the driver has
 * already; disk_undo_show() then writes the new number and the added bytes.
 */
struct disk_undo_given disk_undo_given(const struct driver_link *link,
				       const struct disk_undo_given *shown)
{
	return (struct disk_undo_given){
		.at = link->undo.driver_at,
		.bytes = shown->number != 0 ? shown->bytes : link->undo.bytes,
		.number = shown->number,
		.put_back = shown->put_back,
	};
}

void disk_undo_show(const struct driver_link *link, struct disk_undo_given *shown)
{
	__atomic_store_n(&shown->bytes, link->undo.bytes, __ATOMIC_RELEASE);
	__atomic_store_n(&shown->number, link->undo.number, __ATOMIC_RELEASE);
	__atomic_store_n(&shown->put_back, link->undo.put_back, __ATOMIC_RELEASE);
}
