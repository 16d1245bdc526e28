/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/disk/disk_undo.h"
#include "vmm/manager/vm/disks/vm_volume_types.h"

struct vm;
struct vm_snapshot;

/*
 * The volumes that a VM may write to, at its snapshots: each snapshot of the VM has one of each
 * volume, a clone of the VM has a clone of each, and going back takes them back. Names of volumes
 * that begin with '@' are the manager's; those of no snapshot any more are dropped.
 */

/* Returns whether the VM may write to a volume. */
bool vm_volumes_any(const struct vm *vm);
/* Notes that the snapshot has one of each volume; to be called before they are asked for. */
void vm_volumes_claim(const struct vm *vm, struct vm_snapshot *snapshot);
/*
 * Begin to take snapshots of all volumes, or to go back to them, while the guest is held. All
 * volumes of a store are taken at one moment.
 */
void vm_volumes_keep(struct vm *vm);
void vm_volumes_go_back(struct vm *vm);
/* Asks the stores again; returns the worst answer, with the reason in `problem`. */
enum disk_undo_state vm_volumes_done(struct vm *vm, char *problem, size_t size);

/*
 * Makes the volumes of a clone of that name, a step at a time; `work` is all zeros at first.
 * Returns the worst answer of their stores, with the reason in `problem`.
 */
enum disk_undo_state vm_volumes_make_clones(const struct vm *from,
					    const struct vm_snapshot *snapshot, const char *name,
					    struct vm_volumes_work *work, char *problem,
					    size_t size);
/* Drops those that were made, as there will be no such clone. */
void vm_volumes_drop_clones(const struct vm *from, const char *name,
			    const struct vm_volumes_work *work);
/* Gives them to the clone in its configuration. Returns false, with the reason in `problem`. */
bool vm_volumes_give(struct vm *clone, const struct vm *from, char *problem, size_t size);
/* Drops a clone's own volumes, as the VM is removed. */
void vm_volumes_release(const struct vm *vm);

/* Has snapshots dropped that no VM needs; to be called when one was released. */
void vm_volumes_look(void);
/* Does a step of dropping, and tells links the new sizes of their volumes. */
void vm_volumes_step(void);
