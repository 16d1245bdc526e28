/* SPDX-License-Identifier: MIT */
#pragma once

/* The manager's state of a VM's save or restore: its phase, its place, its key. */
#include "vmm/manager/transfer/transfer.h"
#include "vmm/manager/vm/vm_life_types.h"
#include "vmm/manager/vm/vm_operation_types.h"
#include "vmm/rt/channel.h"

struct vm;
struct driver_link;

enum vm_save_phase {
	SAVE_NONE,
	/* a renewal is under way, whose second process writes the guest's RAM and state */
	SAVE_WRITING,
	SAVE_RESTORING, /* the VM boots from the saved state */
};

/* in vm_saving.disk: the save goes to the store at a channel, not to a disk */
#define VM_SAVE_CHANNEL 0xffu
#define VM_SAVE_DIGEST	0xfeu /* in vm_saving.disk: nothing is saved, the state is only digested */

/* The place that a save writes to or a restore reads from. */
struct vm_save_place {
	struct machine_channel *channel; /* channel whose client is the store; NULL: a disk */
	const char *channel_name;
	u32 channel_vm_id; /* the VM whose port the channel is; 0: it is not on a port */
	u32 disk;	   /* number of the disk, for config_disk */
	bool overwrite;	   /* the save may overwrite data on the disk */
	bool goes_on;	   /* the VM continues after the save */
};

/* A save of a VM, or a restore, on a disk or in a store. */
struct vm_saving {
	struct driver_link *link; /* the link to the disk; NULL: there is none */
	struct transfer transfer; /* transfer with the channel's client */
	const char *channel_name; /* the name of the store's channel */
	u8 last;		  /* disk of the last save or restore, its number + 1; 0: none */
	/* the disk's number + 1, VM_SAVE_CHANNEL or VM_SAVE_DIGEST; 0: no save is under way */
	u8 disk;
	/* the tasks of the process that saves, bits of enum monitor_flag */
	u32 orders;
	u8 salt[SAVE_SALT_BYTES]; /* the salt from which the key of the save under way is derived */
	/* the save's key, derived from the salt, until the process that saves has it */
	u8 key[SAVE_KEY_BYTES];
	/* for a restore: the monitor has the key, or knows that there is none */
	bool answered;
	bool goes_on;	      /* for a save: the VM continues afterwards */
	bool room;	      /* the VM's quota covers the link to the disk of a save */
	bool done;	      /* the last save or restore has succeeded */
	enum vm_state before; /* for a restore: the state of the VM before it */
};

static inline bool vm_save_has_disk(const struct vm_saving *saving)
{
	return saving->disk != 0 && saving->disk < VM_SAVE_DIGEST;
}
