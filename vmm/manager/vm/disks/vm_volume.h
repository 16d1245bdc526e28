/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/io/store.h"
#include "vmm/manager/disk/disk_undo.h"
#include "vmm/manager/vm/disks/vm_volume_types.h"

struct vm;
struct vm_snapshot;

/*
 * The volumes that a VM may write to, at its snapshots and backups: each snapshot of the VM has one
 * of each volume, a clone of the VM has a clone of each, and going back to a snapshot takes the
 * volumes back. Names of volumes that begin with '@' are the manager's; those of no snapshot any
 * more are dropped.
 */

/* Returns whether the VM runs with a volume at that index of its disks, to which it may write. */
bool vm_volume_is_written(const struct vm *vm, u32 place);
/* Returns whether the VM may write to a volume. */
bool vm_volumes_any(const struct vm *vm);
/*
 * For backups, with vm->backup.disk[].chosen: has the stores keep the present content of the chosen
 * volumes.
 */
void vm_volumes_keep_for_backup(struct vm *vm);
/*
 * Returns the stores' progress with vm_volumes_keep_for_backup; `problem` says why it has failed or
 * which store does not answer.
 */
enum disk_undo_state vm_volumes_are_kept(struct vm *vm, char *problem, size_t size);
/*
 * Links the process that copies for a backup to the snapshot of the VM's volume at index `place`.
 * Returns NULL, with the reason in `problem`, if that is not possible.
 */
struct driver_link *vm_volume_attach_kept(struct vm *vm, u32 place, char *problem, size_t size);
/* Has the snapshots of the VM's backup dropped, once they have no readers. */
void vm_volumes_forget_backup(struct vm *vm);

/*
 * Notes that the VM's snapshot includes one of each volume; to be called before the stores are told
 * to make these.
 */
void vm_volumes_claim(const struct vm *vm, struct vm_snapshot *snapshot);
/*
 * Begin to take snapshots of all volumes, or to go back to them, while the guest is held. The
 * snapshots of all volumes in one store show the same moment.
 */
void vm_volumes_keep(struct vm *vm);
void vm_volumes_go_back(struct vm *vm);
/*
 * Goes on with giving the stores commands for the VM's snapshot or return to one; returns the worst
 * of their answers, with the reason in `problem`.
 */
enum disk_undo_state vm_volumes_done(struct vm *vm, char *problem, size_t size);

/*
 * Makes the volumes of the clone `name`, a step at a time; `work` is all zeros at first. Returns
 * the worst answer of the stores, with the reason in `problem`.
 */
enum disk_undo_state vm_volumes_make_clones(const struct vm *from,
					    const struct vm_snapshot *snapshot, const char *name,
					    struct vm_volumes_work *work, char *problem,
					    size_t size);
/* Drops the volumes that vm_volumes_make_clones has made, as the clone will not be made. */
void vm_volumes_drop_clones(const struct vm *from, const char *name,
			    const struct vm_volumes_work *work);
/*
 * Enters the volumes that vm_volumes_make_clones has made as the clone's disks, in its
 * configuration. Returns false, with the reason in `problem`, if that is not possible.
 */
bool vm_volumes_give(struct vm *clone, const struct vm *from, char *problem, size_t size);
/*
 * Makes room in the table of volumes' names, if that is half full, by forgetting unused names.
 * Called before a command reads names, which may be of volumes that never existed.
 */
void vm_volumes_forget_names(void);
/* Drops a clone's own volumes, as the VM is removed. */
void vm_volumes_release(const struct vm *vm);

/* Writes the name of the snapshot of a VM's disk in the set of that number. */
void vm_volume_snapshot_name(u32 number, u32 place, char name[STORE_NAME_BYTES]);

/* --- vm_volume_full.c --- */

/*
 * Pauses the VM's guest while a store has no room for its writes, with the reason, and lets it
 * continue when there is room.
 */
void vm_volume_full_look(struct vm *vm);

/* --- vm_volume_key.c --- */

/*
 * Returns whether a snapshot of the volume that the link uses is encrypted by the key that the VM's
 * monitor has; if not, as a rekey since then gave the volume another one, `problem` says so.
 */
bool vm_volume_has_its_key(const struct driver_link *link, const struct store_volume *snapshot,
			   char *problem, size_t size);
/*
 * Returns whether the VM's volumes still have the keys that they had at the snapshot, by which
 * alone its monitor reads them; if not, `problem` says which one has got another key.
 */
bool vm_volumes_have_their_keys(const struct vm *vm, const struct vm_snapshot *snapshot,
				char *problem, size_t size);

/* --- vm_volume_sweep.c --- */

/*
 * Writes the name that a volume for a scheduled backup of the VM's disk has until the backup is
 * whole; `number` is that of the schedule's set of volumes.
 */
void vm_volume_backup_name(u32 number, u32 place, char name[STORE_NAME_BYTES]);

/* Drops a volume of that name once its store is not busy. */
void vm_volume_drop_later(u32 store, const char *name);
/*
 * Has the manager's snapshots of volumes that no VM needs dropped; to be called when a snapshot of
 * a VM was released.
 */
void vm_volumes_look(void);
/*
 * Drops some of the manager's unneeded volumes, tells links the new sizes of their volumes, and
 * pauses VMs for which a store has no room.
 */
void vm_volumes_step(void);
