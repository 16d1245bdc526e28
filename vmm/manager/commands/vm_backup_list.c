/* SPDX-License-Identifier: MIT */
/*
 * The command `vm backup list`: shows the last backup of one VM or of all, and the backups that
 * their keys `backup` plan and keep. Run by command.c; only reads.
 */
#include "vmm/manager/command/command.h"
#include "vmm/manager/disk/backup_place.h"
#include "vmm/manager/vm/operation/backup/vm_backup.h"
#include "vmm/rt/format.h"

#define COLUMNS "%-12s %-12s %-12s %-5s %-5s %-8s %12s %12s  %s"

/*
 * The number of a line for reply_list: the bits above ROW_BITS are the VM's place in the table of
 * VMs, the bits below the line of that VM: the lines of its last backup, one for the plan, and for
 * each disk as many as backups can be kept. A missing line is passed over.
 */
#define ROW_BITS    16u
#define ROW_PLANNED CONFIG_VM_DISK_MAX
#define ROW_KEPT    (ROW_PLANNED + 1)
#define ROW_END	    (ROW_KEPT + CONFIG_VM_DISK_MAX * BACKUP_PLACES_MAX)
_Static_assert(ROW_END < 1u << ROW_BITS, "there is a number for each line");

/* The contents of a line. */
struct command_vm_backup_row {
	const char *disk;
	const char *target;
	const char *kind;
	u32 number; /* the backup's place in its chain, from 1 on; 0: none */
	const char *state;
	u64 copied_bytes;
	u64 all_bytes;
	const char *problem;
	u64 moment; /* moment of a scheduled backup; 0: the backup is not a scheduled one */
};

static void command_vm_backup_list_row(struct reply *reply, const struct vm *vm,
				       const struct command_vm_backup_row *row)
{
	char text[3][24];
	char moment[24] = "";

	if (row->moment != 0)
		format(moment, sizeof(moment), "%014llu", (unsigned long long)row->moment);
	if (!reply->json) {
		format(text[0], sizeof(text[0]), "%u", row->number);
		format(text[1], sizeof(text[1]), "%lluK",
		       (unsigned long long)(row->copied_bytes / KIB));
		format(text[2], sizeof(text[2]), "%lluK",
		       (unsigned long long)(row->all_bytes / KIB));
		reply_line(reply, COLUMNS, vm->config.name, row->disk, row->target, row->kind,
			   text[0], row->state, text[1], text[2], row->problem);
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "name", vm->config.name);
	json_string(&reply->object, "disk", row->disk);
	json_string(&reply->object, "target", row->target);
	json_string(&reply->object, "kind", row->kind);
	json_u64(&reply->object, "number", row->number);
	json_string(&reply->object, "state", row->state);
	json_u64(&reply->object, "copied_bytes", row->copied_bytes);
	json_u64(&reply->object, "all_bytes", row->all_bytes);
	json_string(&reply->object, "problem", row->problem);
	json_string(&reply->object, "moment", moment);
	reply_object_end(reply);
}

static const char *command_vm_backup_list_state_of(const struct vm *vm)
{
	u32 phase = vm->operation[OPERATION_BACKUP].phase;

	if (vm->backup.failed)
		return "failed";
	if (phase == BACKUP_NONE || phase == BACKUP_ENDING)
		return "done";
	return phase == BACKUP_COPYING ? "copying" : "begins";
}

/* Shows one disk of the last backup; the bytes shown are those of all the backup's disks. */
static void command_vm_backup_list_show_last(struct reply *reply, const struct vm *vm, u32 place)
{
	const struct vm_backup *backup = &vm->backup;
	char disk[CONFIG_DISK_BYTES];
	struct command_vm_backup_row row = {
		.disk = config_disk_name(&vm->config.disk[place], disk),
		.target = backup->disk[place].target,
		.kind = backup->kind == BACKUP_FULL ? "full" : "diff",
		.number = backup->disk[place].next.sequence + 1,
		.state = command_vm_backup_list_state_of(vm),
		.problem = vm->operation[OPERATION_BACKUP].problem,
	};

	vm_backup_progress(vm, &row.copied_bytes, &row.all_bytes);
	command_vm_backup_list_row(reply, vm, &row);
}

