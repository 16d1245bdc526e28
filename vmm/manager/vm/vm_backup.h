/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "vmm/io/backup.h"
#include "vmm/manager/config/config.h"
#include "vmm/manager/vm/vm_renew.h"

struct vm;
struct driver_link;
struct copier_page;

/*
 * Backups of a VM's disks while it runs. The guest stands still for a moment, in which the disks'
 * drivers begin to keep what it overwrites and to note which blocks those are. Then a process
 * copies what the disks held, and has nothing else of the VM.
 */
enum vm_backup_phase {
	BACKUP_NONE,
	BACKUP_SAVING,	   /* its state and RAM go to a place of their own: vm_save.h */
	BACKUP_HOLDING,	   /* the monitor holds the machine */
	BACKUP_KEEPING,	   /* its disks' drivers begin to keep what is overwritten */
	BACKUP_CONTINUING, /* the monitor goes on */
	BACKUP_COPYING,
	BACKUP_ENDING,	   /* the drivers let go of its links */
};

/* A disk of the VM, by its place there. */
struct vm_backup_disk {
	bool chosen;		  /* for the last backup */
	u8 target;		  /* number of the disk that its copy goes to */
	struct driver_link *from; /* what it held; NULL: none */
	struct driver_link *to;	  /* the place; NULL: none */
	struct backup_label next; /* of the one under way */
	struct backup_label last; /* that was confirmed */
	u64 next_bytes;		  /* of the disk, likewise: a chain has one size */
	u64 last_bytes;
	u64 changes_pages;	  /* the VM's quota was raised by, for the list of its changes */
	bool chained;		  /* there is such a one: a differential one can follow */
	bool merge; /* the last point's backup was not: what was noted before it still counts */
};

/* One at a time for each VM. */
struct vm_backup {
	enum vm_backup_phase phase;
	enum backup_kind kind; /* of the last one; 0: there was none */
	bool overwrite;
	bool failed; /* the last one: `problem` says why */
	u64 until_tsc; /* as long as the present phase may take */
	u64 moved;     /* what the copier had done when it was looked at last */
	u64 copied_bytes;
	u64 all_bytes;
	u64 quota_pages; /* by so many the VM's was raised */
	handle_t copier; /* its process */
	handle_t page_memory;
	struct copier_page *page; /* written by that process: read each field once */
	char problem[200];
	struct vm_backup_disk disk[CONFIG_VM_DISK_MAX];
};

#define VM_BACKUP_FOR_EACH(vm, i)                                                                 \
	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++)                                           \
		if ((vm)->backup.disk[i].chosen)

/* What is asked for. */
struct vm_backup_wish {
	enum backup_kind kind;
	bool overwrite; /* what the targets hold may be lost */
	bool chosen[CONFIG_VM_DISK_MAX];
	u8 target[CONFIG_VM_DISK_MAX];
	bool state;	 /* a save of the same moment, too */
	u32 state_place; /* number of the disk that it goes to */
};

/*
 * Begins; false: `problem` says why not. vm_busy until the guest goes on again; then vm->backup
 * shows how far it is, and an event says how it has ended.
 */
bool vm_backup(struct vm *vm, const struct vm_backup_wish *wish, char *problem, size_t size);
/* Ends the one under way. False: `problem` says why not. */
bool vm_backup_cancel(struct vm *vm, char *problem, size_t size);
/* How much was copied, of how much; 0 of 0: nothing yet. */
void vm_backup_progress(const struct vm *vm, u64 *copied, u64 *all);

/*
 * For vm_renew.c: a save is over. `problem`: why the VM is not saved; "": it is. True: a backup
 * goes on with it, and the guest is still held. False: none waited for it, or there is none then.
 */
bool vm_backup_saved(struct vm *vm, const char *problem);
/* Whether the guest stands still for one. */
bool vm_backup_holds(const struct vm *vm);
/* Whether one is under way, for which the disks' old blocks are kept. */
bool vm_backup_keeps(const struct vm *vm);
/* One step, in vm_step. */
void vm_backup_step(struct vm *vm, u64 now_tsc);
u64 vm_backup_deadline(const struct vm *vm);
/* The process that copies has ended. */
void vm_backup_copier_ended(struct vm *vm);
/* The VM ends: what is under way does, and the next one has to be a full one. */
void vm_backup_abandon(struct vm *vm);
/* Ends its links, in steps: true once the drivers have nothing of them any more. */
bool vm_backup_detach(struct vm *vm);
