/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct vm;

/*
 * How often the manager works for a monitor that signals its channel. A signal costs the manager a
 * turn of its loop, and a broken monitor can signal without end: so a VM has some at once and then
 * one an interval. Until the next is due its event is bound to a queue on which nobody waits.
 */
#define VM_PACE_NS    (5 * NS_PER_MS)
#define VM_PACE_BURST 16u

/* Its monitor has signalled. */
void vm_pace_signalled(struct vm *vm);
/* Hears the monitor again once its time has come. */
void vm_pace_step(struct vm *vm, u64 now_tsc);
/* A new monitor, which is heard. */
void vm_pace_reset(struct vm *vm);
