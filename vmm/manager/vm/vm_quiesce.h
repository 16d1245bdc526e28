/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/vm/vm_quiesce_types.h"

struct vm;

/*
 * Freezes a guest's file systems for the moment of a snapshot or backup, by the VM's monitor and
 * QEMU's guest agent in the guest. The manager itself reads nothing that a guest has written: only
 * a number and a state in the channel, of its monitor.
 */

/* The time that the guest's agent has; then the snapshot is made without it. */
#define VM_QUIESCE_NS (5 * NS_PER_S)

/*
 * Asks for the file systems to be frozen, if that is wanted. Returns false if there is nothing to
 * wait for; vm->quiesce then says why. Until the VM is held or continued by its monitor, or
 * vm_quiesce_cancel is called, they may stay frozen.
 */
bool vm_quiesce_begin(struct vm *vm, bool wanted);
/* Returns whether the agent has answered, or its time is over, and notes the result. */
bool vm_quiesce_is_over(struct vm *vm, bool late);
/* Has the file systems thawed because the VM will not be held after all. */
void vm_quiesce_cancel(struct vm *vm);
