/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/transfer/transfer.h"
#include "vmm/manager/vm/vm_life_types.h"
#include "vmm/manager/vm/vm_operation_types.h"
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
	const char *channel_name;
	u32 channel_vm_id; /* the VM whose port the channel is; 0: it is not on a port */
	u32 disk;	   /* number of the disk */
	bool overwrite;	   /* lets the save overwrite what the disk holds */
	bool goes_on;	   /* the VM continues after the save */
};

/* A save of a VM, or a restore, on a disk or in a store. */
struct vm_saving {
	struct driver_link *link; /* link to the disk; NULL: none */
	struct transfer transfer; /* transfer with the store */
	const char *channel_name; /* the store's */
	u8 last;		  /* disk of the last save or restore, its number + 1; 0: none */
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
