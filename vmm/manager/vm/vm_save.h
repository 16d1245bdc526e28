/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/vm/vm_life.h"

struct vm;
struct driver_link;

/* A VM on a disk: being saved to it, or being restored from it. */
struct vm_disk_save {
	struct driver_link *link; /* to that disk; NULL: none */
	u8 disk;		  /* its number and 1; 0: neither is under way */
	bool restoring;
	enum vm_state before; /* a restore: what the VM was */
	char problem[200];    /* why the last restore did not succeed; "": it did */
};

/*
 * Begins to save a running or paused VM to the disk of that number; what it holds may be lost with
 * `overwrite`. False: `problem` says why not. vm_busy until it is done; the VM is VM_STOPPED then,
 * or goes on, and vm->renewal.problem says why.
 */
bool vm_save(struct vm *vm, u32 disk, bool overwrite, char *problem, size_t size);
/*
 * Begins to restore a VM that does not run from that disk. False: `problem` says why not. vm_busy
 * until it runs, or is again what it was, and vm->save.problem says why.
 */
bool vm_restore(struct vm *vm, u32 disk, char *problem, size_t size);
/* The saver has said that all is on the disk. */
void vm_saved(struct vm *vm);

/* For the new monitor of a VM that is being restored: its channel has the key. */
void vm_save_fill(struct vm *vm);
/* The monitor that should restore it has ended. False: there was none. */
bool vm_restore_failed(struct vm *vm, const char *reason);
/* One step, in vm_step: the link goes when it is no longer needed. */
void vm_save_step(struct vm *vm);
/* The VM ends: the link goes with the others. */
void vm_save_abandon(struct vm *vm);
