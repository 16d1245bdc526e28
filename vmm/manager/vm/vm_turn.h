/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"
#include "vmm/rt/clock.h"

#define VM_TURN_NS    (2 * NS_PER_MS)
#define VM_TURN_STEPS 64u

struct vm;

/*
 * Limits the kernel calls that the manager makes for one VM before others, and COM2, have their
 * turn. Each call is bounded, but a monitor whose threads fault all the time keeps the locks busy
 * that the call waits for, so that one call may take longer than a turn should.
 */
struct vm_turn {
	u64 began_tsc;
	u32 steps; /* number of kernel calls that the turn may still make */
};

/*
 * Begins a turn of kernel calls for the VM. A VM that rests gets a turn in which no call may be
 * made.
 */
struct vm_turn vm_turn_begin(const struct vm *vm);

/* Returns whether the turn's next kernel call may be made; to be asked before each. */
static inline bool vm_turn_goes_on(struct vm_turn *turn)
{
	return turn->steps > 0 && (turn->steps-- == VM_TURN_STEPS ||
				   clock_tsc() < turn->began_tsc + clock_ns_to_tsc(VM_TURN_NS));
}

/*
 * Ends a turn after its last kernel call: if the turn took much longer than VM_TURN_NS, the VM
 * rests for as long, and longer if other VMs' turns were long, too, so that long turns take half of
 * the manager's time at most. Returns how long the VM rests, in TSC cycles; 0: it does not.
 */
u64 vm_turn_end(struct vm *vm, const struct vm_turn *turn);
/* Ends a VM's rest whose time has passed. vm_step calls this before it makes steps for the VM. */
void vm_turn_look(struct vm *vm, u64 now_tsc);
/* Returns the TSC at which the VM's rest ends; ~0: the VM does not rest. */
u64 vm_turn_deadline(const struct vm *vm);
