/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/vm/vm.h"

/*
 * Disks of clones of a VM that writes to them: a view of what each held at the VM's last snapshot,
 * below an overlay for what the clone writes, of at most its `disk.undo`, in memory of its group.
 */

/* Whether a clone of that snapshot could have the VM's disks; false: `problem` says why not. */
bool vm_clone_disks_may(const struct vm *from, const struct vm_snapshot *snapshot, char *problem,
			size_t size);
/* For a clone that is not built yet: which of its disks are views. They stay that. */
void vm_clone_disks_mark(struct vm *clone, const struct vm *from);
/* The links of those that are marked. False: `problem` says why not. */
bool vm_clone_disks_attach(struct vm *clone, char *problem, size_t size);
/* Whether one of the VM's disks is marked; then `problem` says that it cannot be kept. */
bool vm_clone_has_views(const struct vm *vm, char *problem, size_t size);
/*
 * Looks what became of them. The clones end when what the VM's disks held is there no more, and a
 * clone that has lost what it wrote; that an overlay is full is told once.
 */
void vm_clone_disks_look(struct vm *vm);
