/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/vm/operation/backup/vm_schedule_types.h"
#include "vmm/manager/vm/vm_operation.h"

/*
 * The operation that makes the backups which the key `backup` of a VM asks for, and drops those
 * that are not to be kept any more. It begins by itself, while the VM runs or is paused.
 */
extern const struct vm_operation_ops vm_schedule_ops;

/*
 * Has a backup by the VM's key `backup` begin at once, although none is due; the next one is then
 * due an interval of the plan later. It is counted like the others, so old chains may be dropped
 * after it. Returns false, and writes into `problem` why: the VM has no such key, is not up, or a
 * backup of it is under way.
 */
bool vm_schedule_now(struct vm *vm, char *problem, size_t size);
