/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/driver/driver.h"
#include "vmm/manager/vm/vm.h"

/*
 * Disks: the sections [disk NAME] of the configuration, each a driver's disk or a partition of it,
 * and who uses them. A sector has one writer, or any number of readers.
 */
struct disk {
	const struct disk_config *config;
	struct driver *driver; /* NULL: its controller is not there, or the section is broken */
	u32 unit; /* of the driver's disks */
	char problem[2 * DRIVER_TEXT_BYTES]; /* why it cannot be used; "": it can */
	u64 first_sector; /* once `found` */
	u64 sectors;
	bool found;
};

extern const struct driver_class disk_class;

/* What its driver says of it; the driver may write there at any time. */
static inline const struct disk_unit *disk_unit_of(const struct disk *disk)
{
	return &disk->driver->channel->disk.unit[disk->unit];
}
/* Disks that a driver may have. */
static inline u32 disk_units_of(const struct driver *driver)
{
	return driver->kind->units != 0 ? driver->kind->units : 1;
}

/* Starts the drivers of all disks that the configuration names. */
void disks_start(void);
/* The disk of that number; NULL behind the last. It has been looked up. */
const struct disk *disk_at(u32 number);
/* Likewise the disk of a [disk NAME], and its number; NULL: there is none. */
const struct disk *disk_find(const char *name, u32 *number);
/*
 * Makes a disk in memory larger; its users are told. False: `problem` says why it stays as it is.
 */
bool disk_resize(u32 number, u64 bytes, char *problem, size_t size);
/*
 * Whether its device may reach its clients' RAM, from now on. When it may no more the windows close
 * one by one while the disk goes on. False: `problem` says why nothing has changed.
 */
bool disk_set_dma(u32 number, bool direct, char *problem, size_t size);
/*
 * In words, who uses it: "alpha", "alpha (ro), beta (ro)", "alpha, beta (view of alpha)"; "" for
 * nobody.
 */
void disk_users(const struct disk *disk, char *text, size_t size);

/*
 * For a VM that is being built: links to all its disks, charged to its group. One that is optional
 * may be missing, which is logged. False: `problem` says why.
 */
bool disk_attach_all(struct vm *vm, char *problem, size_t size);
/*
 * A link to the disk of that number for a save of this VM, which is not one of the VM's disks.
 * NULL: `problem` says why.
 */
struct driver_link *disk_attach_save(struct vm *vm, u32 number, bool read_only, char *problem,
				     size_t size);
/* Likewise for a process that is no VM's, which has a group of its own; `user` says what it is. */
struct driver_link *disk_attach_alone(const char *user, handle_t group, u32 number, bool read_only,
				      char *problem, size_t size);
/* Whether the disk of that number could be had for reading; `problem` says why not. */
bool disk_may_be_read(u32 number, char *problem, size_t size);
/* What the VM may have of each of its disks. */
struct share_given disk_limit_of(const struct vm_config *config);
/* Hands them to its monitor. */
void disk_give_all(const struct vm *vm, struct process_build *build);
/* Whether others see what one of them held at the VM's last snapshot. */
bool disk_any_is_viewed(const struct vm *vm);
/*
 * Ends the links but for those that others see, in steps: true once the drivers have nothing else
 * of the VM any more.
 */
bool disk_detach_all(struct vm *vm);
/* The VM's limits have changed. */
void disk_limit_all(struct vm *vm);
/* Of a link: its memory, page tables, events, its pages' list, the monitor's requests. */
#define DISK_LINK_PAGES (BLOCK_LINK_BYTES / PAGE_SIZE + 48u)
/* Of a view so many more. */
#define DISK_VIEW_PAGES (BLOCK_BOUNCE_BYTES / PAGE_SIZE + 1u)
/* Pages that links of its disks take, and that of a save if there is a key for one. */
u64 disk_pages(const struct vm_config *config);
