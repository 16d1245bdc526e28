/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct vm;

/*
 * VMs whose RAM is promised to nobody in full. Each has a quota for what it has taken and a little
 * more, so that all quotas together never exceed the machine, and whoever was promised memory has
 * it. A VM that finds none left asks for more; while there is none it is paused.
 */
#define VM_GRANT_PAGES	 256u /* given at a time, at least */
#define VM_NO_MEMORY	 "no memory"

/* Pages that are promised to nobody, after quotas that are not used are taken back if need be. */
u64 vm_overcommit_available(u64 wanted);

/* The VM needs a page: its guest was stopped for that, or, `parked`, a thread of its monitor. */
void vm_overcommit_ask(struct vm *vm, bool parked);
/* Whether its monitor says that the guest was stopped for that, and nobody has paused it. */
bool vm_overcommit_stopped(const struct vm *vm);
/* Gives it some now. False: there is none; `problem` says how much is missing. */
bool vm_overcommit_feed(struct vm *vm, char *problem, size_t size);

/* Looks whether memory has come back for those that wait; in vm_step. */
void vm_overcommit_step(u64 now_tsc);
/* When vm_overcommit_step has to be called at the latest, ~0: no need. */
u64 vm_overcommit_deadline(void);
