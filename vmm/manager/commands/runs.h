/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/command/command.h"
#include "vmm/manager/vm/vm_types.h"

/*
 * Copies the owner of a run if it is text that can be shown in a line, and not too long. Returns
 * false after writing an error.
 */
bool command_runs_take_owner(struct reply *reply, const char *owner, char run_of[VM_RUN_OF_BYTES]);
