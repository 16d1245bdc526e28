/* SPDX-License-Identifier: MIT */
/*
 * Keeps the list of configured disks and links them to their users: VMs, saves, backups and
 * restores. Called by main.c, vmm/manager/vm, disk_restore.c and the disk commands. Owns `disks`,
 * and decides which links may share a disk; drivers are started by disk_start.c.
 */
#include "vmm/manager/disk/disk.h"

#include "lib/bits.h"
#include "vmm/manager/log/notice.h"
#include "vmm/manager/disk/disk_partition.h"
#include "vmm/manager/disk/disk_start.h"
#include "vmm/manager/disk/store.h"
#include "vmm/manager/disk/disk_view.h"
#include "vmm/manager/disk/disk_volume.h"
#include "vmm/manager/disk/disk_window.h"
#include "vmm/manager/driver/service.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/config/disk_key.h"
#include "vmm/rt/format.h"

#define DISK_BYTES_MAX (1024ul * GIB)

static struct disk disks[CONFIG_DISK_MAX];

void disks_start(void)
{
	for (u32 i = 0; config_disk(i) != NULL; i++) {
		disks[i].config = config_disk(i);
		disk_start(&disks[i]);
	}
	services_check();
}

/*
 * Determines the disk's sectors. What the driver reports of the disk's size is checked: the driver
 * may be faulty.
 */
static void disk_look_up(struct disk *disk)
{
	const struct disk_unit *unit = disk_unit_of(disk);
	u64 all = unit->sectors;
	u64 first = 0;
	u64 count = all;

	disk->problem[0] = '\0';
	if (unit->problem[0] != '\0') {
		driver_text(unit->problem, sizeof(unit->problem), disk->problem,
			    sizeof(disk->problem));
		return;
	}
	if (disk->config->partition[0] != '\0') {
		struct disk_partition partition;

		if (!disk_partition_find(unit, disk->config->partition, disk->driver->name,
					 &partition, disk->problem, sizeof(disk->problem)))
			return;
		first = partition.first_sector;
		count = partition.sectors;
	}
	if (count == 0 || count > all || first > all - count) {
		format(disk->problem, sizeof(disk->problem), "it is smaller than its partition");
		return;
	}
	disk->first_sector = first;
	disk->sectors = count;
	disk->found = true;
}

const struct disk *disk_at(u32 number)
{
	struct disk *disk;

	if (number >= CONFIG_DISK_MAX || disks[number].config == NULL)
		return NULL;
	disk = &disks[number];
	if (disk->driver == NULL || disk->driver->life != DRIVER_LIFE_READY)
		return disk;
	if (!disk->found)
		disk_look_up(disk);
	else if (disk->config->partition[0] == '\0')
		disk->sectors = MAX(disk->sectors, disk_unit_of(disk)->sectors);
	return disk;
}

const struct disk *disk_find(const char *name, u32 *number)
{
	const struct disk *disk;

	for (*number = 0; (disk = disk_at(*number)) != NULL; ++*number) {
		if (disk->config->section.declared &&
		    string_equal(disk->config->section.name, name))
			return disk;
	}
	return NULL;
}

/* Returns why the disk cannot be used now, or NULL if it can. */
static const char *disk_find_problem(const struct disk *disk)
{
	if (disk == NULL || !disk->config->section.declared)
		return "there is no section [disk] of that name";
	if (disk->config->section.broken)
		return "its section has a mistake";
	if (disk->problem[0] != '\0')
		return disk->problem;
	if (disk->driver->life == DRIVER_LIFE_FAILED)
		return disk->driver->reason;
	if (disk->found && disk->driver->life == DRIVER_LIFE_READY &&
	    disk_unit_of(disk)->sectors == 0)
		return "its driver does not find it any more";
	return disk->found ? NULL : "its driver is not ready yet";
}

void disks_look_again(const struct driver *driver)
{
	for (u32 i = 0; i < CONFIG_DISK_MAX && disks[i].config != NULL; i++) {
		struct disk now = disks[i];

		if (now.driver != driver || !now.found)
			continue;
		disk_look_up(&now);
		if (now.problem[0] == '\0' && now.first_sector == disks[i].first_sector &&
		    (now.config->partition[0] != '\0' || now.sectors > disks[i].sectors))
			disks[i].sectors = now.sectors;
	}
}

