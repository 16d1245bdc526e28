/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/vm/vm.h"

/* Takes stock of free memory. */
void vm_build_init(void);

struct file;

/* Pages that a VM's group is promised. */
u64 vm_build_pages(const struct vm_config *config);

/* The same to begin with, for one whose RAM may not be promised to it. */
u64 vm_build_quota(const struct vm *vm);

/* Its kernel; *demo: it is the guest that is part of the image. NULL: there is no such file. */
const struct file *vm_build_kernel(const struct vm_config *config, bool *demo);

/* Whether there is what it needs; false: `problem` says in the operator's terms what is not. */
bool vm_build_check(const struct vm *vm, char *problem, size_t size);

/* Whether its kernel and initrd are among the boot files; `problem` says which is not. */
bool vm_build_has_files(const struct vm_config *config, char *problem, size_t size);

/* Whether the machine could hold it if there were no other VM. */
bool vm_build_fits(const struct vm_config *config, char *problem, size_t size);

/*
 * Creates a VM's kernel objects and starts its monitor. On false `problem` says what was missing
 * and vm->group, if any, has to be given back with vm_release_step.
 */
bool vm_build(struct vm *vm, char *problem, size_t size);

/*
 * Makes a second monitor, in vm->renewal.heir, which loads that many bytes of vm->renewal.state.
 * On false `problem` says what was missing, and vm->renewal.heir has what there is of it.
 */
bool vm_build_heir(struct vm *vm, u64 bytes, char *problem, size_t size);

/* One bounded step of ending the monitor and taking everything back; true when all is done. */
bool vm_release_step(struct vm *vm);

/* Gives the channel back; the last step for a VM that leaves the list. */
void vm_release_channel(struct vm *vm);
