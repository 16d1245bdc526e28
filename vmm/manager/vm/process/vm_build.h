/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Makes a VM's kernel objects (memory group, RAM, channel, monitor), and frees them again; checks
 * beforehand whether there is room.
 */
#include "vmm/manager/vm/vm.h"

/* Notes, before the first VM, how much memory is free for VMs. */
void vm_build_init(void);

struct file;

/*
 * Returns the pages of a VM's quota when it boots; for a VM whose RAM is not promised in full only
 * the part that it gets at first.
 */
u64 vm_build_quota(const struct vm *vm);

/*
 * Returns the VM's kernel, or NULL if there is no such file; *demo tells whether it is the built-in
 * guest.
 */
const struct file *vm_build_kernel(const struct vm_config *config, bool *demo);

/*
 * Returns whether the host can provide all that the VM needs; if not, `problem` names the missing
 * part in the operator's terms.
 */
bool vm_build_check(const struct vm *vm, char *problem, size_t size);

/*
 * Returns whether the kernel and initrd are among the boot files; if not, `problem` names the
 * missing one.
 */
bool vm_build_has_files(const struct vm_config *config, char *problem, size_t size);

/*
 *  Returns whether the host could hold the VM if there were no other VM.
 */
bool vm_build_fits(const struct vm_config *config, char *problem, size_t size);

/*
 * Creates a VM's kernel objects and starts its monitor. If it returns false, `problem` names the
 * missing resource, and vm->group, if any, has to be freed with vm_release_step.
 */
bool vm_build(struct vm *vm, char *problem, size_t size);

/*
 * Makes a second monitor, in vm->renewal.heir, which loads `bytes` bytes of vm->renewal.state. If
 * it returns false, `problem` names the missing resource, and vm->renewal.heir has the parts that
 * were made.
 */
bool vm_build_heir(struct vm *vm, u64 bytes, char *problem, size_t size);

/*
 * Does one bounded step of ending the VM's monitor and freeing the VM's memory and kernel objects;
 * returns whether all steps are done.
 */
bool vm_release_step(struct vm *vm);

/* Frees the VM's channel to its monitor: the last step for a VM that is removed from the list. */
void vm_release_channel(struct vm *vm);
