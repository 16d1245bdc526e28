/* SPDX-License-Identifier: MIT */
/*
 * Makes a driver's process, and the objects that outlive it: its group, channel and memory. Called
 * by driver.c; disks raise and lower the quota through it. Charges all of it to the driver's own
 * group.
 */
#include "kernel/abi/image.h"
#include "kernel/abi/pages.h"
#include "lib/bits.h"
#include "lib/read_once.h"
#include "lib/string.h"
#include "vmm/manager/driver/device.h"
#include "vmm/manager/driver/driver.h"
#include "vmm/manager/iommu/iommu.h"
#include "vmm/manager/process/events.h"
#include "vmm/manager/process/pages.h"
#include "vmm/manager/process/program.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"
#include "vmm/rt/start.h"
#include "vmm/rt/status_text.h"
#include "vmm/rt/syscall.h"

/*
 * Pages for the process, its stack, page tables, queue and events, besides a share for page tables
 * of the memory that the process maps.
 */
#define QUOTA_PAGES   320u
#define QUOTA_SHARE   128u
#define DRIVER_WEIGHT 1024u
/* The driver's own memory for a device that does DMA: rings, lists. */
#define DEVICE_PAGES 64u
/*
 * Pages for the tables of the DMA address space of a driver's device: one for each client, and
 * those of the levels above.
 */
#define SPACE_PAGES (DRIVER_CLIENT_MAX + 16u)
/*
 * Pages for tables that map windows into clients' RAM: a page for each GiB, or for each 2 MiB of a
 * VM with small pages.
 */
#define WINDOW_PAGES 128u
/*
 * The address at which the device finds the driver's DMA memory: not 0, since registers that were
 * never set would lead there.
 */
#define DEVICE_AT (16 * MIB)

static u64 driver_channel_size(const struct driver *driver)
{
	return DRIVER_CHANNEL_BYTES(MAX(driver->kind->units, 1));
}

static u64 driver_disk_pages_of(u64 bytes, const struct file *file)
{
	return align_up(MAX(bytes, file != NULL ? file->size : 0), PAGE_SIZE) / PAGE_SIZE;
}

/*
 * Returns the pages of a service's program, and of the parts that each of its processes has for
 * itself.
 */
static u64 driver_program_pages(const struct driver_kind *kind)
{
	const struct image_header *header;

	if (kind->program == NULL)
		return 0;
	header = (const struct image_header *)(const void *)kind->program->bytes;
	return align_up(kind->program->size, PAGE_SIZE) / PAGE_SIZE + header->data_pages +
	       header->bss_pages;
}

static u64 driver_memory_bytes(const struct driver *driver)
{
	u64 own = DRIVER_OWN_PAGES * PAGE_SIZE;

	if (driver->kind->dma)
		return own + MAX(driver->kind->dma_pages, DEVICE_PAGES) * PAGE_SIZE;
	return own +
	       disk_channel_store_bytes(driver_disk_pages_of(driver->disk_bytes, driver->file));
}

static void driver_map_account(const struct driver *driver, struct process_build *build,
			       const struct group_page **account)
{
	handle_t memory = HANDLE_NONE;

	if (process_build_failed(build))
		return;
	process_build_note(build, "reading its account", sys_group_page(driver->group, &memory));
	process_build_show(build, memory, PAGE_SIZE, RIGHT_READ, account);
	if (memory != HANDLE_NONE)
		sys_handle_close(memory);
}

/*
 * Copies a service's program. A file of the bundle need not begin at a page, but an image has to.
 */
static void driver_copy_program(struct driver *driver, struct process_build *build)
{
	const struct file *program = driver->kind->program;
	u64 bytes = program != NULL ? align_up(program->size, PAGE_SIZE) : 0;
	u8 *at = NULL;

	if (program == NULL || process_build_failed(build))
		return;
	process_build_note(build, "creating memory for its program",
			   sys_memory_create(driver->group, bytes, MEMORY_IMAGE, &driver->image));
	process_build_show(build, driver->image, bytes, RIGHT_READ | RIGHT_WRITE, &at);
	if (process_build_failed(build))
		return;
	memcpy(at, program->bytes, program->size);
	sys_space_unmap(start_handle(START_SPACE), (u64)(uintptr_t)at, bytes);
}

