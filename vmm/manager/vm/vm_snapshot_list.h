/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/vm/vm.h"

/* Returns the snapshot of that name, or NULL if there is none. */
struct vm_snapshot *vm_snapshot_find(struct vm *vm, const char *name);
/*
 * The beginning of the reason in EVENT_SNAPSHOT: the snapshot's name is filled in, and why it was
 * dropped follows.
 */
#define VM_SNAPSHOT_DROPPED "snapshot %s dropped: "
/* Tells why a snapshot of that name was dropped; returns false if no kept event mentions it. */
bool vm_snapshot_was_dropped(const struct vm *vm, const char *name, char *why, size_t size);
/* Writes the names of all the VM's snapshots for a sentence: "a, b", or "none". */
void vm_snapshot_names(const struct vm *vm, char *text, size_t size);
/*
 * Returns whether the VM can go back to the snapshot: no later layer of the VM's RAM lies above it.
 */
bool vm_snapshot_on_top(const struct vm *vm, const struct vm_snapshot *snapshot);
/* Forgets all snapshots as the VM's memory group ends. */
void vm_snapshot_forget(struct vm *vm);
/* Returns how many VMs have their RAM on this VM's snapshots: on one of them, or on any (NULL). */
u32 vm_snapshot_clones(const struct vm *vm, const struct vm_snapshot *snapshot);
/* Returns whether the VM has no clones; if it has, `problem` names them. */
bool vm_snapshot_may_end(const struct vm *vm, char *problem, size_t size);
