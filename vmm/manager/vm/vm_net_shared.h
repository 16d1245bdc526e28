/* SPDX-License-Identifier: MIT */
#pragma once

struct vm;

/*
 * Once its networks are attached: warns of each on which guests are beside a VM with a machine
 * channel that has rights, whichever of them this one is.
 */
void vm_net_warn_shared(const struct vm *vm);
