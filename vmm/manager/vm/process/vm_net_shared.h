/* SPDX-License-Identifier: MIT */
#pragma once

struct vm;

/*
 * Warns of each of the VM's networks on which guests are beside a VM that has a machine channel
 * with rights, whichever of the two this VM is. To be called once its networks are attached.
 */
void vm_net_warn_shared(const struct vm *vm);
