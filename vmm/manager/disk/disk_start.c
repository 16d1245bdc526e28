/* SPDX-License-Identifier: MIT */
/*
 * Gives each configured disk its driver, and starts drivers that do not run yet. Called by disk.c
 * at the start. Creates drivers through vmm/manager/driver; a disk without a driver keeps the
 * reason.
 */
#include "vmm/manager/disk/disk_start.h"

#include "vmm/manager/disk/controller.h"
#include "vmm/manager/driver/service.h"
#include "vmm/manager/log/log.h"
#include "vmm/rt/format.h"

const struct driver_kind disk_memory_kind = {.image = "ramdisk", .class = &disk_class};

/* Notes why the disk has no driver, for the VM that wants it and for `disk list`. */
static void disk_start_refuse(struct disk *disk, const char *problem)
{
	string_copy(disk->problem, sizeof(disk->problem), problem);
	log_message(LOG_WARNING, LOG_CONFIG, "", "disk %s: %s", disk->config->section.name,
		    problem);
}

static void disk_start_memory(struct disk *disk)
{
	const struct disk_config *config = disk->config;
	const struct file *file = NULL;
	char problem[DRIVER_TEXT_BYTES];

	if (config->image[0] != '\0') {
		file = file_find_filled("image", config->image, problem, sizeof(problem));
		if (file == NULL)
			return disk_start_refuse(disk, problem);
	}
	disk->driver = driver_create(config->section.name, &disk_memory_kind, 0, file,
				     config->size_bytes, problem, sizeof(problem));
	if (disk->driver != NULL)
		disk->driver->restart_limit = (u32)config->restart_limit;
	else
		disk_start_refuse(disk, problem);
}

/*
 * Checks that a section agrees with others of its controller: they share a driver, which has one
 * limit.
 */
static void disk_start_check_limit(struct disk *disk)
{
	char problem[DRIVER_TEXT_BYTES];

	if (disk->config->restart_limit == disk->driver->restart_limit)
		return;
	format(problem, sizeof(problem),
	       "restart_limit: %llu does not go with the other disks; set %u, as for those of %s",
	       (unsigned long long)disk->config->restart_limit, disk->driver->restart_limit,
	       disk->driver->name);
	disk->driver = NULL;
	disk_start_refuse(disk, problem);
}

/*
 * Gives the disk the driver that serves all disks and partitions of a controller, or of a service.
 */
static void disk_start_shared(struct disk *disk, const char *name, const struct driver_kind *kind,
			      u32 device, const struct file *file, u64 bytes)
{
	char problem[DRIVER_TEXT_BYTES];

	disk->driver = driver_find(name);
	if (disk->driver != NULL && disk->driver->kind == kind)
		return disk_start_check_limit(disk);
	disk->driver = driver_create(name, kind, device, file, bytes, problem, sizeof(problem));
	if (disk->driver != NULL)
		disk->driver->restart_limit = (u32)disk->config->restart_limit;
	else
		disk_start_refuse(disk, problem);
}

static void disk_start_controller(struct disk *disk)
{
	char problem[DRIVER_TEXT_BYTES];
	char name[DRIVER_NAME_BYTES];
	const struct driver_kind *kind;
	u32 device;

	kind = controller_find(disk->config->controller, &device, &disk->unit, name, problem,
			       sizeof(problem));
	if (kind != NULL)
		disk_start_shared(disk, name, kind, device, NULL, 0);
	else
		disk_start_refuse(disk, problem);
}

static void disk_start_service(struct disk *disk)
{
	char problem[DRIVER_TEXT_BYTES];
	const struct driver_kind *kind;
	const struct file *file;
	u64 memory_bytes;

	kind = service_find(disk->config->service, &disk_class, &file, &memory_bytes, problem,
			    sizeof(problem));
	if (kind != NULL)
		disk_start_shared(disk, disk->config->service, kind, 0, file, memory_bytes);
	else
		disk_start_refuse(disk, problem);
}

void disk_start(struct disk *disk)
{
	if (!disk->config->section.declared || disk->config->section.broken)
		return;
	if (disk->config->service[0] != '\0')
		disk_start_service(disk);
	else if (string_equal(disk->config->controller, "memory"))
		disk_start_memory(disk);
	else
		disk_start_controller(disk);
}
