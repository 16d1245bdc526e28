/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/io/backup.h"
#include "vmm/manager/config/config.h"
#include "vmm/manager/disk/store_work_types.h"

struct store;

enum vm_schedule_phase {
	SCHEDULE_WAITING,   /* no backup is due */
	SCHEDULE_MAKING,    /* the store's driver makes the volumes for the backup */
	SCHEDULE_BEGINNING, /* the backup begins as soon as the VM is not busy */
	SCHEDULE_COPYING,
	SCHEDULE_NAMING,   /* the store's driver gives the volumes of a whole backup their names */
	SCHEDULE_DROPPING, /* the store's driver drops chains that are not kept any more */
	SCHEDULE_ENDING,   /* the backup has failed, and its links are detached */
};

/* The last scheduled backup of a disk, to which a differential one may be added. */
struct vm_scheduled {
	u8 id[BACKUP_ID_BYTES]; /* the id in the backup's label */
	u64 moment;		/* as in struct backup_place; 0: no backup in this boot */
	u32 sequence;
};

/* The backups that the key `backup` asks for. Only the store knows which of them are kept. */
struct vm_schedule {
	struct backup_plan plan; /* the plan that due_tsc was computed for */
	u64 due_tsc;		 /* the TSC at which the next backup is due */
	bool asked;	 /* a backup was asked for by command: it is due whatever the store has */
	u64 planned_tsc; /* the TSC at which the next one was due when it was asked for */
	u64 look_tsc;  /* the TSC before which nothing is tried, as the VM or the store was busy */
	u64 begun_tsc; /* the TSC at which the last backup was begun */
	struct store *store;
	struct store_work work; /* the present command to the store's driver */
	/* random number by which the new volumes are named until the backup is whole */
	u32 number;
	u32 disks; /* a bit for each of the VM's disks that is part of the backup */
	/* the VM's disks when `disks` was noted; once it is stopped the VM may get others */
	struct vm_disk disk[CONFIG_VM_DISK_MAX];
	enum backup_kind kind;
	u64 moment;
	struct vm_scheduled last[CONFIG_VM_DISK_MAX];
};
