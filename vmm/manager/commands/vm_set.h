/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/vm/vm.h"

/* Whether the VM's key may be changed in its present state, or is none. */
bool vm_set_can_change(const struct vm *vm, struct text key);
/* Whether the key can be changed while the VM runs, and takes effect at once. */
bool vm_set_at_any_time(struct text key);