/* Makes the DMA address space of the driver's device, in which nothing is mapped yet. */
static void driver_make_space(struct driver *driver, struct process_build *build)
{
	if (process_build_failed(build) || !driver->kind->dma ||
	    device_function(driver->device)->iommu == 0)
		return;
	process_build_note(
		build, "creating what its device may reach",
		iommu_space(device_function(driver->device), driver->group, &driver->dma_space));
}

static void driver_find_pages(struct driver *driver, struct process_build *build)
{
	const struct dma_window window = {driver->dma_space, DEVICE_AT};

	if (!process_build_failed(build) && driver->kind->dma)
		process_build_note(build, "finding where its memory lies",
				   dma_pages_make(driver->group, &window, driver->dma, 0,
						  driver->dma_bytes, &driver->dma_pages));
}

/* Makes the objects that outlive the driver's processes, once in a driver's life. */
static void driver_make_lasting(struct driver *driver, struct process_build *build)
{
	u64 channel_bytes = align_up(driver_channel_size(driver), PAGE_SIZE);
	u64 pages;

	driver->dma_bytes = driver_memory_bytes(driver);
	pages = driver->dma_bytes / PAGE_SIZE;
	driver->quota_pages =
		pages + pages / QUOTA_SHARE + QUOTA_PAGES + driver->kind->class->quota_pages +
		driver_program_pages(driver->kind) + (driver->kind->dma ? SPACE_PAGES : 0) +
		(driver->kind->direct ? WINDOW_PAGES : 0);
	driver->group_pages = driver->quota_pages;
	process_build_note(build, "creating its group",
			   sys_group_create(start_handle(START_ROOT), driver->quota_pages,
					    DRIVER_WEIGHT, &driver->group));
	if (!process_build_failed(build))
		process_build_note(build, "creating its events",
				   sys_event_create(driver->group, &driver->wake));
	if (!process_build_failed(build))
		process_build_note(build, "creating its events",
				   sys_event_create(driver->group, &driver->ring));
	if (!process_build_failed(build))
		process_build_note(build, "creating its channel",
				   sys_memory_create(driver->group, channel_bytes, 0,
						     &driver->channel_memory));
	process_build_show(build, driver->channel_memory, channel_bytes, RIGHT_READ | RIGHT_WRITE,
			   &driver->channel);
	if (!process_build_failed(build))
		process_build_note(
			build, "creating its memory",
			sys_memory_create(driver->group, driver->dma_bytes, 0, &driver->dma));
	driver_copy_program(driver, build);
	driver_make_space(driver, build);
	driver_find_pages(driver, build);
	driver_map_account(driver, build, &driver->account);
}

/* Drops all lasting memory and objects after a failure: the next attempt makes them anew. */
static void driver_drop_lasting(struct driver *driver)
{
	handle_t space = start_handle(START_SPACE);

	if (driver->channel != NULL)
		sys_space_unmap(space, (u64)(uintptr_t)driver->channel,
				align_up(driver_channel_size(driver), PAGE_SIZE));
	if (driver->account != NULL)
		sys_space_unmap(space, (u64)(uintptr_t)driver->account, PAGE_SIZE);
	if (driver->group != HANDLE_NONE) {
		while (sys_object_destroy(driver->group) == STATUS_AGAIN)
			continue;
	}
	driver->channel = NULL;
	driver->account = NULL;
	driver->group = HANDLE_NONE;
	driver->image = HANDLE_NONE;
	driver->wake = HANDLE_NONE;
	driver->ring = HANDLE_NONE;
	driver->channel_memory = HANDLE_NONE;
	driver->dma = HANDLE_NONE;
	driver->dma_pages = HANDLE_NONE;
	driver->dma_space = HANDLE_NONE;
	driver->quota_pages = 0;
}

