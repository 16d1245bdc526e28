/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/vm/process/vm_report_types.h"

struct vm;

/*
 * Takes over what the monitor has reported since the last look. vm_step calls this before any
 * operation's step.
 */
void vm_report_step(struct vm *vm);
/* Takes over what the monitor has written; the VM may begin, stop, crash or be given up by that. */
void vm_report_take(struct vm *vm);
/*
 * Takes over that the guest went back to a snapshot. Returns false, with the reason in vm->reason,
 * if it is still crashed.
 */
bool vm_report_after_reset(struct vm *vm);
/* Takes over that the monitor's process has ended. */
void vm_process_ended(struct vm *vm);
