/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/disk/backup_place.h"
#include "vmm/manager/vm/operation/backup/vm_backup.h"
#include "vmm/manager/vm/operation/backup/vm_schedule.h"

#define SCHEDULE_FOR_EACH(vm, i)                                                                   \
	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++)                                               \
		if (((vm)->schedule.disks & 1u << i) != 0)

/* Notes in vm->schedule.disks which disks of the VM are backed up: the volumes that it may write
 * to. */
void vm_schedule_look_at_disks(struct vm *vm);
/* Returns whether the VM still runs with all of these disks. */
bool vm_schedule_has_disks(const struct vm *vm);
/* Returns the backups of the VM's disk in the schedule's store, as backup_places does. */
const struct backup_place *vm_schedule_places(const struct vm *vm, u32 place, u32 *count);

/* Returns the seconds until a backup is due, according to the backups of each disk in the store. */
u64 vm_schedule_wait_s(const struct vm *vm);
/*
 * Chooses the kind of the backup: a differential one where that can follow, a full one otherwise.
 * Returns false, with the reason in `problem`, if the VM cannot be backed up now.
 */
bool vm_schedule_choose(struct vm *vm, char *problem, size_t size);
/*
 * Returns the wish for the backup, whose targets are the volumes made for it; valid until the next
 * call.
 */
const struct vm_backup_wish *vm_schedule_wish(const struct vm *vm);
/*
 * Returns the moment of a new backup: the present time, but later than all backups in the store,
 * whatever the clock shows.
 */
u64 vm_schedule_moment(const struct vm *vm);

/* Writes the name that the volume for the disk gets once the backup is whole. */
void vm_schedule_final_name(const struct vm *vm, u32 place, u32 sequence,
			    char name[STORE_NAME_BYTES]);
/*
 * Fills in an item for each new volume, by the name that it has until the backup is whole, or by
 * the final one. Returns the number of items.
 */
u32 vm_schedule_new_volumes(const struct vm *vm, bool final, struct store_item *items);
