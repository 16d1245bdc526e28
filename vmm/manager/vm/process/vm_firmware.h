/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/start.h"
#include "vmm/manager/vm/vm.h"

/* Fills in what the monitor of a VM with firmware is told; does nothing for other VMs. */
void vm_firmware_fill(const struct vm *vm, struct start_info *info);
