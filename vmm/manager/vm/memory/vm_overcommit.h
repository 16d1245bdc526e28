/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct vm;

/*
 * VMs whose RAM is not promised to them in full. Each has a quota of the pages that it uses now and
 * a few more, so that all quotas together never exceed the host's memory, and all promised memory
 * exists. A VM that uses up its quota asks for more; it is paused while there are no free pages.
 */
#define VM_GRANT_PAGES 256u /* the least number of pages by which a VM's quota is raised */
#define VM_NO_MEMORY   "no memory"

/*
 * Returns the pages that are promised to nobody; takes back unused quotas first if they are fewer
 * than wanted.
 */
u64 vm_overcommit_available(u64 wanted);

/*
 * Notes that the VM has used up its quota and needs a page: its guest was stopped, or, if `parked`,
 * a thread of its monitor waits.
 */
void vm_overcommit_ask(struct vm *vm, bool parked);
/*
 * Returns whether the VM's monitor reports that the guest was stopped for lack of memory, and no
 * operator paused it.
 */
bool vm_overcommit_stopped(const struct vm *vm);
/*
 * Raises the VM's quota of pages now. Returns false if there are too few; `problem` says how many
 * are missing.
 */
bool vm_overcommit_feed(struct vm *vm, char *problem, size_t size);

/* Raises the quotas of VMs that wait for pages if memory has become free; called by vm_step. */
void vm_overcommit_step(u64 now_tsc);
/* Returns the TSC by which vm_overcommit_step has to be called, or ~0 if there is no need. */
u64 vm_overcommit_deadline(void);
