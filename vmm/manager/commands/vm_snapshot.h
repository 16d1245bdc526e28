/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/command/command.h"

/* For commands: the VM's snapshot of that name; NULL after an error has been written. */
struct vm_snapshot *command_snapshot(struct reply *reply, struct vm *vm, const char *name);
/* Answers when vm_snapshot_take or vm_snapshot_reset is done, or at once why it has not begun. */
void command_snapshot_wait(struct reply *reply, struct vm *vm, bool begun, const char *problem);
