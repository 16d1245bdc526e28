/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/vm/operation/backup/vm_schedule_types.h"
#include "vmm/manager/vm/vm_operation.h"

/*
 * The operation that makes the backups which the key `backup` of a VM asks for, and drops those
 * that are not to be kept any more. It begins by itself, while the VM runs or is paused.
 */
extern const struct vm_operation_ops vm_schedule_ops;
