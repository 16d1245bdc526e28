/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/vm/vm.h"

/*
 * Disks of clones of a VM that writes to them: a view of each disk as it was at the VM's last
 * snapshot, below an overlay for the clone's writes. The overlay takes at most the clone's
 * `disk.undo` and is charged to the clone's memory group.
 */

/*
 * Returns whether a clone of that snapshot could have the VM's disks; if not, `problem` says why.
 */
bool vm_clone_disks_may(const struct vm *from, const struct vm_snapshot *snapshot, char *problem,
			size_t size);
/*
 * Marks which disks of a clone are views, before the clone is built. They stay views for as long as
 * the clone exists.
 */
void vm_clone_disks_mark(struct vm *clone, const struct vm *from);
/*
 * Makes the clone's links to the disks that are marked as views. Returns false, with the reason in
 * `problem`, if one fails.
 */
bool vm_clone_disks_attach(struct vm *clone, char *problem, size_t size);
/*
 * Returns whether one of the VM's disks is a view; `problem` then says why no snapshot and no save
 * of the VM can be made.
 */
bool vm_clone_has_views(const struct vm *vm, char *problem, size_t size);
/*
 * Checks the views: ends all clones of the VM if its disks' old blocks are lost, ends the VM if it
 * is a clone whose own writes are lost, and reports once that an overlay is full.
 */
void vm_clone_disks_look(struct vm *vm);
