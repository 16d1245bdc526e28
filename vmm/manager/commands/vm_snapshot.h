/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/command/command.h"

/* Returns the VM's snapshot of that name, or NULL after writing an error. */
struct vm_snapshot *command_snapshot(struct reply *reply, struct vm *vm, const char *name);
/*
 * Lets the command answer once vm_snapshot_take or vm_snapshot_reset has ended, or at once with the
 * problem if none has begun.
 */
void command_snapshot_wait(struct reply *reply, struct vm *vm, bool begun, const char *problem);
