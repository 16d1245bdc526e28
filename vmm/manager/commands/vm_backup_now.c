/* SPDX-License-Identifier: MIT */
/*
 * The command `vm backup now`: has a backup by the key `backup` of a VM begin at once. Run by
 * command.c; vm_schedule.c does the work.
 */
#include "vmm/manager/command/command.h"
#include "vmm/manager/vm/operation/backup/vm_schedule.h"
#include "vmm/manager/vm/vm.h"

static void command_vm_backup_now_run(struct reply *reply, const struct arguments *arguments)
{
	struct vm *vm = command_vm(reply, arguments->word[0]);
	char problem[256];

	if (vm == NULL)
		return;
	if (!vm_schedule_now(vm, problem, sizeof(problem))) {
		reply_fail(reply, CODE_BAD_STATE, "%s: no backup: %s", vm->config.name, problem);
		return;
	}
	if (!reply->json) {
		reply_line(reply,
			   "%s: its backup is due now; `vm backup list %s` shows how far it is",
			   vm->config.name, vm->config.name);
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "name", vm->config.name);
	reply_object_end(reply);
}

COMMAND(vm_backup_now,
	.name = "vm backup now",
	.right = MAY_CONFIGURE,
	.arguments = "NAME",
	.summary = "begins a backup by the key `backup` of a VM at once",
	.detail = "It is one of the schedule's: where to, full or not, and how many are kept is\n"
		  "what the key says, and the next one is due an interval later. As old backups\n"
		  "may be dropped after it, it takes the right configure. An event says how it\n"
		  "has ended.",
	.example = "vm backup now alpha",
	.keys = "name",
	.run = command_vm_backup_now_run,
	.minimum = 1,
	.maximum = 1,
	.changes = true,
	.audited = true,
	.completion = COMPLETE_VM);
