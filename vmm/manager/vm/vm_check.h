/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/vm/vm.h"

/* Ends the manager if one of the promises of vm_check does not hold. */
void vm_check_promises(const struct vm *vm);

/*
 * Checks the invariants of a VM before each step of its operations, for any reports of its monitor:
 * its phase, its state and its operations are consistent. Only images built with DEBUG=1, unit
 * tests and fuzzers have this check.
 */
static inline void vm_check(const struct vm *vm)
{
#ifdef DEBUG
	vm_check_promises(vm);
#else
	(void)vm;
#endif
}
