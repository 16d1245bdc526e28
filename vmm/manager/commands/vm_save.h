/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/command/command.h"
#include "vmm/manager/vm/vm.h"

/* What `vm save` and `vm restore` have in common: which VM and disk; false, after an error. */
bool vm_save_arguments(struct reply *reply, const struct arguments *arguments, struct vm **vm,
		       struct vm_save_place *place);
/* With a store: the number of its stream. */
void vm_save_answer_stream(struct reply *reply, const struct vm *vm);
/* While it is waited for: every few seconds a line for a person says how far it is. */
void vm_save_show_progress(struct reply *reply, const struct vm *vm, const char *doing);
/* What became of the VM. */
void vm_save_answer(struct reply *reply, const struct vm *vm);
