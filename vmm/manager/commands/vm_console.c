/* SPDX-License-Identifier: MIT */
#include "vmm/manager/command.h"

static void run(struct reply *reply, const struct arguments *arguments)
{
	const struct vm *vm;

	if (!reply_has_terminal(reply))
		return;
	vm = command_vm(reply, arguments->word[0]);
	if (vm != NULL)
		reply->attach_id = vm->id;
}

COMMAND(vm_console,
	.name = "vm console",
	.arguments = "NAME",
	.summary = "makes this terminal the guest's, Ctrl-] leaves",
	.detail = "What the guest printed while nobody looked (64 KiB at most) is shown first.",
	.example = "vm console alpha",
	.run = run,
	.minimum = 1,
	.maximum = 1,
	.audited = true,
	.completion = COMPLETE_VM);
