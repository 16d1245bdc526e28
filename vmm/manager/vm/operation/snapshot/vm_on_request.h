/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct vm;

/*
 * Snapshots that guests ask for by the device of their window. The VM's monitor then goes back to
 * the snapshot by itself, as often as the guest says, for as long as the channel names it.
 */
#define VM_ON_REQUEST_NAME "on-request"

/* Tells the monitor that what it may go back to is no longer on top of the VM's RAM. */
void vm_on_request_forget(struct vm *vm);
/* Tells the monitor how the snapshot that its guest has asked for has ended; `problem` "": well. */
void vm_on_request_taken(struct vm *vm, const char *problem);
