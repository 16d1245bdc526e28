/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "vmm/io/backup.h"
#include "vmm/manager/config/config.h"
#include "vmm/manager/vm/disks/vm_volume_types.h"

struct vm;
struct driver_link;
struct copier_page;

/*
 * Backups of a VM's disks while it runs. The guest is held (its vCPUs stopped by the monitor) for a
 * moment, in which the disks' drivers begin to keep blocks before they are overwritten, or stores
 * take snapshots of its volumes, and in which the drivers begin to note which blocks are written.
 * Then a process copies the old contents; it has no access to anything else of the VM.
 */
enum vm_backup_phase {
	BACKUP_NONE,
	/* the VM's state and RAM are saved as well, to another disk: vm_save.h */
	BACKUP_SAVING,
	BACKUP_QUIESCING,  /* the guest's agent freezes the guest's file systems */
	BACKUP_HOLDING,	   /* the monitor is asked to hold the guest */
	BACKUP_KEEPING,	   /* the drivers are asked to keep overwritten blocks */
	BACKUP_CONTINUING, /* the monitor is asked to continue the guest */
	BACKUP_COPYING,
	BACKUP_ENDING, /* the drivers detach the backup's links */
};

/* One of the VM's disks, by its index in the configuration. */
struct vm_backup_disk {
	bool chosen;			/* the disk is part of the last backup */
	char target[CONFIG_DISK_BYTES]; /* name of the disk or volume that receives the copy */
	struct driver_link *from; /* the link to the disk's old contents; NULL: there is none */
	struct driver_link *to;	  /* the link to the target; NULL: there is none */
	/* label of the backup under way, which identifies it on its targets */
	struct backup_label next;
	struct backup_label last; /* label of the last backup that was confirmed */
	/* the disk's size at the backup under way; all backups of a chain have one size */
	u64 next_bytes;
	u64 last_bytes;
	/* the pages by which the quota was raised for the disk's list of changes */
	u64 changes_pages;
	bool chained; /* a confirmed backup exists, so that a differential backup can follow */
	bool merge; /* the last backup was not confirmed: changes recorded before it still count */
};

/* A VM has at most one backup under way. */
struct vm_backup {
	enum backup_kind kind; /* the kind of the last backup; 0: there was none */
	bool overwrite;
	bool failed; /* the last backup has failed */
	u64 moved;   /* the copying process's progress when the manager last looked */
	u64 copied_bytes;
	u64 all_bytes;
	u64 quota_pages; /* pages by which the VM's quota was raised */
	handle_t copier; /* the process that copies */
	handle_t page_memory;
	/* number of the set of snapshots of the VM's volumes; 0: there are none */
	u32 volumes;
	struct vm_volumes_work work; /* the commands to the stores of the VM's volumes */
	/* shared with the copying process, which writes it: read each field once */
	struct copier_page *page;
	struct vm_backup_disk disk[CONFIG_VM_DISK_MAX];
};

#define VM_BACKUP_FOR_EACH(vm, i)                                                                  \
	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++)                                               \
		if ((vm)->backup.disk[i].chosen)
