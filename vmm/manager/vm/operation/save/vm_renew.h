/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/vm/operation/save/vm_renew_types.h"
#include "vmm/manager/vm/vm_operation.h"

struct vm;

/*
 * Begins a renewal. Returns false, with the reason in `problem`, if that is not possible. vm_busy()
 * is true until the renewal ends; then the operation's `problem` tells the outcome.
 */
bool vm_renew(struct vm *vm, char *problem, size_t size);
/*
 * Begins a renewal that stops in RENEW_STANDING, with the guest held and its disks' requests
 * answered, until vm_renew_go_on_from_standing or vm_renew_give_back is called, 5 s at most.
 */
bool vm_renew_standing(struct vm *vm, char *problem, size_t size);
/* Has the new monitor made: the guest has stood still for long enough. */
void vm_renew_go_on_from_standing(struct vm *vm);
/* Has the old monitor go on, for the reason in `problem`. */
void vm_renew_give_back(struct vm *vm, const char *problem);
/* Returns whether a renewal may begin now; if not, `problem` says why. */
bool vm_renew_may_begin(const struct vm *vm, char *problem, size_t size);
extern const struct vm_operation_ops vm_renew_ops;
/* Notes that the new process has ended. */
void vm_renew_heir_ended(struct vm *vm);
