/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/disk/disk_undo.h"

struct vm;
struct vm_snapshot;

/*
 * The disks of a VM with snapshots that it may write to: their drivers keep the disks' content at
 * the latest snapshot. Functions about all disks return the worst state of any, and `problem` names
 * that disk.
 */

/*
 * Returns whether all disks' contents at the snapshot are still kept; true if there are no such
 * disks.
 */
bool vm_disks_known_at(const struct vm *vm, const struct vm_snapshot *snapshot);
/*
 * Makes memory for one disk's old blocks, charged to the VM. Returns false, with the reason in
 * `problem`, if there is none.
 */
bool vm_disk_prepare(struct vm *vm, struct driver_link *link, char *problem, size_t size);
/*
 * Enlarges the memory for old blocks of all disks that have some to `bytes` each, while it is in
 * use.
 */
bool vm_disks_make_room(struct vm *vm, u64 bytes, char *problem, size_t size);
/*
 * Returns whether a disk of the VM has old blocks, may get some, or is a view of another VM's disk.
 */
bool vm_disks_need_a_look(const struct vm *vm);
/*
 * Tells the operator, once, that a disk's room for old blocks is low, and makes room for a disk
 * that has grown; called by vm_step.
 */
void vm_disks_look_at_room(struct vm *vm);
/* Makes memory for the old blocks of all disks that the VM may write to. */
bool vm_disks_prepare(struct vm *vm, char *problem, size_t size);
/*
 * Closes the windows through which disks' devices reach the VM's RAM, which is about to get layers:
 * from now on data is copied. Returns false while windows are open: call again.
 */
bool vm_disks_let_go(struct vm *vm);
/* Opens the windows again, as configured, once the VM's RAM has no layers. */
void vm_disks_reach_again(struct vm *vm);
/* Has the drivers of the VM's disks begin to keep overwritten blocks, while the guest is held. */
void vm_disks_keep(struct vm *vm);
enum disk_undo_state vm_disks_kept(const struct vm *vm, char *problem, size_t size);
/*
 * Returns whether all disks could be put back as they were at the last snapshot; if not, `problem`
 * says why.
 */
bool vm_disks_are_whole(const struct vm *vm, char *problem, size_t size);
/*
 * Returns whether other VMs use a view of a disk as it was at the last snapshot, so that its old
 * blocks have to stay; `problem` names the disk.
 */
bool vm_disks_are_viewed(const struct vm *vm, char *problem, size_t size);
/* Has the drivers begin to put back the kept blocks, while the guest is held. */
void vm_disks_put_back(struct vm *vm);
enum disk_undo_state vm_disks_are_back(const struct vm *vm, char *problem, size_t size);
/* Returns a number that grows as long as the drivers of the VM's disks make progress. */
u64 vm_disks_moved(const struct vm *vm);
/*
 * Returns how many bytes of old blocks are kept of all the VM's disks, without the drivers' own
 * tables.
 */
u64 vm_disks_kept_bytes(const struct vm *vm);
void vm_disks_go_on(struct vm *vm);
/* Ends the keeping of old blocks, of the VM's disks, for all its snapshots. */
void vm_disks_forget(struct vm *vm);
/* Frees memory for old blocks that the drivers no longer need. */
void vm_disks_release(struct vm *vm);
