/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/vm/vm.h"

/* How often a VM has crashed of late: on_crash = restart ends there. */
void vm_crash_record(struct vm *vm);
/* Whether there is no sense in starting it again. */
bool vm_crashes_too_often(const struct vm *vm);
/* Says that it is held. */
void vm_crash_hold(struct vm *vm);
