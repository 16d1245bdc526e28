/* SPDX-License-Identifier: MIT */
/*
 * The command `vm renew`: gives a VM a new monitor process. Run by command.c; vm_renew.c does
 * the work.
 */
#include "vmm/manager/command/command.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/manager/vm/vm_handover.h"
#include "vmm/manager/vm/operation/save/vm_renew.h"
#include "vmm/rt/format.h"

static void command_vm_renew_answer(struct reply *reply, const struct vm *vm)
{
	u64 held_us = vm_handover_held_ns(vm) / NS_PER_US;

	if (vm->operation[OPERATION_RENEW].problem[0] != '\0') {
		reply_error(reply, "%s: not renewed: %s", vm->config.name,
			    vm->operation[OPERATION_RENEW].problem);
		return;
	}
	if (!reply->json) {
		reply_line(reply, "%s: renewed, its guest stood still for %llu us", vm->config.name,
			   (unsigned long long)held_us);
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "name", vm->config.name);
	json_string(&reply->object, "state", vm_state_name(vm->state));
	json_u64(&reply->object, "held_us", held_us);
	reply_object_end(reply);
}

static bool command_vm_renew_resume(struct reply *reply)
{
	const struct vm *vm = command_vm_kept(reply);

	if (vm == NULL)
		return true;
	if (vm->operation[OPERATION_RENEW].phase != RENEW_NONE)
		/* not ended yet: the phases of a renewal have limits, the command needs none */
		return false;
	command_vm_renew_answer(reply, vm);
	return true;
}

static void command_vm_renew(struct reply *reply, const struct arguments *arguments)
{
	struct vm *vm = command_vm(reply, arguments->word[0]);
	char problem[256];

	if (vm == NULL)
		return;
	if (!vm_renew(vm, problem, sizeof(problem))) {
		command_vm_not_done(reply, vm, "renewed", problem);
		return;
	}
	command_vm_wait(reply, vm, command_vm_renew_resume);
}

COMMAND(vm_renew,
	.name = "vm renew",
	.right = MAY_OPERATE,
	.arguments = "NAME",
	.summary = "gives a running or paused VM a new monitor process",
	.detail = "The guest stands still meanwhile, and goes on where it was. When the new\n"
		  "monitor cannot load its state, the old one goes on.",
	.example = "vm renew alpha",
	.keys = "name state held_us",
	.run = command_vm_renew,
	.minimum = 1,
	.maximum = 1,
	.changes = true,
	.audited = true,
	.completion = COMPLETE_VM);
