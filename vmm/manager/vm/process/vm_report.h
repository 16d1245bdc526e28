/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/vm/process/vm_report_types.h"

struct vm;

/*
 * Reads the monitor's reports since the last call. vm_step calls this before any operation's step.
 */
void vm_report_step(struct vm *vm);
/* Reads the monitor's reports; the VM may thereby begin to run, stop, crash or be given up. */
void vm_report_take(struct vm *vm);
/*
 * Reads the guest's state after the guest went back to a snapshot. Returns false, with the reason
 * in vm->reason, if the guest is still crashed.
 */
bool vm_report_after_reset(struct vm *vm);
/* Handles the end of the monitor's process. */
void vm_process_ended(struct vm *vm);