/* Shows the plan of the VM's key `backup`, and the reason if the last backup by it has failed. */
static void command_vm_backup_list_show_plan(struct reply *reply, const struct vm *vm)
{
	const struct vm_operation *operation = &vm->operation[OPERATION_SCHEDULE];
	const bool failed = operation->problem[0] != '\0';

	command_vm_backup_list_row(reply, vm,
				   &(struct command_vm_backup_row){
					   .disk = "",
					   .target = vm->config.backup.store,
					   .kind = "",
					   .state = failed ? "failed" : "planned",
					   .problem = operation->problem,
				   });
}

/* Shows the scheduled backup with that index among those that the store has of the VM's disk. */
static bool command_vm_backup_list_show_kept(struct reply *reply, const struct vm *vm, u32 place,
					     u32 index)
{
	const struct store *store = store_find(vm->config.backup.store);
	const struct backup_place *list;
	char target[BACKUP_PLACE_BYTES];
	char disk[CONFIG_DISK_BYTES];
	u32 count;

	if (store == NULL || (vm->config.disk[place].flags & VM_DISK_VOLUME) == 0)
		return false;
	config_disk_name(&vm->config.disk[place], disk);
	list = backup_places(store, disk, &count);
	if (index >= count)
		return false;
	backup_place_text(store, &list[index], target);
	command_vm_backup_list_row(reply, vm,
				   &(struct command_vm_backup_row){
					   .disk = disk,
					   .target = target,
					   .kind = list[index].sequence == 0 ? "full" : "diff",
					   .number = list[index].sequence + 1,
					   .state = "kept",
					   .copied_bytes = list[index].bytes,
					   .all_bytes = list[index].bytes,
					   .problem = "",
					   .moment = list[index].moment,
				   });
	return true;
}

/* Shows a line of the VM, if there is one of that number; returns the next one to show. */
static u32 command_vm_backup_list_show_row(struct reply *reply, const struct vm *vm, u32 row)
{
	u32 place = (row - ROW_KEPT) / BACKUP_PLACES_MAX;
	u32 index = (row - ROW_KEPT) % BACKUP_PLACES_MAX;

	if (row < ROW_PLANNED) {
		if (vm->backup.disk[row].chosen && vm->config.disk[row].number != 0)
			command_vm_backup_list_show_last(reply, vm, row);
		return row + 1;
	}
	if (row >= ROW_END || vm->config.backup.store[0] == '\0')
		return ROW_END;
	if (row == ROW_PLANNED)
		command_vm_backup_list_show_plan(reply, vm);
	else if (!command_vm_backup_list_show_kept(reply, vm, place, index))
		return ROW_KEPT + (place + 1) * BACKUP_PLACES_MAX;
	return row + 1;
}

/* Shows the line of that number, unless another VM was named. */
static bool command_vm_backup_list_show(struct reply *reply, u64 number)
{
	u64 place = number >> ROW_BITS;
	const struct vm *vm = place < VM_MAX ? vm_at(place) : NULL;
	u32 next = ROW_END;

	if (place >= VM_MAX)
		return false;
	if (vm != NULL && (reply->vm_id == 0 || vm->id == reply->vm_id))
		next = command_vm_backup_list_show_row(reply, vm,
						       (u32)(number & (BIT(ROW_BITS) - 1)));
	/* reply_list continues behind the number that is set here */
	reply->shown = (next < ROW_END ? place << ROW_BITS | next : (place + 1) << ROW_BITS) - 1;
	return true;
}

static bool command_vm_backup_list_resume(struct reply *reply)
{
	return reply_list(reply, command_vm_backup_list_show);
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
	.summary = "the last backup of a VM, or of each, and those that are kept by schedule",
	.detail = "For each disk: where its copy goes, KIND, the place in its CHAIN, and how much\n"
		  "is COPIED, OF how much, of all disks of that backup. A VM with the key\n"
		  "`backup` has a line with the store, `planned` or `failed`, and one for each\n"
		  "backup that is `kept` there: its name ends with the moment that `disk\n"
		  "restore` takes.",
	.example = "vm backup list alpha",
	.keys = "name disk target kind number state copied_bytes all_bytes problem moment",
	.run = command_vm_backup_list_run,
	.maximum = 1,
	.completion = COMPLETE_VM);
