/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/vm/vm.h"

/* Whether the VM's key may be changed in its present state, or is none. */
bool vm_set_can_change(const struct vm *vm, struct text key);
