/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/vm/vm.h"

/* How often a VM has crashed of late: on_crash ends there. */
void vm_crash_record(struct vm *vm);
/* Does what on_crash says. False: nothing; when that is not what it says, why has been said. */
bool vm_crash_ends(struct vm *vm);
