/* SPDX-License-Identifier: MIT */
/*
 * The command `vm restore`: continues a VM from a save on a disk or in a store. Run by command.c;
 * vm_save.c does the work.
 */
#include "vmm/manager/commands/vm_save.h"
#include "vmm/manager/vm/operation/save/vm_save.h"

static bool command_vm_restore_resume(struct reply *reply)
{
	struct vm *vm = command_vm_kept(reply);

	if (vm == NULL)
		return true;
	if (vm_busy(vm)) {
		vm_save_show_progress(reply, vm, "restoring");
		/* not ended yet: each request to the disk has a limit, the command needs none */
		return false;
	}
	vm->answered = false;
	if (vm->operation[OPERATION_SAVE].problem[0] != '\0')
		reply_error(reply, "%s: not restored: %s", vm->config.name,
			    vm->operation[OPERATION_SAVE].problem);
	else
		vm_save_answer(reply, vm);
	return true;
}

static void command_vm_restore(struct reply *reply, const struct arguments *arguments)
{
	struct vm_save_place place;
	char problem[256];
	struct vm *vm;

	if (!vm_save_arguments(reply, arguments, &vm, &place))
		return;
	if (!vm_restore(vm, &place, problem, sizeof(problem))) {
		reply_fail(reply,
			   vm->state != VM_CREATED && !vm_has_ended(vm) ? CODE_BAD_STATE
			   : vm_busy(vm)				? CODE_BUSY
									: CODE_FAILED,
			   "%s: not restored: %s", vm->config.name, problem);
		return;
	}
	if (place.channel != NULL) {
		vm_save_answer_stream(reply, vm);
		return;
	}
	vm->answered = reply->to->terminal;
	command_vm_wait(reply, vm, command_vm_restore_resume);
}

COMMAND(vm_restore,
	.name = "vm restore",
	.right = MAY_OPERATE,
	.arguments = "NAME DISK | NAME store=channel",
	.summary = "goes on with a VM that `vm save` has saved there",
	.detail = "The VM has to have the name, the configuration and the key state_key that it\n"
		  "was saved with, and not to run. When its save cannot be loaded it is what it\n"
		  "was before. The save stays on the disk. With store=channel it comes from the\n"
		  "program at the machine channel that the command came from.",
	.example = "vm restore alpha saves",
	.keys = "name state, or with store=channel name stream",
	.run = command_vm_restore,
	.minimum = 2,
	.maximum = 2,
	.changes = true,
	.audited = true,
	.completion = COMPLETE_VM);
