/* SPDX-License-Identifier: MIT */
#pragma once

/* Snapshots of a VM in memory: taking one, going back to one, dropping one. */
#include "vmm/manager/vm/operation/snapshot/vm_snapshot_types.h"
#include "vmm/manager/vm/vm_operation.h"

struct vm;

/*
 * Begin to take a snapshot, or to go back to one. They return false, with the reason in `problem`,
 * if that is not possible. vm_busy() is true until the end; then the operation's `problem` tells
 * the outcome.
 */
bool vm_snapshot_take(struct vm *vm, const char *name, bool quiesce, char *problem, size_t size);
bool vm_snapshot_reset(struct vm *vm, const struct vm_snapshot *to, char *problem, size_t size);

/*
 * Forgets a snapshot; vm_busy() is true until its memory is merged into the VM's. Returns false,
 * with the reason in `problem`, if that is not possible.
 */
bool vm_snapshot_drop(struct vm *vm, struct vm_snapshot *snapshot, char *problem, size_t size);

/* Frees the memory of a snapshot, and its entry in the VM's list. */
void vm_snapshot_release(struct vm *vm, struct vm_snapshot *snapshot);
/*
 * Checks the VM's snapshots while no operation is under way, in vm_step: one whose disks' old
 * blocks are lost is dropped.
 */
void vm_snapshot_look(struct vm *vm);

extern const struct vm_operation_ops vm_snapshot_ops;
/* Returns the TSC at which the present phase is over, or at which vm_quota_look is due. */
u64 vm_snapshot_deadline(const struct vm *vm);

/*
 * Notes one more layer (frozen memory object) below the VM's RAM, for which the quota was raised by
 * `pages`.
 */
void vm_snapshot_layer_made(struct vm *vm, u64 pages);
/*
 * Begins to merge the top layer below the VM's RAM into the RAM, if no snapshot and no clone needs
 * it any more.
 */
void vm_snapshot_merge_begin(struct vm *vm);
/* Does one step of the merge; returns whether another step is due at once. */
bool vm_snapshot_merge_step(struct vm *vm);
