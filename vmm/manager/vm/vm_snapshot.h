/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "vmm/manager/config/config.h"
#include "vmm/manager/vm/vm_operation.h"

struct vm;

#define VM_SNAPSHOT_MAX 8u
#define VM_LAYERS_MAX	4u /* most frozen objects below its RAM: LAYER_DEPTH_MAX in mm/layer.h */

/* The state of a VM at one moment: its RAM, which is never written again, and all else as saved. */
struct vm_snapshot {
	char name[CONFIG_NAME_BYTES]; /* "": the place is free */
	handle_t ram;		      /* the frozen RAM */
	handle_t state;		      /* memory of the VM's group */
	u64 state_pages;	      /* size of `state` in pages */
	u64 state_used;		      /* bytes of `state` in use */
	u64 taken_tsc;		      /* host TSC */
	u32 layer;		      /* vm_snapshots.layer when it was taken */
	u32 depth;		      /* vm_snapshots.depth when it was taken */
	bool disks_kept;	      /* the disks' old blocks are kept: it is the last snapshot */
};

enum vm_snapshot_phase {
	SNAPSHOT_NONE,
	SNAPSHOT_LETTING_GO,   /* its disks' devices finish, and lose their windows to its RAM */
	SNAPSHOT_SAVING,       /* the monitor saves the machine and holds it */
	SNAPSHOT_TIDYING,      /* the kernel frees the memory that the monitor saved to */
	SNAPSHOT_FREEZING,     /* the kernel makes its RAM read-only to all writers */
	SNAPSHOT_KEEPING,      /* its disks' drivers begin to keep overwritten blocks */
	SNAPSHOT_HOLDING,      /* the monitor holds the machine */
	SNAPSHOT_PUTTING_BACK, /* its disks' drivers put the old blocks back */
	SNAPSHOT_RESETTING,    /* the kernel gives up the pages written since */
	SNAPSHOT_CONTINUING,   /* the monitor continues, after it has loaded the state or not */
	SNAPSHOT_MERGING,      /* the kernel merges a layer that no snapshot needs any more */
};

/* The snapshots of a VM, and what the operation under way with them needs. */
struct vm_snapshots {
	struct vm_snapshot list[VM_SNAPSHOT_MAX];
	u32 layer; /* number of frozen objects below its RAM, made by this VM */
	u32 depth; /* the same with those that a clone began from */
	u64 layer_pages[VM_LAYERS_MAX]; /* pages by which the quota was raised for each layer */
	u64 merge_after_tsc;		/* earliest time of the next merge */
	u32 place;			/* index of the snapshot that is taken or gone back to */
	bool resets;
	u64 used_before; /* pages of its group before the freeze */
	u64 moved;	 /* progress of its disks at the last look */
	u64 room;	 /* pages by which the quota was raised for the freeze */
};

#define VM_SNAPSHOT_FOR_EACH(vm, each)                                                             \
	for (struct vm_snapshot *each = (vm)->snapshots.list;                                      \
	     each < (vm)->snapshots.list + VM_SNAPSHOT_MAX; each++)

/* Returns the snapshot of that name, or NULL if there is none. */
struct vm_snapshot *vm_snapshot_find(struct vm *vm, const char *name);
/* The beginning of the event's text; the name is filled in, and the reason follows. */
#define VM_SNAPSHOT_DROPPED "snapshot %s dropped: "
/* Tells why a snapshot of that name was dropped; returns false if no kept event mentions it. */
bool vm_snapshot_was_dropped(const struct vm *vm, const char *name, char *why, size_t size);
/* Writes all names for a sentence: "a, b", or "none". */
void vm_snapshot_names(const struct vm *vm, char *text, size_t size);
/* Returns whether the VM can go back to the snapshot: no later layer lies above it. */
bool vm_snapshot_on_top(const struct vm *vm, const struct vm_snapshot *snapshot);

/*
 * Begin to take a snapshot, or to go back to one. They return false, with the reason in `problem`,
 * if that is not possible. vm_busy holds until the end; then the operation's `problem` tells the
 * outcome.
 */
bool vm_snapshot_take(struct vm *vm, const char *name, char *problem, size_t size);
bool vm_snapshot_reset(struct vm *vm, const struct vm_snapshot *to, char *problem, size_t size);

/*
 * Forgets a snapshot; vm_busy holds until its memory is merged into the VM's. Returns false, with
 * the reason in `problem`, if that is not possible.
 */
bool vm_snapshot_drop(struct vm *vm, struct vm_snapshot *snapshot, char *problem, size_t size);

/* Frees what a snapshot holds, and its place in the list. */
void vm_snapshot_release(struct vm *vm, struct vm_snapshot *snapshot);
/*
 * Looks after kept snapshots while no operation is under way, in vm_step: one whose disks' old
 * blocks are lost is dropped.
 */
void vm_snapshot_look(struct vm *vm);

extern const struct vm_operation_ops vm_snapshot_ops;
/* Returns the limit of the present phase, or when the quota is looked at again. */
u64 vm_snapshot_deadline(const struct vm *vm);

/* Notes one more layer below its RAM, for which the quota was raised by `pages`. */
void vm_snapshot_layer_made(struct vm *vm, u64 pages);
/*
 * Begins to merge the top layer below its RAM, if neither a snapshot nor a clone needs it any more.
 */
void vm_snapshot_merge_begin(struct vm *vm);
/* Does one step of the merge; returns whether another is due at once. */
bool vm_snapshot_merge_step(struct vm *vm);
/* Forgets all snapshots as the VM's group ends. */
void vm_snapshot_forget(struct vm *vm);

/* Returns how many VMs have their RAM on this VM's snapshots: on one of them, or on any (NULL). */
u32 vm_snapshot_clones(const struct vm *vm, const struct vm_snapshot *snapshot);
/* Returns whether the VM has no clones; if it has, `problem` names them. */
bool vm_snapshot_may_end(const struct vm *vm, char *problem, size_t size);
