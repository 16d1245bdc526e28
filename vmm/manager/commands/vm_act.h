/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/command.h"
#include "vmm/manager/vm_life.h"

/* What the commands of a VM's life have in common: the action on the VM named, and its answer. */
void vm_act_run(struct reply *reply, const struct arguments *arguments, enum vm_action action);
