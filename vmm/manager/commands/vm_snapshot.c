/* SPDX-License-Identifier: MIT */
/*
 * The command `vm snapshot`: keeps a VM's present state under a name. Run by command.c;
 * vm_snapshot.c does the work.
 */
#include "vmm/manager/commands/vm_snapshot.h"
#include "vmm/manager/commands/quiesce.h"
#include "vmm/manager/vm/vm_handover.h"
#include "vmm/manager/vm/operation/snapshot/vm_snapshot.h"
#include "vmm/manager/vm/vm_snapshot_list.h"
#include "vmm/rt/format.h"

struct vm_snapshot *command_snapshot(struct reply *reply, struct vm *vm, const char *name)
{
	struct vm_snapshot *snapshot = vm_snapshot_find(vm, name);
	char names[VM_SNAPSHOT_MAX * (CONFIG_NAME_BYTES + 2)];
	char why[sizeof(vm->reason)];
	char shown[40];
	bool dropped;

	if (snapshot != NULL)
		return snapshot;
	vm_snapshot_names(vm, names, sizeof(names));
	dropped = vm_snapshot_was_dropped(vm, name, why, sizeof(why));
	reply_fail(reply, CODE_NOT_FOUND, "%s has no snapshot \"%s\"%s%s; its snapshots: %s",
		   vm->config.name, text_show(shown, sizeof(shown), text_of(name)),
		   dropped ? " any more, it was dropped: " : "", dropped ? why : "", names);
	return NULL;
}

static void command_vm_snapshot_answer(struct reply *reply, const struct vm *vm)
{
	const struct vm_snapshots *snapshots = &vm->snapshots;
	const struct vm_operation *operation = &vm->operation[OPERATION_SNAPSHOT];
	u64 held_us = vm_handover_held_ns(vm) / NS_PER_US;
	const char *name = snapshots->list[snapshots->place].name;
	char frozen[120] = "";

	if (operation->problem[0] != '\0') {
		reply_error(reply, "%s: no %s: %s", vm->config.name,
			    snapshots->resets ? "reset" : "snapshot", operation->problem);
		return;
	}
	if (!reply->json) {
		if (!snapshots->resets)
			command_quiesce_text(vm, frozen, sizeof(frozen));
		reply_line(reply, "%s: %s%s, its guest stood still for %llu us%s", vm->config.name,
			   snapshots->resets ? "reset to snapshot " : "snapshot ", name,
			   (unsigned long long)held_us, frozen);
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "name", vm->config.name);
	json_string(&reply->object, "snapshot", name);
	json_string(&reply->object, "state", vm_state_name(vm->state));
	json_u64(&reply->object, "held_us", held_us);
	if (!snapshots->resets)
		command_quiesce_json(&reply->object, vm);
	reply_object_end(reply);
}

static bool command_vm_snapshot_resume(struct reply *reply)
{
	const struct vm *vm = command_vm_kept(reply);

	if (vm == NULL)
		return true;
	if (vm->operation[OPERATION_SNAPSHOT].phase != SNAPSHOT_NONE)
		return false; /* not ended yet: the phases have limits, the command needs none */
	command_vm_snapshot_answer(reply, vm);
	return true;
}

void command_snapshot_wait(struct reply *reply, struct vm *vm, bool begun, const char *problem)
{
	if (begun)
		command_vm_wait(reply, vm, command_vm_snapshot_resume);
	else
		reply_fail(reply, vm_busy(vm) ? CODE_BUSY : CODE_BAD_STATE, "%s: %s",
			   vm->config.name, problem);
}

static void command_vm_snapshot_run(struct reply *reply, const struct arguments *arguments)
{
	struct vm *vm = command_vm(reply, arguments->word[0]);
	char problem[256];
	char shown[40];
	bool quiesce;
	bool begun;

	if (vm == NULL)
		return;
	quiesce = vm->config.quiesce != 0;
	if (arguments->count == 3 && !command_quiesce_word(arguments->word[2], &quiesce)) {
		reply_bad(reply, "\"%s\" is not valid; use quiesce=yes or quiesce=no",
			  text_show(shown, sizeof(shown), text_of(arguments->word[2])));
		return;
	}
	begun = vm_snapshot_take(vm, arguments->word[1], quiesce, problem, sizeof(problem));
	command_snapshot_wait(reply, vm, begun, problem);
}

COMMAND(vm_snapshot,
	.name = "vm snapshot",
	.right = MAY_OPERATE,
	.arguments = "NAME SNAP [quiesce=yes|no]",
	.summary = "keeps a running or paused VM as it is, under a name",
	.detail = "Its guest stands still for a moment. `vm reset NAME --to SNAP` goes back, `vm\n"
		  "clone NAME@SNAP NEW` begins another VM there. Snapshots are in memory, until\n"
		  "the VM stops or is booted anew. Disks go back too: up to `disk.undo` of what\n"
		  "each holds may be overwritten until the snapshot is dropped; `vm set NAME\n"
		  "disk.undo=SIZE` makes that more, also afterwards. With quiesce=yes\n"
		  "QEMU's guest agent freezes the guest's file systems, if it answers within 5 s.",
	.example = "vm snapshot alpha ready",
	.keys = "name snapshot state held_us frozen not_frozen",
	.run = command_vm_snapshot_run,
	.minimum = 2,
	.maximum = 3,
	.changes = true,
	.audited = true,
	.completion = COMPLETE_VM);
