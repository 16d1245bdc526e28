/* SPDX-License-Identifier: MIT */
#pragma once

/* Gets a VM's saved state out of its monitor, for a renewal, a snapshot or a backup. */
#include "lib/types.h"
#include "vmm/manager/vm/vm_handover_types.h"

struct vm;

enum vm_handover_progress { HANDOVER_COPIES, HANDOVER_DONE, HANDOVER_FAILED };

/*
 * The time limit for each command to a monitor to hold or save: a disk alone may take 2 s to
 * answer.
 */
#define VM_HANDOVER_NS (5 * NS_PER_S)

/* Returns whether no other operation of the VM is under way; if one is, `problem` says which. */
bool vm_handover_may_begin(const struct vm *vm, char *problem, size_t size);

/* Returns the size of memory for the monitor's saved state, or 0 if the monitor gives none. */
u64 vm_handover_state_bytes(const struct vm *vm);

/*
 * Makes memory of `bytes` bytes in the VM's memory group and tells the monitor to save its state
 * there. Returns false, with the reason in `problem`, if that is not possible.
 */
bool vm_handover_save(struct vm *vm, u64 bytes, char *problem, size_t size);

/*
 * Copies one piece of the saved state to other memory of the VM's memory group; to be called once
 * the monitor has done the save. HANDOVER_DONE: the caller owns the copy *state, of which *used
 * bytes count. HANDOVER_FAILED: `problem` says why.
 */
enum vm_handover_progress vm_handover_take(struct vm *vm, handle_t *state, u64 *used, char *problem,
					   size_t size);

/* Gives up the VM's handover that is under way, and frees its memory. */
void vm_handover_drop(struct vm *vm);

/* Copies the monitor's reason for a failed command, with '?' for unprintable bytes. */
void vm_handover_said(const struct vm *vm, char *text, size_t size);

/* Returns for how many nanoseconds the guest was held the last time. */
u64 vm_handover_held_ns(const struct vm *vm);

/* Destroys the kernel object and clears the handle, unless it is HANDLE_NONE. */
void vm_handover_end(handle_t *handle);
