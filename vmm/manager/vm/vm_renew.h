/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"
#include "kernel/abi/object.h"

struct vm;

/* A monitor's process, and the events between it and the manager. */
struct vm_monitor {
	handle_t process;
	handle_t wake; /* event that the monitor waits on */
	handle_t ring; /* event that the monitor signals: vm_pace.h */
};

enum vm_renew_phase {
	RENEW_NONE,
	RENEW_SAVING,	  /* the old monitor saves the machine */
	RENEW_TAKING,	  /* the new one loads it; the old one waits */
	RENEW_CONTINUING, /* whichever of the two is left goes on */
};

/* A new monitor process under a guest that goes on: one at a time for each VM. */
struct vm_renewal {
	enum vm_renew_phase phase;
	u32 number;	/* of the last one */
	handle_t state; /* memory: what the old monitor has saved */
	u32 moved;	/* records of a save, when last looked at */
	u64 until_tsc;	/* as long as the present phase may take */
	struct vm_monitor heir; /* the new one, until it is the VM's */
	char problem[200]; /* why the last one did not succeed; "": it did */
};

/*
 * Begins; false: `problem` says why not. vm_busy until it is done; then vm->renewal.problem is the
 * outcome.
 */
bool vm_renew(struct vm *vm, char *problem, size_t size);
/* Whether there is nothing against it now. */
bool vm_renew_may_begin(const struct vm *vm, char *problem, size_t size);
/* One step, in vm_step; true: there is more to do at once. */
bool vm_renew_step(struct vm *vm, u64 now_tsc);
/* The new process has ended. */
void vm_renew_heir_ended(struct vm *vm);
/* A process of a VM's ends before the VM's group does. */
void vm_renew_end_monitor(struct vm_monitor *monitor);
/* The VM ends: all handles go with its group. */
void vm_renew_abandon(struct vm *vm);
