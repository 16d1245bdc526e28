/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/vm/operation/stop/vm_stop_types.h"
#include "vmm/manager/vm/vm_operation.h"

struct vm;

extern const struct vm_operation_ops vm_stop_ops;
