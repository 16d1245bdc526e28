/* SPDX-License-Identifier: MIT */
/*
 * The command `vm reset`: resets VMs, or takes one back to a snapshot. Run by command.c; vm_act.c
 * and vm_snapshot.c do the work.
 */
#include "vmm/manager/commands/vm_act.h"
#include "vmm/manager/commands/vm_snapshot.h"
#include "vmm/manager/vm/operation/snapshot/vm_snapshot.h"

static void command_vm_reset_to(struct reply *reply, const char *name, const char *to)
{
	struct vm *vm = command_vm(reply, name);
	const struct vm_snapshot *snapshot;
	char problem[256];
	bool begun;

	if (vm == NULL)
		return;
	snapshot = command_snapshot(reply, vm, to);
	if (snapshot == NULL)
		return;
	begun = vm_snapshot_reset(vm, snapshot, problem, sizeof(problem));
	if (begun)
		log_message(LOG_INFO, LOG_AUDIT, vm->config.name, "reset to snapshot %s",
			    snapshot->name);
	command_snapshot_wait(reply, vm, begun, problem);
}

static void command_vm_reset_run(struct reply *reply, const struct arguments *arguments)
{
	u32 at = 0;

	while (at < arguments->count && !string_equal(arguments->word[at], "--to"))
		at++;
	if (at == arguments->count)
		vm_act_run(reply, arguments, ACTION_RESET);
	else if (at == 1 && arguments->count == 3)
		command_vm_reset_to(reply, arguments->word[0], arguments->word[2]);
	else
		reply_bad(reply, "--to is word %u of %u; write NAME --to SNAP", at + 1,
			  arguments->count);
}

COMMAND(vm_reset,
	.name = "vm reset",
	.right = MAY_OPERATE,
	.arguments = "NAME... | NAME --to SNAP",
	.summary = "resets a running or paused VM, as its reset button would",
	.detail = "With --to it goes back to a snapshot, the last that was taken: memory, CPUs,\n"
		  "devices and the guest's time are as they were. A crashed VM runs again, a\n"
		  "paused one stays paused.",
	.example = "vm reset alpha --to ready",
	.keys = "name state reason snapshot held_us",
	.run = command_vm_reset_run,
	.minimum = 1,
	.maximum = COMMAND_WORDS_MAX,
	.changes = true,
	.completion = COMPLETE_VMS);
