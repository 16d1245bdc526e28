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
/* Returns whether a renewal may begin now; if not, `problem` says why. */
bool vm_renew_may_begin(const struct vm *vm, char *problem, size_t size);
extern const struct vm_operation_ops vm_renew_ops;
/* Notes that the new process has ended. */
void vm_renew_heir_ended(struct vm *vm);
