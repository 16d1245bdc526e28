/* SPDX-License-Identifier: MIT */
#pragma once

/* Saves of VMs on disks or in stores, restores from there, and digests. */
#include "vmm/manager/vm/operation/save/vm_save_types.h"
#include "vmm/manager/vm/vm_operation.h"

struct vm;

/*
 * Begins to save a running or paused VM. Returns false, with the reason in `problem`, if that is
 * not possible. vm_busy() is true until the save ends; then the VM is VM_STOPPED, unless it was to
 * continue, or was not saved: the renewal's `problem` says why.
 */
bool vm_save(struct vm *vm, const struct vm_save_place *place, char *problem, size_t size);
/*
 * Begins to compute digests of a running or paused VM, which is held meanwhile and then continues.
 * Returns false as vm_save does; vm_busy() is true until the end. Then vm->channel has the digests,
 * unless the renewal's `problem` says why not.
 */
bool vm_save_digest(struct vm *vm, char *problem, size_t size);
/*
 * Begins to restore a VM that does not run. Returns false, with the reason in `problem`, if that is
 * not possible. vm_busy() is true until the VM runs, or is again in its earlier state; then the
 * operation's `problem` says why.
 */
bool vm_restore(struct vm *vm, const struct vm_save_place *place, char *problem, size_t size);

/* Returns the bytes read from and written to the disk so far, or 0 if there is no disk. */
u64 vm_save_bytes(const struct vm *vm);

/* For vm_renew.c during a save: returns why the transfer has failed, or NULL if it has not. */
const char *vm_save_broken(const struct vm *vm);
/* For vm_renew.c during a save: returns a number that grows as long as the save makes progress. */
u32 vm_save_moved(const struct vm *vm);
/*
 * Ends the VM, unless it was to continue; vm_renew.c calls this once the process that saves has
 * reported that all is written. Returns false if the store has not confirmed yet.
 */
bool vm_saved(struct vm *vm);
/*
 * Closes the resources of the save; vm_renew.c calls this once the process that saves has ended and
 * the guest continues.
 */
void vm_save_goes_on(struct vm *vm);

extern const struct vm_operation_ops vm_save_ops;