bool disk_resize(u32 number, u64 bytes, char *problem, size_t size)
{
	const struct disk *disk = disk_at(number);
	const char *why = disk_find_problem(disk);
	u64 present = disk != NULL ? disk->sectors * BLOCK_SECTOR_BYTES : 0;

	if (why != NULL)
		format(problem, size, "%s", why);
	else if (disk->driver->kind != &disk_memory_kind)
		format(problem, size,
		       "it is on %s; only a disk in memory can be resized, what a controller's "
		       "disk has grown by is there after `driver restart %s`",
		       disk->driver->name, disk->driver->name);
	else if (disk->config->partition[0] != '\0')
		format(problem, size, "it is a partition; only a whole disk can be resized");
	else if (bytes <= present || bytes % PAGE_SIZE != 0 || bytes > DISK_BYTES_MAX)
		format(problem, size,
		       "it has %llu KiB and never shrinks; give it more, in steps of 4K up to 1T",
		       (unsigned long long)(present / KIB));
	else
		return driver_grow(disk->driver, bytes, problem, size);
	return false;
}

bool disk_set_dma(u32 number, bool direct, char *problem, size_t size)
{
	struct disk_config *config = config_disk(number);
	const struct disk *disk = disk_at(number);

	if (disk == NULL || disk->driver == NULL) {
		format(problem, size, "it has no driver");
		return false;
	}
	config->dma = direct ? DMA_DIRECT : DMA_COPY;
	for (u32 i = 0; i < DRIVER_CLIENT_MAX; i++) {
		struct driver_link *link = &disk->driver->link[i];

		if (link->used && link->disk.store.volume == 0 && link->section == number &&
		    !disk_is_view(link))
			disk_window_want(link, direct && !disk_is_encrypted(config));
	}
	return true;
}

static bool disk_overlaps(const struct driver_link *link, const struct disk *disk)
{
	return link->disk.store.volume == 0 && link->disk.unit == disk->unit &&
	       link->disk.first_sector < disk->first_sector + disk->sectors &&
	       disk->first_sector < link->disk.first_sector + link->disk.sectors;
}

/*
 * Returns a link to the same sectors as `disk` whose use does not allow another link to them, or
 * NULL.
 */
static const struct driver_link *disk_find_conflict(const struct disk *disk, bool read_only)
{
	for (u32 i = 0; i < DRIVER_CLIENT_MAX; i++) {
		const struct driver_link *link = &disk->driver->link[i];

		/* a view needs no check, as the disk that it sees has a link of its own */
		if (link->used && !disk_is_view(link) && disk_overlaps(link, disk) &&
		    !(read_only && link->disk.read_only))
			return link;
	}
	return NULL;
}

static size_t disk_show_user(char *text, size_t size, bool more, const struct driver_link *link)
{
	bool view = disk_is_view(link);

	return format(text, size, "%s%s%s%s%s", more ? ", " : "", link->user,
		      view ? " (view of " : "", view ? disk_view_source(link)->user : "",
		      view		     ? ")"
		      : link->disk.read_only ? " (ro)"
					     : "");
}

void disk_users(const struct disk *disk, char *text, size_t size)
{
	size_t length = 0;

	text[0] = '\0';
	for (u32 i = 0; disk->driver != NULL && i < DRIVER_CLIENT_MAX && length < size; i++) {
		const struct driver_link *link = &disk->driver->link[i];

		if (link->used && link->disk.store.volume == 0 && &disks[link->section] == disk)
			length += disk_show_user(text + length, size - length, length > 0, link);
	}
}

struct share_given disk_limit_of(const struct vm_config *config)
{
	return (struct share_given){
		.units = config->disk_ops,
		.bytes = config->disk_bytes,
		.burst = config->disk_burst,
		.weight = config->disk_weight,
	};
}

/*
 * Links a user to a disk. `wanted` is the link to make, with the user's name and limits; this
 * function fills in the rest.
 */
static struct driver_link *disk_attach(u32 number, bool read_only, handle_t group,
				       struct driver_link *wanted, char *problem, size_t size)
{
	const struct disk *disk = disk_at(number);
	const char *why = disk_find_problem(disk);
	const struct driver_link *conflict;
	const struct store *store;

