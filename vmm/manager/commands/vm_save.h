/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/command/command.h"
#include "vmm/manager/vm/vm.h"

/*
 * Finds the VM and the place for `vm save` and `vm restore`; returns false after writing an error.
 */
bool vm_save_arguments(struct reply *reply, const struct arguments *arguments, struct vm **vm,
		       struct vm_save_place *place);
/* Answers with the number of the store's stream. */
void vm_save_answer_stream(struct reply *reply, const struct vm *vm);
/* Writes a line of progress every few seconds, at a person's terminal. */
void vm_save_show_progress(struct reply *reply, const struct vm *vm, const char *doing);
/* Answers with the VM's state after the operation. */
void vm_save_answer(struct reply *reply, const struct vm *vm);
