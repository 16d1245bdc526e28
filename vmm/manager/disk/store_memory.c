/* SPDX-License-Identifier: MIT */
/*
 * Makes the memory in which a store's driver keeps the store's tables, and more of it where the
 * store's disk has become larger. Called by store.c. Owns the stores' memory, which the next
 * process of a driver finds as its last one has left it.
 */
#include "vmm/manager/disk/store_memory.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/process/pages.h"
#include "vmm/rt/format.h"
#include "vmm/rt/start.h"
#include "vmm/rt/status_text.h"
#include "vmm/rt/syscall.h"

#define TABLE_REACH  (2 * MIB) /* bytes that one page of a page table maps */
#define TABLE_OTHERS 8u	       /* page tables of the levels above, and at a boundary */
/* pages that a store's memory group needs besides the store's memory */
#define GROUP_PAGES 32u

/* Memory that was made for a store, or that a store had. */
struct store_memory {
	handle_t group;
	handle_t memory;
	u64 bytes;
	struct store_page *page;
};

/* Returns how many bytes of memory a store on a disk of this size gets. */
static u64 store_memory_of(const struct store *store, u64 sectors)
{
	u64 wanted = store_memory_bytes(sectors, store_chunk_usual(sectors));

	return align_up(store->config->memory_bytes != 0
				? MAX(store->config->memory_bytes, STORE_PAGE_BYTES + MIB)
				: wanted,
			PAGE_SIZE);
}

static u64 store_memory_tables(u64 bytes)
{
	return bytes / TABLE_REACH + TABLE_OTHERS;
}

static void store_memory_free(const struct store_memory *memory)
{
	if (memory->page != NULL)
		sys_space_unmap(start_handle(START_SPACE), (u64)(uintptr_t)memory->page,
				STORE_PAGE_BYTES);
	if (memory->memory != HANDLE_NONE)
		sys_handle_close(memory->memory);
	while (memory->group != HANDLE_NONE && sys_object_destroy(memory->group) == STATUS_AGAIN)
		continue;
}

static enum status store_memory_create(u64 bytes, struct store_memory *made)
{
	u64 pages = bytes / PAGE_SIZE;
	u64 quota = pages + pages / 256 + GROUP_PAGES;
	enum status status = STATUS_NO_QUOTA;
	u64 at = 0;

	*made = (struct store_memory){
		.group = HANDLE_NONE, .memory = HANDLE_NONE, .bytes = bytes, .page = NULL};
	if (quota <= pages_available())
		status = sys_group_create(start_handle(START_ROOT), quota, DISK_WEIGHT,
					  &made->group);
	if (status == STATUS_OK)
		status = sys_memory_create(made->group, bytes, 0, &made->memory);
	if (status == STATUS_OK)
		status = sys_space_map(start_handle(START_SPACE), 0, made->memory, 0,
				       STORE_PAGE_BYTES, RIGHT_READ | RIGHT_WRITE, &at);
	made->page = (struct store_page *)(uintptr_t)at;
	if (status != STATUS_OK)
		store_memory_free(made);
	return status;
}

/*
 * Raises the quota of the driver's process for page tables of `bytes` bytes of memory for the
 * store, and makes that memory.
 */
static enum status store_memory_begin(struct store *store, struct driver *driver, u64 bytes,
				      struct store_memory *made)
{
	u64 tables = store_memory_tables(bytes);
	u64 more = tables - MIN(tables, store->table_pages);
	enum status status;

	if (!driver_raise_quota(driver, more))
		return STATUS_NO_QUOTA;
	status = store_memory_create(bytes, made);
	if (status != STATUS_OK) {
		driver_lower_quota(driver, more);
		return status;
	}
	store->table_pages += more;
	driver->store_table_pages += more;
	return STATUS_OK;
}

static void store_memory_take(struct store *store, const struct store_memory *made)
{
	store->group = made->group;
	store->memory = made->memory;
	store->bytes = made->bytes;
	store->page = made->page;
}

bool store_memory_make(struct store *store, const struct disk *disk)
{
	u64 bytes = store_memory_of(store, disk->sectors);
	struct store_memory made;
	enum status status = store_memory_begin(store, disk->driver, bytes, &made);

	store->sectors = disk->sectors;
	if (status == STATUS_OK) {
		store_memory_take(store, &made);
		store->driver = disk->driver;
		return true;
	}
	format(store->problem, sizeof(store->problem),
	       "the kernel says \"%s\" while making its memory of %llu MiB; `memory` in its "
	       "section can ask for less",
	       status_text(status), (unsigned long long)(bytes / MIB));
	log_message(LOG_WARNING, LOG_DEVICE, "", "store %s: %s", store->config->section.name,
		    store->problem);
	return false;
}

void store_memory_fit(struct store *store, const struct disk *disk)
{
	u64 bytes = store_memory_of(store, disk->sectors);
	struct store_memory old = {store->group, store->memory, store->bytes, store->page};
	struct store_memory made;
	enum status status;

	if (disk->sectors <= store->sectors)
		return;
	if (bytes > store->bytes) {
		status = store_memory_begin(store, disk->driver, bytes, &made);
		if (status != STATUS_OK) {
			log_message(
				LOG_WARNING, LOG_DEVICE, "",
				"store %s: its disk has grown, but the kernel says \"%s\" while "
				"making memory of %llu MiB for it: it stays as it is",
				store->config->section.name, status_text(status),
				(unsigned long long)(bytes / MIB));
			return;
		}
		/* no process of the driver has the old memory now */
		memcpy(made.page, old.page, sizeof(*made.page));
		store_memory_take(store, &made);
		store_memory_free(&old);
	}
	store->sectors = disk->sectors;
}
