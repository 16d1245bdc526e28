/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/status.h"
#include "vmm/manager/vm/operation/snapshot/vm_snapshot.h"

/* Goes back to a snapshot: the disks first, then the RAM, then the monitor loads the state. */

/*
 * Begins to go back to the snapshot `to`. Returns false, with the reason in `problem`, if that is
 * not possible.
 */
bool vm_snapshot_reset_begin(struct vm *vm, const struct vm_snapshot *to, char *problem,
			     size_t size);
/* Has the disks put back their old blocks, once the monitor holds the VM. */
void vm_snapshot_reset_held(struct vm *vm);
/* Goes on to reset the RAM once the disks' old blocks are back. */
void vm_snapshot_reset_disks(struct vm *vm);
/*
 * Has the kernel drop the pages written since the snapshot, in a turn; then the monitor loads the
 * state.
 */
void vm_snapshot_reset_memory(struct vm *vm);
/* Crashes the VM: a disk may hold old and new blocks. The operator can try to go back again. */
void vm_snapshot_reset_lost(struct vm *vm, const char *problem);

/* Enters a phase that taking a snapshot and going back to one have in common. In vm_snapshot.c. */
void vm_snapshot_enter(struct vm *vm, enum vm_snapshot_phase phase);
/* Gives the monitor its last command of the operation, which continues the guest. */
void vm_snapshot_go_on(struct vm *vm, enum vm_command command);
/*
 * Give up taking a snapshot or going back: nothing of the VM has changed, and the guest continues.
 */
void vm_snapshot_not_done(struct vm *vm, const char *problem);
void vm_snapshot_not_done_status(struct vm *vm, const char *what, enum status status);
void vm_snapshot_not_done_as_said(struct vm *vm);
