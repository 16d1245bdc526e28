/* SPDX-License-Identifier: MIT */
#pragma once

struct vm;

/*
 * Warns of each of the VM's networks that connects other guests with a VM that has a machine
 * channel with rights; this VM may be either. To be called once its networks are attached.
 */
void vm_net_warn_shared(const struct vm *vm);
