/* SPDX-License-Identifier: MIT */
/*
 * The command `runs give`: notes whose a run is whose VM was there before. Run by command.c;
 * changes nothing but what `runs` shows.
 */
#include "vmm/manager/commands/runs.h"
#include "vmm/manager/vm/vm.h"

static void command_runs_give(struct reply *reply, const struct arguments *arguments)
{
	struct vm *vm = command_vm(reply, arguments->word[0]);

	if (vm == NULL)
		return;
	if (vm->run_of[0] == '\0') {
		reply_fail(reply, CODE_BAD_STATE,
			   "%s is no run; make a clone with run=OWNER, which is one",
			   vm->config.name);
		return;
	}
	if (!command_runs_take_owner(reply, arguments->word[1], vm->run_of))
		return;
	if (!reply->json) {
		reply_line(reply, "%s: a run of %s", vm->config.name, vm->run_of);
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "name", vm->config.name);
	json_string(&reply->object, "owner", vm->run_of);
	reply_object_end(reply);
}

COMMAND(runs_give,
	.name = "runs give",
	.right = MAY_OPERATE,
	.arguments = "NAME OWNER",
	.summary = "notes whose a run is that takes a waiting VM",
	.detail = "For whoever makes runs. OWNER is 1 to 64 printable characters.",
	.example = "runs give beta alice",
	.keys = "name owner",
	.run = command_runs_give,
	.minimum = 2,
	.maximum = 2,
	.changes = true,
	.audited = true,
	.completion = COMPLETE_VM);
