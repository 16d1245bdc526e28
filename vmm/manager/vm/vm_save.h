/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/transfer/transfer.h"
#include "vmm/manager/vm/vm_life.h"
#include "vmm/rt/channel.h"

struct vm;
struct driver_link;
struct start_info;

#define VM_SAVE_CHANNEL 0xffu /* as vm_saving.disk: it is none, but the store at a channel */
#define VM_SAVE_DIGEST	0xfeu /* likewise: nothing is saved, only digested */

/* Where a save goes to, or comes from. */
struct vm_save_place {
	struct machine_channel *channel; /* whose client is the store; NULL: the disk */
	u32 disk;			 /* its number */
	bool overwrite;			 /* whatever the disk holds may be lost */
	bool goes_on;			 /* the VM does, once it is saved */
};

/* A VM on a disk or in a store: being saved to it, or being restored from it. */
struct vm_saving {
	struct driver_link *link; /* to that disk; NULL: none */
	struct transfer transfer; /* with that store */
	struct machine_channel *channel;
	u8 last; /* disk that it was last saved on or restored from, its number and 1; 0: none */
	u8 disk; /* its number and 1, VM_SAVE_CHANNEL or VM_SAVE_DIGEST; 0: none is under way */
	u32 orders;		  /* to the saver: enum monitor_flag */
	u8 salt[SAVE_SALT_BYTES]; /* of the save that begins */
	u8 key[SAVE_KEY_BYTES];	  /* likewise, until the saver has it */
	bool restoring;
	bool answered;	      /* a restore: it was told its key, or that there is none */
	bool goes_on;	      /* a save: so does the VM */
	bool room;	      /* in its quota for that link: there was a key when it was built */
	bool done;	      /* the last one has succeeded */
	enum vm_state before; /* a restore: what the VM was */
	char problem[200];    /* why the last restore did not succeed; "": it did */
};

static inline bool vm_save_has_disk(const struct vm_saving *saving)
{
	return saving->disk != 0 && saving->disk < VM_SAVE_DIGEST;
}

/*
 * Begins to save a running or paused VM. False: `problem` says why not. vm_busy until it is done;
 * then the VM is VM_STOPPED, unless it was to go on, or is not saved: vm->renewal.problem says why.
 */
bool vm_save(struct vm *vm, const struct vm_save_place *place, char *problem, size_t size);
/*
 * Begins to digest a running or paused VM, which stands still meanwhile and then goes on: false and
 * vm_busy likewise. vm->channel has the digests then, unless vm->renewal.problem says why not.
 */
bool vm_save_digest(struct vm *vm, char *problem, size_t size);
/*
 * Begins to restore a VM that does not run. False: `problem` says why not. vm_busy until it runs,
 * or is again what it was, and vm->save.problem says why.
 */
bool vm_restore(struct vm *vm, const struct vm_save_place *place, char *problem, size_t size);
/* The same from the disk that it was last saved on, or restored from. */
bool vm_restore_last(struct vm *vm, char *problem, size_t size);

/* So many bytes went to or came from the disk so far; 0 where there is none. */
u64 vm_save_bytes(const struct vm *vm);

/* For vm_renew.c, while it is being saved: it goes no further, NULL: it may. */
const char *vm_save_broken(const struct vm *vm);
/* Likewise: what grows as long as the save moves on. */
u32 vm_save_moved(const struct vm *vm);
/*
 * Likewise: the saver has said that all is there, and the VM ends, unless it was to go on. False:
 * the store has not.
 */
bool vm_saved(struct vm *vm);
/* Likewise: the saver is gone, and the guest goes on. */
void vm_save_goes_on(struct vm *vm);

/* For the process that saves it, who alone has its start page: what it is to do, and the key. */
void vm_save_fill(struct vm *vm, struct start_info *info);
/* For the process that saves or restores it: the ring of its transfer, if it has one. */
void vm_save_give(struct vm *vm, struct process_build *build);
/* The monitor that should restore it has ended. False: there was none. */
bool vm_restore_failed(struct vm *vm, const char *reason);
/* One step, in vm_step: the link goes when it is no longer needed. */
void vm_save_step(struct vm *vm);
/* Whether vm_save_step or vm_renew_step has something to do at once. */
bool vm_save_waits(const struct vm *vm);
/* The VM ends: the link goes with the others. */
void vm_save_abandon(struct vm *vm);
/* Its processes have ended: so does what is left of a transfer. */
void vm_save_end_transfer(struct vm *vm);