static void driver_grant_all(struct driver *driver, struct process_build *build)
{
	process_build_grant(build, START_SELF, build->process, RIGHT_READ, 0);
	process_build_grant(build, START_GROUP, driver->group, RIGHT_CREATE, 0);
	process_build_grant(build, START_CHANNEL_IN, driver->wake, RIGHT_READ | RIGHT_BIND, 0);
	process_build_grant(build, START_CHANNEL_OUT, driver->ring, RIGHT_WRITE, 0);
	process_build_map(build, START_CHANNEL, driver->channel_memory, 0,
			  driver_channel_size(driver), RIGHT_READ | RIGHT_WRITE);
	process_build_map(build, START_DMA, driver->dma, 0, driver->dma_bytes,
			  RIGHT_READ | RIGHT_WRITE);
	for (u32 i = 0; i < driver->grown_count; i++)
		process_build_map(build, START_DMA, driver->grown[i].memory, 0,
				  driver->grown[i].bytes, RIGHT_READ | RIGHT_WRITE);
	if (driver->dma_pages != HANDLE_NONE)
		process_build_map(build, START_DMA_ADDRESSES, driver->dma_pages, 0,
				  driver->dma_bytes / PAGE_SIZE * sizeof(u64), RIGHT_READ);
	if (driver->dma_space != HANDLE_NONE && driver->kind->direct)
		process_build_grant(build, START_DMA_SPACE, driver->dma_space, RIGHT_WRITE, 0);
	if (driver->file != NULL)
		process_build_map_file(build, START_DISK_FILE, driver->file);
	if (driver->dma_space != HANDLE_NONE && !process_build_failed(build))
		process_build_note(
			build, "letting its device reach its memory",
			iommu_attach(device_function(driver->device), driver->dma_space));
	if (driver->kind->equip != NULL && !process_build_failed(build))
		driver->kind->equip(build, driver->device);
}

/*
 * Binds the driver's signals to the manager's queue. The number of the start tells the end of this
 * process from that of an earlier one.
 */
static void driver_watch(const struct driver *driver, struct process_build *build)
{
	if (!process_build_failed(build))
		process_build_note(build, "watching it",
				   events_bind(driver->ring, EVENT_DRIVER, driver_number(driver)));
	if (!process_build_failed(build))
		process_build_note(
			build, "watching it",
			events_bind(build->process, EVENT_DRIVER_PROCESS,
				    driver->starts * DRIVER_MAX + driver_number(driver)));
}

static void driver_build_process(struct driver *driver, struct process_build *build)
{
	struct program program = {HANDLE_NONE, 0};

	if (driver->kind->program == NULL && !program_find(driver->kind->image, &program))
		process_build_note(build, "finding its program", STATUS_NOT_FOUND);
	if (process_build_failed(build))
		return;
	if (driver->group == HANDLE_NONE) {
		driver_make_lasting(driver, build);
		if (process_build_failed(build)) {
			driver_drop_lasting(driver);
			return;
		}
	}
	memset(driver->channel, 0, driver_channel_size(driver));
	if (driver->kind->program != NULL)
		program = (struct program){driver->image, 0};
	process_build_begin(build, driver->group, program.image, program.first_page);
	if (process_build_failed(build))
		return;
	build->info->parameter[DRIVER_DISK_BYTES] = driver->disk_bytes;
	if (driver->kind->argument != NULL)
		string_copy(build->info->command_line, sizeof(build->info->command_line),
			    driver->kind->argument);
	driver_grant_all(driver, build);
	driver_watch(driver, build);
	process_build_start(build);
}

enum status driver_build(struct driver *driver, char *problem, size_t size)
{
	struct process_build build = {.status = STATUS_OK};

	driver_build_process(driver, &build);
	if (process_build_failed(&build)) {
		if (build.process != HANDLE_NONE)
			sys_object_destroy(build.process);
		process_build_close(&build);
		format(problem, size, "the kernel says \"%s\" while %s", status_text(build.status),
		       build.what);
		return build.status;
	}
	driver->process = build.process;
	driver->space = build.space;
	build.process = HANDLE_NONE;
	build.space = HANDLE_NONE;
	process_build_close(&build);
	return STATUS_OK;
}

static u64 driver_resident(const struct group_page *account)
{
	u64 used = account != NULL ? account->used_pages : 0;
	u64 absent = account != NULL ? account->absent_pages : 0;

	return used - MIN(used, absent);
}

