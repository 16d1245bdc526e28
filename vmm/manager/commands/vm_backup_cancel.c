/* SPDX-License-Identifier: MIT */
/*
 * The command `vm backup cancel`: ends a backup under way. Run by command.c; vm_backup.c does
 * the work.
 */
#include "vmm/manager/command/command.h"
#include "vmm/manager/vm/operation/backup/vm_backup.h"

static void command_vm_backup_cancel_run(struct reply *reply, const struct arguments *arguments)
{
	struct vm *vm = command_vm(reply, arguments->word[0]);
	char problem[256];

	if (vm == NULL)
		return;
	if (!vm_backup_cancel(vm, problem, sizeof(problem))) {
		reply_fail(reply, CODE_BAD_STATE, "%s: %s", vm->config.name, problem);
		return;
	}
	if (!reply->json) {
		reply_line(reply, "%s: backup cancelled", vm->config.name);
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "name", vm->config.name);
	reply_object_end(reply);
}

COMMAND(vm_backup_cancel,
	.name = "vm backup cancel",
	.right = MAY_OPERATE,
	.arguments = "NAME",
	.summary = "ends a backup that is under way",
	.detail = "Its targets hold no backup then. The next differential one has what this one\n"
		  "would have had.",
	.example = "vm backup cancel alpha",
	.keys = "name",
	.run = command_vm_backup_cancel_run,
	.minimum = 1,
	.maximum = 1,
	.changes = true,
	.audited = true,
	.completion = COMPLETE_VM);
