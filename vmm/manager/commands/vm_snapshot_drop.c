/* SPDX-License-Identifier: MIT */
/*
 * The command `vm snapshot drop`: forgets a snapshot. Run by command.c; vm_snapshot_keep.c does
 * the work.
 */
#include "vmm/manager/commands/vm_snapshot.h"
#include "vmm/manager/vm/operation/snapshot/vm_snapshot.h"

/* Waits until the snapshot's memory is merged into the VM's. */
static bool command_vm_snapshot_drop_resume(struct reply *reply)
{
	const struct vm *vm = command_vm_kept(reply);

	return vm == NULL || vm->operation[OPERATION_SNAPSHOT].phase == SNAPSHOT_NONE;
}

static void command_vm_snapshot_drop_answer(struct reply *reply, const struct vm *vm,
					    const char *name)
{
	if (!reply->json) {
		reply_line(reply, "%s: snapshot %s dropped", vm->config.name, name);
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "name", vm->config.name);
	json_string(&reply->object, "snapshot", name);
	reply_object_end(reply);
}

static void command_vm_snapshot_drop_run(struct reply *reply, const struct arguments *arguments)
{
	struct vm *vm = command_vm(reply, arguments->word[0]);
	struct vm_snapshot *snapshot;
	char problem[256];

	if (vm == NULL)
		return;
	snapshot = command_snapshot(reply, vm, arguments->word[1]);
	if (snapshot == NULL)
		return;
	if (!vm_snapshot_drop(vm, snapshot, problem, sizeof(problem))) {
		reply_fail(reply, CODE_BUSY, "%s: not dropped: %s", vm->config.name, problem);
		return;
	}
	command_vm_snapshot_drop_answer(reply, vm, arguments->word[1]);
	if (vm->operation[OPERATION_SNAPSHOT].phase != SNAPSHOT_NONE)
		command_vm_wait(reply, vm, command_vm_snapshot_drop_resume);
}

COMMAND(vm_snapshot_drop,
	.name = "vm snapshot drop",
	.right = MAY_OPERATE,
	.arguments = "NAME SNAP",
	.summary = "forgets a snapshot of a VM",
	.detail = "Clones keep what they have. When nobody needs the memory that it held any\n"
		  "more, that is the VM's again, as if there had never been a snapshot.",
	.example = "vm snapshot drop alpha ready",
	.keys = "name snapshot",
	.run = command_vm_snapshot_drop_run,
	.minimum = 2,
	.maximum = 2,
	.changes = true,
	.audited = true,
	.completion = COMPLETE_VM);
