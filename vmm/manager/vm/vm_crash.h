/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/vm/vm.h"

/* Notes the time of a crash: on_crash stops restarting after VM_CRASH_LIMIT within the window. */
void vm_crash_record(struct vm *vm);
/*
 * Carries out the VM's key on_crash. Returns false if the crash is held (the guest stays for
 * inspection); a reason other than on_crash = hold has then been reported.
 */
bool vm_crash_ends(struct vm *vm);
