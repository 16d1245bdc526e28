/* SPDX-License-Identifier: MIT */
/*
 * The command `vm trim`: frees the pages of a VM's memory that hold only zeros. Run by command.c;
 * vm_trim.c does the work.
 */
#include "vmm/manager/command/command.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/manager/vm/memory/vm_trim.h"

#define N(value) ((unsigned long long)(value))

static void command_vm_trim_show(struct reply *reply, const struct vm *vm)
{
	u64 bytes = vm->trim.given * PAGE_SIZE;

	if (!reply->json) {
		reply_line(reply, "%s: %llu KiB given back", vm->config.name, N(bytes / KIB));
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "name", vm->config.name);
	json_u64(&reply->object, "given_bytes", bytes);
	reply_object_end(reply);
}

static bool command_vm_trim_resume(struct reply *reply)
{
	const struct vm *vm = command_vm_kept(reply);

	if (vm == NULL)
		return true;
	if (vm->operation[OPERATION_TRIM].phase != TRIM_NONE)
		return false;
	if (vm->operation[OPERATION_TRIM].problem[0] == '\0')
		command_vm_trim_show(reply, vm);
	else
		reply_fail(reply, CODE_BAD_STATE, "%s: %llu KiB given back, then: %s",
			   vm->config.name, N(vm->trim.given * PAGE_SIZE / KIB),
			   vm->operation[OPERATION_TRIM].problem);
	return true;
}

static void command_vm_trim(struct reply *reply, const struct arguments *arguments)
{
	struct vm *vm = command_vm(reply, arguments->word[0]);
	char problem[160];

	if (vm == NULL)
		return;
	if (vm_trim_begin(vm, problem, sizeof(problem)))
		command_vm_wait(reply, vm, command_vm_trim_resume);
	else
		reply_fail(reply, CODE_BAD_STATE, "%s: nothing given back: %s", vm->config.name,
			   problem);
}

COMMAND(vm_trim,
	.name = "vm trim",
	.right = MAY_OPERATE,
	.arguments = "NAME",
	.summary = "gives back what of a VM's memory holds only zeros",
	.detail = "The guest goes on and cannot tell. Pages of 4 KiB alone, which are those of\n"
		  "VMs with `overcommit = yes`: when one of these waits for memory it is done\n"
		  "with all of them. Not with snapshots, clones, or memory that a device reaches.",
	.example = "vm trim alpha",
	.keys = "name given_bytes",
	.run = command_vm_trim,
	.minimum = 1,
	.maximum = 1,
	.audited = true,
	.changes = true,
	.completion = COMPLETE_VM);
