/* SPDX-License-Identifier: MIT */
#pragma once

/* The manager's state of a VM's snapshots, and of the operation on them that is under way. */
#include "kernel/abi/object.h"
#include "vmm/manager/config/config.h"
#include "vmm/manager/vm/disks/vm_volume_types.h"
#include "vmm/manager/vm/vm_operation_types.h"

struct vm;

#define VM_SNAPSHOT_MAX 8u
/* the most frozen objects below a VM's RAM: LAYER_DEPTH_MAX in mm/layer.h */
#define VM_LAYERS_MAX 4u

/* The state of a VM at one moment: its RAM, which is never written again, and all else as saved. */
struct vm_snapshot {
	char name[CONFIG_NAME_BYTES]; /* the snapshot's name; "": the entry is free */
	handle_t ram;		      /* the frozen RAM */
	/* memory with the saved state; the VM's memory group pays for it */
	handle_t state;
	u64 state_pages; /* size of `state` in pages */
	u64 state_used;	 /* bytes of `state` in use */
	u64 taken_tsc;	 /* the host TSC when the snapshot was taken */
	u32 layer;	 /* vm_snapshots.layer when the snapshot was taken */
	u32 depth;	 /* vm_snapshots.depth when the snapshot was taken */
	/* the old blocks of this snapshot are kept, as it is the last one */
	bool disks_kept;
	bool on_request; /* the guest has asked for it: vm_on_request.h */
	u32 volumes;	 /* number of the set of snapshots of the VM's volumes; 0: there are none */
};

enum vm_snapshot_phase {
	SNAPSHOT_NONE,
	/*
	 * the VM's disks' devices finish their requests, and their windows to the VM's RAM are
	 * closed
	 */
	SNAPSHOT_LETTING_GO,
	SNAPSHOT_QUIESCING,    /* the guest's agent freezes the guest's file systems */
	SNAPSHOT_SAVING,       /* the monitor saves the VM's state and holds the VM */
	SNAPSHOT_TIDYING,      /* the kernel frees memory that the saving of the state used */
	SNAPSHOT_FREEZING,     /* the kernel makes the VM's RAM read-only to all writers */
	SNAPSHOT_KEEPING,      /* the drivers of the VM's disks begin to keep overwritten blocks */
	SNAPSHOT_HOLDING,      /* the monitor holds the VM */
	SNAPSHOT_PUTTING_BACK, /* the drivers of the VM's disks put the old blocks back */
	SNAPSHOT_RESETTING,    /* the kernel drops the pages written since the snapshot */
	/* the monitor continues the guest, whether or not it has loaded the state */
	SNAPSHOT_CONTINUING,
	SNAPSHOT_MERGING, /* the kernel merges a layer that no snapshot needs any more */
};

/* The snapshots of a VM, and the state of an operation under way with these snapshots. */
struct vm_snapshots {
	struct vm_snapshot list[VM_SNAPSHOT_MAX];
	u32 layer; /* number of frozen objects below the VM's RAM that this VM made */
	/* number of all frozen objects below the VM's RAM, with those that a clone began from */
	u32 depth;
	/* pages by which the quota was raised for each layer (frozen object) */
	u64 layer_pages[VM_LAYERS_MAX];
	u64 merge_after_tsc; /* TSC before which no merge of a layer is begun */
	u32 place;	     /* index of the snapshot that is taken or gone back to */
	bool resets;
	bool quiesces;	 /* the guest's file systems are to be frozen for the snapshot */
	u64 used_before; /* pages that the VM's memory group used before the freeze */
	/* progress of the VM's disks' drivers when the manager last looked */
	u64 moved;
	u64 room;		     /* pages by which the quota was raised for the freeze */
	struct vm_volumes_work work; /* the commands to the stores of the VM's volumes */
};

#define VM_SNAPSHOT_FOR_EACH(vm, each)                                                             \
	for (struct vm_snapshot *each = (vm)->snapshots.list;                                      \
	     each < (vm)->snapshots.list + VM_SNAPSHOT_MAX; each++)