u64 driver_resident_pages(const struct driver *driver)
{
	u64 pages = driver_resident(driver->account);

	for (u32 i = 0; i < driver->grown_count; i++)
		pages += driver_resident(driver->grown[i].account);
	return pages;
}

u64 driver_cpu_ns(const struct driver *driver)
{
	return driver->account != NULL ? clock_tsc_to_ns(READ_ONCE(driver->account->cpu_tsc)) : 0;
}

static u64 driver_store_pages(const struct driver *driver)
{
	u64 pages = driver->dma_bytes / PAGE_SIZE;

	for (u32 i = 0; i < driver->grown_count; i++)
		pages += driver->grown[i].bytes / PAGE_SIZE;
	return pages;
}

bool driver_raise_quota(struct driver *driver, u64 pages)
{
	if (pages > pages_available() ||
	    sys_group_set(driver->group, GROUP_QUOTA, driver->group_pages + pages) != STATUS_OK)
		return false;
	driver->group_pages += pages;
	driver->quota_pages += pages;
	return true;
}

/* Takes pages from the quota of the driver's process; pages still in use stay promised. */
void driver_lower_quota(struct driver *driver, u64 pages)
{
	if (pages == 0 ||
	    sys_group_set(driver->group, GROUP_QUOTA, driver->group_pages - pages) != STATUS_OK)
		return;
	driver->group_pages -= pages;
	driver->quota_pages -= pages;
}

/* Returns the pages of tables for stores, and for the old blocks and changes that clients keep. */
static u64 driver_table_pages(const struct driver *driver)
{
	u64 pages = driver->store_table_pages;

	for (u32 i = 0; i < DRIVER_CLIENT_MAX; i++)
		pages += driver->link[i].undo.table_pages + driver->link[i].changes.table_pages;
	return pages;
}

/*
 * Makes the memory by which a disk in memory grows and a new memory group, which also pays for the
 * page tables of all earlier memory.
 */
static void driver_make_store(struct driver *driver, u64 quota_pages, struct driver_store *store,
			      struct process_build *build)
{
	handle_t before = driver->group;

	process_build_note(build, "creating a group",
			   sys_group_create(start_handle(START_ROOT), quota_pages, DRIVER_WEIGHT,
					    &driver->group));
	if (process_build_failed(build)) {
		driver->group = before;
		return;
	}
	process_build_note(build, "creating its memory",
			   sys_memory_create(driver->group, store->bytes, 0, &store->memory));
	driver_map_account(driver, build, &store->account);
	if (!process_build_failed(build))
		return;
	while (sys_object_destroy(driver->group) == STATUS_AGAIN)
		continue;
	driver->group = before;
}

bool driver_add_store(struct driver *driver, u64 bytes, char *problem, size_t size)
{
	u64 more = driver_disk_pages_of(bytes, NULL) -
		   driver_disk_pages_of(driver->disk_bytes, driver->file);
	struct driver_store store = {.bytes = disk_channel_store_bytes(more)};
	u64 pages = store.bytes / PAGE_SIZE;
	u64 quota_pages = pages + (driver_store_pages(driver) + pages) / QUOTA_SHARE + QUOTA_PAGES +
			  driver_table_pages(driver);
	struct process_build build = {.status = STATUS_OK};

	if (driver->grown_count == ARRAY_COUNT(driver->grown)) {
		format(problem, size, "it has grown %u times, which is all it can",
		       driver->grown_count);
		return false;
	}
	if (quota_pages > pages_available()) {
		format(problem, size,
		       "it takes %llu MiB more, but only %llu MiB are promised to nobody",
		       (unsigned long long)(quota_pages * PAGE_SIZE / MIB),
		       (unsigned long long)(pages_available() * PAGE_SIZE / MIB));
		return false;
	}
	driver_make_store(driver, quota_pages, &store, &build);
	if (process_build_failed(&build)) {
		format(problem, size, "the kernel says \"%s\" while %s", status_text(build.status),
		       build.what);
		return false;
	}
	driver->grown[driver->grown_count++] = store;
	driver->quota_pages += quota_pages;
	driver->group_pages = quota_pages;
	return true;
}
