/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "vmm/manager/config/config.h"

struct vm;

#define VM_SNAPSHOT_MAX 8u
#define VM_LAYERS_MAX	4u /* frozen objects below its RAM: LAYER_DEPTH_MAX in mm/layer.h */

/* A VM as it was: its RAM, which nobody writes to any more, and the saved state of all else. */
struct vm_snapshot {
	char name[CONFIG_NAME_BYTES]; /* "": the place is free */
	handle_t ram;		      /* frozen */
	handle_t state;		      /* memory of the VM's group */
	u64 state_pages;	      /* of it */
	u64 state_used;		      /* bytes */
	u64 taken_tsc;		      /* host TSC */
	u32 layer;		      /* vm_snapshots.layer after it was taken */
	u32 depth;		      /* vm_snapshots.depth likewise */
	bool disks_kept;	      /* what its disks held then is kept: it is the last one */
};

enum vm_snapshot_phase {
	SNAPSHOT_NONE,
	SNAPSHOT_LETTING_GO, /* its disks' devices reach its RAM no more, when they are done */
	SNAPSHOT_SAVING,     /* the monitor saves the machine, and holds it */
	SNAPSHOT_FREEZING,   /* the kernel takes its RAM from all writers */
	SNAPSHOT_KEEPING,    /* its disks' drivers begin to keep what is overwritten */
	SNAPSHOT_HOLDING,    /* the monitor holds the machine */
	SNAPSHOT_PUTTING_BACK, /* they put that back */
	SNAPSHOT_RESETTING,  /* the kernel gives up what was written to its RAM */
	SNAPSHOT_CONTINUING, /* the monitor goes on, or loads the saved state and goes on */
	SNAPSHOT_MERGING,    /* the kernel takes up a layer that no snapshot needs any more */
};

/* The snapshots of a VM, and what is done with one of them: one thing at a time for each VM. */
struct vm_snapshots {
	struct vm_snapshot list[VM_SNAPSHOT_MAX];
	u32 layer; /* counts the frozen objects below its RAM */
	u32 depth; /* of these, and of what a clone began from */
	u64 layer_pages[VM_LAYERS_MAX]; /* by so many its quota was raised for each */
	u64 merge_after_tsc; /* not before */
	enum vm_snapshot_phase phase;
	u32 place;	   /* in the list, of the one that is taken or gone back to */
	bool resets;
	u64 until_tsc;	   /* as long as the monitor may take for the present phase */
	u64 used_before;   /* pages of its group before the RAM was frozen */
	u64 moved;	   /* what its disks had done when they were looked at last */
	u64 room;	   /* by so many its quota was raised for that */
	char problem[200]; /* why the last one did not succeed; "": it did */
};

#define VM_SNAPSHOT_FOR_EACH(vm, each)                                                            \
	for (struct vm_snapshot *each = (vm)->snapshots.list;                                  \
	     each < (vm)->snapshots.list + VM_SNAPSHOT_MAX; each++)

/* NULL: it has none of that name. */
struct vm_snapshot *vm_snapshot_find(struct vm *vm, const char *name);
/* The text of the event, which the name and the reason follow. */
#define VM_SNAPSHOT_DROPPED "snapshot %s dropped: "
/* Why there is none of that name any more; false: none was dropped that anybody remembers. */
bool vm_snapshot_was_dropped(const struct vm *vm, const char *name, char *why, size_t size);
/* All its names, for words: "a, b", or "none". */
void vm_snapshot_names(const struct vm *vm, char *text, size_t size);
/* Whether the VM can go back to it: no later one lies between. */
bool vm_snapshot_on_top(const struct vm *vm, const struct vm_snapshot *snapshot);

/*
 * Begins; false: `problem` says why not. vm_busy until it is done; then vm->snapshots.problem is
 * the outcome.
 */
bool vm_snapshot_take(struct vm *vm, const char *name, char *problem, size_t size);
bool vm_snapshot_reset(struct vm *vm, const struct vm_snapshot *to, char *problem, size_t size);

/* Forgets one, vm_busy until its memory is the VM's again. False: `problem` says why not. */
bool vm_snapshot_drop(struct vm *vm, struct vm_snapshot *snapshot, char *problem, size_t size);

/* What it holds goes; the place is free. */
void vm_snapshot_release(struct vm *vm, struct vm_snapshot *snapshot);
/* In vm_step, while nothing is done with any: what can be gone back to no more goes. */
void vm_snapshot_look(struct vm *vm);

/* One step, in vm_step; true: there is more to do at once. */
bool vm_snapshot_step(struct vm *vm, u64 now_tsc);
u64 vm_snapshot_deadline(const struct vm *vm);

/* There is one more layer below its RAM, for which its quota was raised by so many pages. */
void vm_snapshot_layer_made(struct vm *vm, u64 pages);
/* Begins to merge the layer below its RAM, if neither a snapshot nor a clone needs it any more. */
void vm_snapshot_merge_begin(struct vm *vm);
/* One step of that; true: there is more to do at once. */
bool vm_snapshot_merge_step(struct vm *vm);
/* The VM ends: what is under way does. */
void vm_snapshot_abandon(struct vm *vm);
/* Its group ends, and all snapshots with it. */
void vm_snapshot_forget(struct vm *vm);

/* VMs whose RAM lies on one of its snapshots: of all, or of one. */
u32 vm_snapshot_clones(const struct vm *vm, const struct vm_snapshot *snapshot);
/* False: there are such; `problem` names them. */
bool vm_snapshot_may_end(const struct vm *vm, char *problem, size_t size);
