/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"
#include "vmm/rt/clock.h"

#define VM_TURN_NS    (2 * NS_PER_MS)
#define VM_TURN_STEPS 64u

/*
 * Limits the kernel calls that the manager makes for one VM before others, and COM2, have their
 * turn. Each call is bounded, but a monitor that faults all the time makes them slow.
 */
struct vm_turn {
	u64 until_tsc;
	u32 steps; /* calls left */
};

static inline struct vm_turn vm_turn_begin(void)
{
	return (struct vm_turn){clock_tsc() + clock_ns_to_tsc(VM_TURN_NS), VM_TURN_STEPS};
}

/* Returns whether the next call may be made; to be asked before each. */
static inline bool vm_turn_goes_on(struct vm_turn *turn)
{
	return turn->steps-- > 0 &&
	       (turn->steps == VM_TURN_STEPS - 1 || clock_tsc() < turn->until_tsc);
}