	if (why != NULL) {
		format(problem, size, "%s", why);
		return NULL;
	}
	store = store_on(disk);
	if (store != NULL) {
		format(problem, size, "store %s lies on it; use a volume of it, as %s/VOLUME",
		       store->config->section.name, store->config->section.name);
		return NULL;
	}
	read_only = read_only || disk->config->read_only;
	conflict = disk_find_conflict(disk, read_only);
	if (conflict != NULL) {
		format(problem, size,
		       "%s uses it as disk %s; a disk has one writer, or readers only",
		       conflict->user, conflict->name);
		return NULL;
	}
	wanted->section = number;
	string_copy(wanted->name, sizeof(wanted->name), disk->config->section.name);
	wanted->fails = disk->config->lost == LOST_ERROR;
	wanted->whole = disk->config->partition[0] == '\0';
	wanted->disk.unit = disk->unit;
	wanted->disk.first_sector = disk->first_sector;
	wanted->disk.sectors = disk->sectors;
	wanted->disk.read_only = read_only;
	return driver_link_make(disk->driver, group, wanted, problem, size);
}

struct driver_link disk_wanted_by(const struct vm *vm, bool window)
{
	struct driver_link wanted = {
		.ram = {.memory = vm->ram, .bytes = vm->config.memory_bytes, .wanted = window},
		.disk = {.limit = disk_limit_of(&vm->config)},
	};

	string_copy(wanted.user, sizeof(wanted.user), vm->config.name);
	return wanted;
}

static struct driver_link *disk_attach_section(struct vm *vm, u32 number, bool read_only,
					       const struct link_ends *ends, char *problem,
					       size_t size)
{
	const struct disk_config *config = config_disk(number);
	/* a device with access to the guest's RAM would read data that are not encrypted yet */
	bool direct = config->dma == DMA_DIRECT && !vm->overcommits && !disk_is_encrypted(config);
	struct driver_link wanted = disk_wanted_by(vm, direct);
	struct driver_link *link;

	wanted.ends = *ends;
	if (disk_is_encrypted(config) && !disk_key_is_there(config->encrypt)) {
		format(problem, size,
		       "its key %s is missing; put it into the boot module " DISK_KEY_MODULE
		       ", or type it after `disk key %s`",
		       config->encrypt, config->encrypt);
		return NULL;
	}
	link = disk_attach(number, read_only, vm->group, &wanted, problem, size);
	if (link != NULL)
		disk_window_want(link, direct);
	return link;
}

struct driver_link *disk_attach_own(struct vm *vm, const struct vm_disk *wanted,
				    const struct link_ends *ends, char *problem, size_t size)
{
	if ((wanted->flags & VM_DISK_VOLUME) != 0)
		return disk_volume_attach(vm, wanted, ends, problem, size);
	return disk_attach_section(vm, wanted->number - 1u,
				   (wanted->flags & VM_DISK_READ_ONLY) != 0, ends, problem, size);
}

/*
 * Links a user to a disk that is not a VM's by configuration, as for a save. Without `read_only`
 * the disk must be writable.
 */
static struct driver_link *disk_attach_other(u32 number, bool read_only, handle_t group,
					     struct driver_link *wanted, char *problem, size_t size)
{
	char why[sizeof(((struct disk *)NULL)->problem)];
	struct driver_link *link = NULL;

	if (!read_only && config_disk(number)->read_only)
		format(why, sizeof(why), "it is read-only; use one that may be written to");
	else
		link = disk_attach(number, read_only, group, wanted, why, sizeof(why));
	if (link == NULL)
		format(problem, size, "disk %s: %s", config_disk(number)->section.name, why);
	return link;
}

/* Links a user, as disk_attach_other does, to the disk or the volume of that name. */
static struct driver_link *disk_attach_named(const char *name, bool read_only, handle_t group,
					     struct driver_link *wanted, char *problem, size_t size)
{
	u32 number;

	if (strchr(name, '/') != NULL)
		return disk_volume_attach_named(name, read_only, group, wanted, problem, size);
	if (disk_find(name, &number) != NULL)
		return disk_attach_other(number, read_only, group, wanted, problem, size);
	format(problem, size, "there is no disk \"%s\"", name);
	return NULL;
}

struct driver_link *disk_attach_alone(const char *user, handle_t group, const char *name,
				      bool read_only, char *problem, size_t size)
{
	struct driver_link wanted = {.disk = {.limit = {.weight = DISK_WEIGHT}}};

	string_copy(wanted.user, sizeof(wanted.user), user);
	return disk_attach_named(name, read_only, group, &wanted, problem, size);
}

