/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct vm;

/*
 * Limits how often the manager works for a monitor that signals its channel. A signal costs the
 * manager a turn of its loop, and a broken monitor can signal without end: so a VM may have a burst
 * of signals and then one in each interval of VM_PACE_NS. Until the next one is due the VM's event
 * is bound to a queue that no thread waits on.
 */
#define VM_PACE_NS    (5 * NS_PER_MS)
#define VM_PACE_BURST 16u

/* Counts a signal of the VM's monitor, and mutes the monitor if the signals come too fast. */
void vm_pace_signalled(struct vm *vm);
/* Has a muted monitor's signals wake the manager again once the interval is over. */
void vm_pace_step(struct vm *vm, u64 now_tsc);
/* Resets the count of signals for a new monitor, which is not muted. */
void vm_pace_reset(struct vm *vm);
