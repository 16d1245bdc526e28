/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/transfer/transfer.h"
#include "vmm/manager/vm/vm_life.h"
#include "vmm/manager/vm/vm_operation.h"
#include "vmm/rt/channel.h"

struct vm;
struct driver_link;

enum vm_save_phase {
	SAVE_NONE,
	SAVE_WRITING,	/* a renewal is under way, whose second process writes the guest */
	SAVE_RESTORING, /* the VM boots from what was written */
};

#define VM_SAVE_CHANNEL 0xffu /* as vm_saving.disk: the store at a channel, not a disk */
#define VM_SAVE_DIGEST	0xfeu /* as vm_saving.disk: nothing is saved, only digested */

/* The place that a save writes to or a restore reads from. */
struct vm_save_place {
	struct machine_channel *channel; /* channel whose client is the store; NULL: a disk */
	u32 disk;			 /* number of the disk */
	bool overwrite;			 /* lets the save overwrite what the disk holds */
	bool goes_on;			 /* the VM continues after the save */
};

/* A save of a VM, or a restore, on a disk or in a store. */
struct vm_saving {
	struct driver_link *link; /* link to the disk; NULL: none */
	struct transfer transfer; /* transfer with the store */
	struct machine_channel *channel;
	u8 last;    /* disk of the last save or restore, its number + 1; 0: none */
	u8 disk;    /* number + 1, VM_SAVE_CHANNEL or VM_SAVE_DIGEST; 0: none is under way */
	u32 orders; /* for the saver: enum monitor_flag */
	u8 salt[SAVE_SALT_BYTES]; /* of the save under way */
	u8 key[SAVE_KEY_BYTES];	  /* derived from it, until the saver has it */
	bool answered;		  /* a restore: the key, or that there is none, was told */
	bool goes_on;		  /* in a save: the VM continues after it */
	bool room;		  /* the quota has room for the link: a key was there */
	bool done;		  /* the last save or restore has succeeded */
	enum vm_state before;	  /* in a restore: the state of the VM before it */
};

static inline bool vm_save_has_disk(const struct vm_saving *saving)
{
	return saving->disk != 0 && saving->disk < VM_SAVE_DIGEST;
}

/*
 * Begins to save a running or paused VM. Returns false, with the reason in `problem`, if that is
 * not possible. vm_busy holds until the save ends; then the VM is VM_STOPPED, unless it was to
 * continue, or was not saved: the renewal's `problem` says why.
 */
bool vm_save(struct vm *vm, const struct vm_save_place *place, char *problem, size_t size);
/*
 * Begins to digest a running or paused VM, which is held meanwhile and then continues. Returns
 * false as vm_save does; vm_busy holds until the end. Then vm->channel has the digests, unless
 * the renewal's `problem` says why not.
 */
bool vm_save_digest(struct vm *vm, char *problem, size_t size);
/*
 * Begins to restore a VM that does not run. Returns false, with the reason in `problem`, if that is
 * not possible. vm_busy holds until the VM runs, or is again in its earlier state; then
 * the operation's `problem` says why.
 */
bool vm_restore(struct vm *vm, const struct vm_save_place *place, char *problem, size_t size);

/* Returns the bytes read from and written to the disk so far, or 0 if there is no disk. */
u64 vm_save_bytes(const struct vm *vm);

/* For vm_renew.c during a save: returns why the transfer has failed, or NULL if it has not. */
const char *vm_save_broken(const struct vm *vm);
/* For vm_renew.c during a save: returns a number that grows as long as the save makes progress. */
u32 vm_save_moved(const struct vm *vm);
/*
 * For vm_renew.c once the saver has said that all is written: ends the VM, unless it was to
 * continue. Returns false if the store has not confirmed yet.
 */
bool vm_saved(struct vm *vm);
/* For vm_renew.c once the saver is gone and the guest continues: closes what the save used. */
void vm_save_goes_on(struct vm *vm);

extern const struct vm_operation_ops vm_save_ops;