struct driver_link *disk_attach_target(struct vm *vm, const char *name, char *problem, size_t size)
{
	struct driver_link wanted = disk_wanted_by(vm, false);

	return disk_attach_named(name, false, vm->group, &wanted, problem, size);
}

struct driver_link *disk_attach_save(struct vm *vm, u32 number, bool read_only, char *problem,
				     size_t size)
{
	struct driver_link wanted = disk_wanted_by(vm, false);

	return disk_attach_other(number, read_only, vm->group, &wanted, problem, size);
}

bool disk_may_be_read(u32 number, char *problem, size_t size)
{
	const struct disk *disk = disk_at(number);
	const char *why = disk_find_problem(disk);
	const struct driver_link *user = why == NULL ? disk_find_conflict(disk, true) : NULL;

	if (why != NULL)
		format(problem, size, "disk %s: %s", config_disk(number)->section.name, why);
	else if (user != NULL)
		format(problem, size, "disk %s: %s uses it; take a disk that nobody writes to",
		       config_disk(number)->section.name, user->user);
	return why == NULL && user == NULL;
}

bool disk_attach_all(struct vm *vm, char *problem, size_t size)
{
	const struct link_ends none = {.memory = HANDLE_NONE};
	char why[sizeof(((struct disk *)NULL)->problem)];

	for (u32 i = 0; i < CONFIG_VM_DISK_MAX && vm->config.disk[i].number != 0; i++) {
		const struct vm_disk *wanted = &vm->config.disk[i];
		char name[CONFIG_DISK_BYTES];

		if ((wanted->flags & VM_DISK_CLONED) != 0)
			continue;
		config_disk_name(wanted, name);
		vm->link[i] = disk_attach_own(vm, wanted, &none, why, sizeof(why));
		if (vm->link[i] != NULL)
			continue;
		if ((wanted->flags & VM_DISK_OPTIONAL) == 0) {
			format(problem, size, "disk %s: %s", name, why);
			return false;
		}
		log_message(LOG_WARNING, LOG_VM, vm->config.name, "starts without disk %s: %s",
			    name, why);
		notice("%s: starts without disk %s: %s\n", vm->config.name, name, why);
	}
	if (!vm_save_has_disk(&vm->save))
		return true;
	vm->save.link = disk_attach_save(vm, vm->save.disk - 1u, true, problem, size);
	return vm->save.link != NULL;
}

void disk_give_all(const struct vm *vm, struct process_build *build)
{
	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++) {
		if (vm->link[i] != NULL)
			driver_link_give(build, vm->link[i], START_DISK, i, vm->link[i]->name);
	}
	if (vm->save.link != NULL)
		driver_link_give(build, vm->save.link, START_SAVE, 0, vm->config.name);
}

/*
 * Reports, once, that the memory of a VM that has ended is not freed, as a disk's device may still
 * write to it until a command restarts the driver.
 */
static void disk_say_kept(struct vm *vm, struct driver_link *link)
{
	const struct driver *driver = driver_of_link(link);

	if (!driver->loud)
		return;
	vm->kept_by = driver->name;
	if (link->said)
		return;
	link->said = true;
	log_message(LOG_WARNING, LOG_VM, vm->config.name,
		    "its memory is kept: the device of driver %s may still write to it",
		    driver->name);
	notice("%s: its memory is kept, the device of driver %s may still write to it; "
	       "`driver restart %s` tries again\n",
	       vm->config.name, driver->name, driver->name);
}

bool disk_any_is_viewed(const struct vm *vm)
{
	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++) {
		if (vm->link[i] != NULL && disk_is_viewed(vm->link[i]))
			return true;
	}
	return false;
}

bool disk_detach_all(struct vm *vm)
{
	bool all = true;

	vm->kept_by = NULL;
	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++) {
		if (vm->link[i] == NULL || disk_is_viewed(vm->link[i]))
			continue;
		if (driver_link_end(vm->link[i])) {
			vm->link[i] = NULL;
			continue;
		}
		disk_say_kept(vm, vm->link[i]);
		all = false;
	}
	return driver_link_end_at(&vm->save.link) && all;
}

void disk_limit_all(struct vm *vm)
{
	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++) {
		if (vm->link[i] == NULL)
			continue;
		vm->link[i]->disk.limit = disk_limit_of(&vm->config);
		driver_link_fill(vm->link[i]);
	}
}
