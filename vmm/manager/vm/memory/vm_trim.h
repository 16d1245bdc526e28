/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/vm/memory/vm_trim_types.h"
#include "vmm/manager/vm/vm_operation.h"

struct vm;

/*
 * Begins a trim at the first page of the VM's RAM, unless a trim is under way. Returns false, with
 * the reason in `problem`, if the VM cannot be trimmed.
 */
bool vm_trim_begin(struct vm *vm, char *problem, size_t size);
extern const struct vm_operation_ops vm_trim_ops;
