/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/driver/driver.h"
#include "vmm/manager/vm/vm_types.h"

/*
 * Disks: the sections [disk NAME] of the configuration, each a disk of a driver or a partition of
 * it, and their users. A sector has one writer, or any number of readers.
 */
struct disk {
	const struct disk_config *config;
	/* the disk's driver; NULL: there is no such controller, or the section is broken */
	struct driver *driver;
	u32 unit;			     /* index of the disk among those of the driver */
	char problem[2 * DRIVER_TEXT_BYTES]; /* why the disk cannot be used; "": it can */
	u64 first_sector;		     /* valid once `found` */
	u64 sectors;
	bool found;
};

extern const struct driver_class disk_class;

/* Returns the driver's report about the disk, in memory that the driver may change at any time. */
static inline const struct disk_unit *disk_unit_of(const struct disk *disk)
{
	return &disk->driver->channel->disk.unit[disk->unit];
}
/* Returns how many disks the driver may have. */
static inline u32 disk_units_of(const struct driver *driver)
{
	return driver->kind->units != 0 ? driver->kind->units : 1;
}

/* Starts the drivers of all disks that the configuration names. */
void disks_start(void);
/*
 * Returns the disk of that number, with its first and last sector looked up anew, or NULL behind
 * the last.
 */
const struct disk *disk_at(u32 number);
/* Returns the disk of a section [disk NAME] and its number, or NULL if there is none. */
const struct disk *disk_find(const char *name, u32 *number);
/*
 * Takes the sizes of disks and partitions from a driver that has just become ready. A disk or
 * partition that begins at the same sector may be larger than before, and a partition smaller, too.
 */
void disks_look_again(const struct driver *driver);
/*
 * Makes a disk in memory larger and tells its users. Returns false, with the reason in `problem`,
 * if its size stays the same.
 */
bool disk_resize(u32 number, u64 bytes, char *problem, size_t size);
/*
 * Sets whether the disk's device may reach its clients' RAM, from now on. If it may no more, the
 * windows to their RAM close one by one while the disk stays in use. Returns false, with the reason
 * in `problem`, if nothing has changed.
 */
bool disk_set_dma(u32 number, bool direct, char *problem, size_t size);
/*
 * Writes the names of the disk's users: "alpha", "alpha (ro), beta (ro)", "alpha, beta (view of
 * alpha)"; "" if there are none.
 */
void disk_users(const struct disk *disk, char *text, size_t size);

/*
 * Links a VM that is being built to all its disks, with memory that is charged to the VM's memory
 * group. An optional disk may be missing, which is logged. Returns false, with the reason in
 * `problem`, if another is missing.
 */
bool disk_attach_all(struct vm *vm, char *problem, size_t size);
/*
 * Links a VM to a disk or volume of its own, as `wanted` says. With `ends`, those of an earlier
 * link of the VM's, the VM's monitor has the new link in place of the earlier one; without a memory
 * in them the ends are made. Returns NULL, with the reason in `problem`, if that is not possible;
 * the ends then belong to the caller.
 */
struct driver_link *disk_attach_own(struct vm *vm, const struct vm_disk *wanted,
				    const struct link_ends *ends, char *problem, size_t size);
/*
 * Links a VM to a disk that is not its own, for a save. Returns NULL, with the reason in `problem`,
 * if that is not possible.
 */
struct driver_link *disk_attach_save(struct vm *vm, u32 number, bool read_only, char *problem,
				     size_t size);
/*
 * Links a process of a VM to the disk or the volume of that name (DISK or STORE/VOLUME), to which a
 * backup is written. Returns NULL, with the reason in `problem`, if that is not possible.
 */
struct driver_link *disk_attach_target(struct vm *vm, const char *name, char *problem, size_t size);
/*
 * Links a process that belongs to no VM and has a memory group of its own to the disk or the volume
 * of that name; `user` is the process's name. Returns NULL, with the reason in `problem`, if that
 * is not possible.
 */
struct driver_link *disk_attach_alone(const char *user, handle_t group, const char *name,
				      bool read_only, char *problem, size_t size);
/* Returns whether a link that only reads the disk could be made now; if not, `problem` says why. */
bool disk_may_be_read(u32 number, char *problem, size_t size);
/* Returns whether the disk of this section is encrypted. */
static inline bool disk_is_encrypted(const struct disk_config *config)
{
	return config->encrypt[0] != '\0';
}
/*
 * Returns the beginnings of a link, with the VM's name and limits filled in; `window`: the disk's
 * device may reach the VM's RAM.
 */
struct driver_link disk_wanted_by(const struct vm *vm, bool window);
/* Returns the most that the VM may take of each of its disks. */
struct share_given disk_limit_of(const struct vm_config *config);
/* Gives the VM's monitor, which `build` makes, its ends of the links to the VM's disks. */
void disk_give_all(const struct vm *vm, struct process_build *build);
/* Returns whether there is a link, to a disk or volume that is encrypted. */
bool disk_link_is_encrypted(const struct driver_link *link);
/* Returns whether one of the VM's disks is encrypted. */
bool disk_any_is_encrypted(const struct vm *vm);
/* Gives the keys of the VM's encrypted disks to the VM's monitor alone. */
void disk_give_keys(const struct vm *vm, struct process_build *build);
/*
 *  Gives the process of a rekey the keys of both volumes (enum content_key), in a page that `group`
 *  pays for.
 */
void disk_give_keys_of(const struct store_key *from, const struct store_key *to, handle_t group,
		       struct process_build *build);
/*
 * Returns whether clones or backups use a view of one of the VM's disks as it was at its last
 * snapshot.
 */
bool disk_any_is_viewed(const struct vm *vm);
/*
 * Ends the VM's links to disks, except those whose old blocks are seen through views; to be
 * repeated until it returns true: then the drivers use nothing else of the VM.
 */
bool disk_detach_all(struct vm *vm);
/* Tells the disks' drivers the VM's changed limits. */
void disk_limit_all(struct vm *vm);
/*
 * Pages that one link of a VM to a disk takes: its memory, page tables, events, list of pages and
 * the monitor's requests.
 */
#define DISK_LINK_PAGES (BLOCK_LINK_BYTES / PAGE_SIZE + 48u)
/*
 * Pages that an encrypted disk needs besides DISK_LINK_PAGES, in each of two monitors (as during a
 * renewal).
 */
#define DISK_KEY_PAGES 16u
/* Pages that a view of a disk needs besides DISK_LINK_PAGES. */
#define DISK_VIEW_PAGES (BLOCK_BOUNCE_BYTES / PAGE_SIZE + 1u)
/*
 * Pages that a process which copies, restores or moves the content of disks needs besides those of
 * its links: its image, memory, stack and page tables.
 */
#define DISK_COPIER_PAGES 512u
/*
 * Returns the pages for the links to the VM's disks, and for the link of a save if there is a key
 * of saved VMs.
 */
u64 disk_pages(const struct vm_config *config);
