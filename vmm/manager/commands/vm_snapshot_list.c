/* SPDX-License-Identifier: MIT */
/*
 * The command `vm snapshot list`: shows the snapshots of one VM or of all. Run by command.c; only
 * reads.
 */
#include "vmm/manager/command/command.h"
#include "vmm/manager/vm/disks/vm_snapshot_disk.h"
#include "vmm/manager/vm/vm_snapshot_list.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

#define COLUMNS "%-12s %-12s %10s %8s %8s %7s  %s"

static void command_vm_snapshot_list_show_one(struct reply *reply, const struct vm *vm,
					      const struct vm_snapshot *snapshot)
{
	u64 age_ns = clock_tsc_to_ns(clock_tsc() - snapshot->taken_tsc);
	u32 clones = vm_snapshot_clones(vm, snapshot);
	bool last = vm_snapshot_on_top(vm, snapshot) && vm_disks_known_at(vm, snapshot);
	u64 disk_bytes = snapshot->disks_kept ? vm_disks_kept_bytes(vm) : 0;
	char number[4][24];

	if (!reply->json) {
		format(number[0], sizeof(number[0]), "%llu",
		       (unsigned long long)(age_ns / NS_PER_S));
		format(number[1], sizeof(number[1]), "%lluK",
		       (unsigned long long)(snapshot->state_used / KIB));
		format(number[2], sizeof(number[2]), "%lluK",
		       (unsigned long long)(disk_bytes / KIB));
		format(number[3], sizeof(number[3]), "%u", clones);
		reply_line(reply, COLUMNS, vm->config.name, snapshot->name, number[0], number[1],
			   number[2], number[3], last ? "yes" : "no");
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "name", vm->config.name);
	json_string(&reply->object, "snapshot", snapshot->name);
	json_u64(&reply->object, "age_ns", age_ns);
	json_u64(&reply->object, "state_bytes", snapshot->state_used);
	json_u64(&reply->object, "disk_bytes", disk_bytes);
	json_u64(&reply->object, "clones", clones);
	json_bool(&reply->object, "reset", last);
	reply_object_end(reply);
}

/* Shows the snapshots of the VM at `place` in the table of VMs, unless another VM was named. */
static bool command_vm_snapshot_list_show_place(struct reply *reply, u64 place)
{
	const struct vm *vm = place < VM_MAX ? vm_at(place) : NULL;

	if (vm == NULL || (reply->vm_id != 0 && vm->id != reply->vm_id))
		return place < VM_MAX;
	for (u32 i = 0; i < VM_SNAPSHOT_MAX; i++)
		if (vm->snapshots.list[i].taken_tsc != 0)
			command_vm_snapshot_list_show_one(reply, vm, &vm->snapshots.list[i]);
	return true;
}

static bool command_vm_snapshot_list_resume(struct reply *reply)
{
	return reply_list(reply, command_vm_snapshot_list_show_place);
}

static void command_vm_snapshot_list_run(struct reply *reply, const struct arguments *arguments)
{
	const struct vm *vm = NULL;

	if (arguments->count > 0) {
		vm = command_vm(reply, arguments->word[0]);
		if (vm == NULL)
			return;
	}
	reply->vm_id = vm != NULL ? vm->id : 0;
	if (!reply->json)
		reply_line(reply, COLUMNS, "VM", "SNAPSHOT", "SECONDS", "STATE", "DISKS", "CLONES",
			   "RESET");
	if (!command_vm_snapshot_list_resume(reply))
		reply->resume = command_vm_snapshot_list_resume;
}

COMMAND(vm_snapshot_list,
	.name = "vm snapshot list",
	.right = MAY_VIEW,
	.arguments = "[NAME]",
	.summary = "the snapshots of a VM, or of all",
	.detail = "SECONDS since it was taken, the size of the saved STATE, what is kept of DISKS\n"
		  "that were written to since, how many CLONES there are, and whether `vm reset\n"
		  "--to` can go back to it, as it can to the last.",
	.example = "vm snapshot list alpha",
	.keys = "name snapshot age_ns state_bytes disk_bytes clones reset",
	.run = command_vm_snapshot_list_run,
	.maximum = 1,
	.completion = COMPLETE_VM);
