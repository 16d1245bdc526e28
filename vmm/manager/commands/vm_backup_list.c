/* SPDX-License-Identifier: MIT */
/*
 * The command `vm backup list`: shows the last backup of one VM or of all. Run by command.c; only
 * reads.
 */
#include "vmm/manager/command/command.h"
#include "vmm/manager/vm/operation/backup/vm_backup.h"
#include "vmm/rt/format.h"

#define COLUMNS "%-12s %-12s %-12s %-5s %-5s %-8s %12s %12s  %s"

static const char *command_vm_backup_list_state_of(const struct vm *vm)
{
	u32 phase = vm->operation[OPERATION_BACKUP].phase;

	if (vm->backup.failed)
		return "failed";
	if (phase == BACKUP_NONE || phase == BACKUP_ENDING)
		return "done";
	return phase == BACKUP_COPYING ? "copying" : "begins";
}

/* Shows one disk of the backup; the bytes shown are those of all the backup's disks. */
static void command_vm_backup_list_show_one(struct reply *reply, const struct vm *vm, u32 place)
{
	const struct vm_backup *backup = &vm->backup;
	const struct vm_operation *operation = &vm->operation[OPERATION_BACKUP];
	char disk[CONFIG_DISK_BYTES];
	const char *target = backup->disk[place].target;
	const char *kind = backup->kind == BACKUP_FULL ? "full" : "diff";
	u32 number = backup->disk[place].next.sequence + 1;
	char text[3][24];
	u64 copied, all;

	config_disk_name(&vm->config.disk[place], disk);
	vm_backup_progress(vm, &copied, &all);
	if (!reply->json) {
		format(text[0], sizeof(text[0]), "%u", number);
		format(text[1], sizeof(text[1]), "%lluK", (unsigned long long)(copied / KIB));
		format(text[2], sizeof(text[2]), "%lluK", (unsigned long long)(all / KIB));
		reply_line(reply, COLUMNS, vm->config.name, disk, target, kind, text[0],
			   command_vm_backup_list_state_of(vm), text[1], text[2],
			   operation->problem);
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "name", vm->config.name);
	json_string(&reply->object, "disk", disk);
	json_string(&reply->object, "target", target);
	json_string(&reply->object, "kind", kind);
	json_u64(&reply->object, "number", number);
	json_string(&reply->object, "state", command_vm_backup_list_state_of(vm));
	json_u64(&reply->object, "copied_bytes", copied);
	json_u64(&reply->object, "all_bytes", all);
	json_string(&reply->object, "problem", operation->problem);
	reply_object_end(reply);
}

/* Shows the backups of the VM at `place` in the table of VMs, if it was named or none was. */
static bool command_vm_backup_list_show_place(struct reply *reply, u64 place)
{
	const struct vm *vm = place < VM_MAX ? vm_at(place) : NULL;

	if (vm == NULL || (reply->vm_id != 0 && vm->id != reply->vm_id))
		return place < VM_MAX;
	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++)
		if (vm->backup.disk[i].chosen && vm->config.disk[i].number != 0)
			command_vm_backup_list_show_one(reply, vm, i);
	return true;
}

static bool command_vm_backup_list_resume(struct reply *reply)
{
	return reply_list(reply, command_vm_backup_list_show_place);
}

static void command_vm_backup_list_run(struct reply *reply, const struct arguments *arguments)
{
	const struct vm *vm = NULL;

	if (arguments->count > 0) {
		vm = command_vm(reply, arguments->word[0]);
		if (vm == NULL)
			return;
	}
	reply->vm_id = vm != NULL ? vm->id : 0;
	if (!reply->json)
		reply_line(reply, COLUMNS, "VM", "DISK", "TARGET", "KIND", "CHAIN", "STATE",
			   "COPIED", "OF", "PROBLEM");
	if (!command_vm_backup_list_resume(reply))
		reply->resume = command_vm_backup_list_resume;
}

COMMAND(vm_backup_list,
	.name = "vm backup list",
	.right = MAY_VIEW,
	.arguments = "[NAME]",
	.summary = "the last backup of a VM, or of each",
	.detail = "For each disk: where its copy goes, KIND, the place in its CHAIN, and how much\n"
		  "is COPIED, OF how much, of all disks of that backup.",
	.example = "vm backup list alpha",
	.keys = "name disk target kind number state copied_bytes all_bytes problem",
	.run = command_vm_backup_list_run,
	.maximum = 1,
	.completion = COMPLETE_VM);
