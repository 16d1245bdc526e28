/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/command.h"
#include "vmm/manager/vm/vm_life.h"

/*
 * What the commands of a VM's life have in common: an action on the VM named, and its answer. Each
 * is VM_ACT_COMMAND(identifier, action, .name = ..., texts).
 */
void vm_act_run(struct reply *reply, const struct arguments *arguments, enum vm_action action);

#define VM_ACT_COMMAND(identifier, action, ...)                                                  \
	static void run(struct reply *reply, const struct arguments *arguments)                 \
	{                                                                                       \
		vm_act_run(reply, arguments, action);                                           \
	}                                                                                       \
	COMMAND(identifier, .arguments = "NAME", .keys = "name state reason", .run = run,       \
		.minimum = 1, .maximum = 1, .changes = true, .completion = COMPLETE_VM, __VA_ARGS__)
