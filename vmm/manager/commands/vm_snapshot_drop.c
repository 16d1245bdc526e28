/* SPDX-License-Identifier: MIT */
#include "vmm/manager/commands/vm_snapshot.h"

static void run(struct reply *reply, const struct arguments *arguments)
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
	if (!reply->json) {
		reply_line(reply, "%s: snapshot %s dropped", vm->config.name, arguments->word[1]);
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "name", vm->config.name);
	json_string(&reply->object, "snapshot", arguments->word[1]);
	reply_object_end(reply);
}

COMMAND(vm_snapshot_drop,
	.name = "vm snapshot drop",
	.right = MAY_OPERATE,
	.arguments = "NAME SNAP",
	.summary = "forgets a snapshot of a VM",
	.detail = "The memory that it held stays below the VM's until that is booted anew. Clones\n"
		  "keep what they have.",
	.example = "vm snapshot drop alpha ready",
	.keys = "name snapshot",
	.run = run,
	.minimum = 2,
	.maximum = 2,
	.changes = true,
	.audited = true,
	.completion = COMPLETE_VM);
