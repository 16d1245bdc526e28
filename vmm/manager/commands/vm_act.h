/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/command/command.h"
#include "vmm/manager/vm/vm_life.h"

/*
 * Runs a command of a VM's life: does the action to each of the named VMs and writes the answer.
 * All names are looked up before any action. Each command is a VM_ACT_COMMAND(identifier, action,
 * .name = ..., texts).
 */
void vm_act_run(struct reply *reply, const struct arguments *arguments, enum vm_action action);
bool vm_act_resume(struct reply *reply);

#define VM_ACT_COMMAND(identifier, action, ...)                                                    \
	static void command_##identifier##_run(struct reply *reply,                                \
					       const struct arguments *arguments)                  \
	{                                                                                          \
		vm_act_run(reply, arguments, action);                                              \
	}                                                                                          \
	COMMAND(identifier, .arguments = "NAME...", .keys = "name state reason",		\
		.run = command_##identifier##_run, .minimum = 1,				\
		.maximum = COMMAND_WORDS_MAX, .changes = true, .completion = COMPLETE_VMS,	\
		__VA_ARGS__)
