/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "lib/types.h"

struct vm;

/*
 * Of vm_renew and vm_snapshot: a monitor saves its machine, and says how it went. It may keep the
 * memory that it saved to; what others load is a copy to which nobody writes any more.
 */
struct vm_handover {
	handle_t given; /* memory that the monitor saves to */
	handle_t copy;	/* HANDLE_NONE: it has not begun */
	u64 bytes;	/* of `given` */
	u64 used;	/* of the state, while it is copied */
	u64 at;		/* so much of it is */
};

enum vm_handover_progress { HANDOVER_COPIES, HANDOVER_DONE, HANDOVER_FAILED };

/* A monitor's time for each thing it is told: a disk alone may take 2 s to answer. */
#define VM_HANDOVER_NS (5 * NS_PER_S)

/* Whether nothing else is under way; false: `problem` says what. */
bool vm_handover_may_begin(const struct vm *vm, char *problem, size_t size);

/* What memory for its saved state takes; 0: its monitor does not say. */
u64 vm_handover_state_bytes(const struct vm *vm);

/*
 * Memory of so many bytes for its state, of its group; tells its monitor to save it there. False:
 * `problem` says why not.
 */
bool vm_handover_save(struct vm *vm, u64 bytes, char *problem, size_t size);

/*
 * Once the monitor has done that: a step of copying what it has saved, also to memory of its group.
 * HANDOVER_DONE: *state is the copy, of which *used bytes count. HANDOVER_FAILED: `problem` says
 * why.
 */
enum vm_handover_progress vm_handover_take(struct vm *vm, handle_t *state, u64 *used, char *problem,
					   size_t size);

/* What of that is under way is not wanted any more. */
void vm_handover_drop(struct vm *vm);

/* Why its monitor has not done what it was told: its words, made printable. */
void vm_handover_said(const struct vm *vm, char *text, size_t size);

/* How long the guest stood still the last time. */
u64 vm_handover_held_ns(const struct vm *vm);

/* Ends an object, if there is one. */
void vm_handover_end(handle_t *handle);
