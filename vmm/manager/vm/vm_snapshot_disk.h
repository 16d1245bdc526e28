/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/disk/disk_undo.h"

struct vm;
struct vm_snapshot;

/*
 * At a VM's snapshots, its disks that it may write to: what they hold at the latest one is kept by
 * their drivers. Of several the worst counts, and `problem` names the disk.
 */

/* Whether what all of them held at a snapshot is still kept, or there are none. */
bool vm_disks_known_at(const struct vm *vm, const struct vm_snapshot *snapshot);
/* Memory for one of them, charged to the VM. False: `problem` says why there is none. */
bool vm_disk_prepare(struct vm *vm, struct driver_link *link, char *problem, size_t size);
/* For all of those that have some: more, while it is in use. */
bool vm_disks_make_room(struct vm *vm, u64 bytes, char *problem, size_t size);
/* In vm_step: the operator is told once when there is not much left; a disk may have grown. */
void vm_disks_look_at_room(struct vm *vm);
/* For all of them. */
bool vm_disks_prepare(struct vm *vm, char *problem, size_t size);
/*
 * Their devices shall not reach its RAM, which gets layers: data is copied from now on. False: not
 * yet, to be asked again.
 */
bool vm_disks_let_go(struct vm *vm);
/* It has none: they may, as configured. */
void vm_disks_reach_again(struct vm *vm);
/* From now on; the machine is held. */
void vm_disks_keep(struct vm *vm);
enum disk_undo_state vm_disks_kept(const struct vm *vm, char *problem, size_t size);
/* Whether they could be put back; false: `problem` says why not. */
bool vm_disks_are_whole(const struct vm *vm, char *problem, size_t size);
/* Whether others see what one held at the last snapshot, which then has to stay; `problem` says it.
 */
bool vm_disks_are_viewed(const struct vm *vm, char *problem, size_t size);
/* The machine is held: they shall hold again what was kept. */
void vm_disks_put_back(struct vm *vm);
enum disk_undo_state vm_disks_are_back(const struct vm *vm, char *problem, size_t size);
/* Grows as long as their drivers do something. */
u64 vm_disks_moved(const struct vm *vm);
/* What is kept of all, without what belongs to it. */
u64 vm_disks_kept_bytes(const struct vm *vm);
void vm_disks_go_on(struct vm *vm);
/* Nothing is kept for any snapshot. */
void vm_disks_forget(struct vm *vm);
/* Takes back memory that they no longer need. */
void vm_disks_release(struct vm *vm);
