/* SPDX-License-Identifier: MIT */
/*
 * The commands `vm eject` and `vm insert`: take the CD out of a VM's CD-ROM drive, and put it back.
 * Run by command.c; ask the monitor, whose drive it is, through inspect.c.
 */
#include "vmm/manager/commands/inspect.h"

static const char *command_vm_eject_name(const struct vm *vm, u32 place)
{
	static char name[CONFIG_DISK_BYTES];

	return config_disk_name(&vm->config.disk[place], name);
}

static bool command_vm_eject_is_drive(const struct vm *vm, u32 place)
{
	return vm->link[place] != NULL && (vm->config.disk[place].flags & VM_DISK_CDROM) != 0;
}

/* Finds the drive with that disk; without a name, the only one. Returns false after an error. */
static bool command_vm_eject_find(struct reply *reply, const struct vm *vm, const char *disk,
				  u32 *place)
{
	char shown[40];
	u32 count = 0;

	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++) {
		if (!command_vm_eject_is_drive(vm, i) ||
		    (disk != NULL && !string_equal(disk, command_vm_eject_name(vm, i))))
			continue;
		count++;
		*place = i;
	}
	if (count == 1)
		return true;
	if (disk != NULL)
		reply_fail(reply, CODE_NOT_FOUND, "%s has no CD-ROM drive with a disk \"%s\"",
			   vm->config.name, text_show(shown, sizeof(shown), text_of(disk)));
	else if (count == 0)
		reply_fail(reply, CODE_BAD_STATE,
			   "%s has no CD-ROM drive; set disk = NAME cdrom by `vm set` while it is "
			   "stopped",
			   vm->config.name);
	else
		reply_bad(reply, "%s has %u CD-ROM drives; say whose disk is meant",
			  vm->config.name, count);
	return false;
}

static void command_vm_eject_show(struct reply *reply, const struct query_drive *drive)
{
	const struct vm *vm = vm_by_id(reply->vm_id);
	bool full = drive->full != 0;

	if (vm == NULL)
		return;
	if (drive->kept != 0) {
		reply_fail(reply, CODE_BUSY,
			   "%s keeps the medium locked; its guest was asked to eject it, try again "
			   "or eject it there",
			   reply->vm_name);
		return;
	}
	if (!reply->json) {
		reply_line(reply, "%s: %s is %s the drive", reply->vm_name,
			   command_vm_eject_name(vm, (u32)reply->asked.question.address),
			   full ? "in" : "out of");
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "name", reply->vm_name);
	json_string(&reply->object, "disk",
		    command_vm_eject_name(vm, (u32)reply->asked.question.address));
	json_bool(&reply->object, "inserted", full);
	reply_object_end(reply);
}

static bool command_vm_eject_resume(struct reply *reply)
{
	const struct query_drive *drive;
	const struct vm_answer *answer;

	if (!inspect_take(reply, &answer))
		return false;
	drive = answer != NULL ? inspect_data(reply, answer, sizeof(*drive)) : NULL;
	if (drive != NULL)
		command_vm_eject_show(reply, drive);
	return true;
}

static void command_vm_eject_ask(struct reply *reply, const struct arguments *arguments, u32 flags)
{
	const struct vm *vm = command_vm(reply, arguments->word[0]);
	struct query question = {.kind = QUERY_DRIVE, .flags = flags};
	u32 place = 0;

	if (vm == NULL ||
	    !command_vm_eject_find(reply, vm, arguments->count > 1 ? arguments->word[1] : NULL,
				   &place))
		return;
	question.address = place;
	inspect_ask(reply, vm, &question);
	reply->resume = command_vm_eject_resume;
}

static void command_vm_eject(struct reply *reply, const struct arguments *arguments)
{
	command_vm_eject_ask(reply, arguments, 0);
}

COMMAND(vm_eject,
	.name = "vm eject",
	.right = MAY_OPERATE,
	.arguments = "NAME [DISK]",
	.summary = "takes the medium out of a VM's CD-ROM drive",
	.detail = "A guest that uses it has locked the drive: it is asked to eject the medium, and "
		  "the\ncommand fails until it has. DISK says which drive, if there are several. "
		  "After a\n`vm start` the medium is in again.",
	.example = "vm eject web",
	.keys = "name disk inserted",
	.run = command_vm_eject,
	.minimum = 1,
	.maximum = 2,
	.audited = true,
	.changes = true,
	.completion = COMPLETE_VM);

static void command_vm_insert(struct reply *reply, const struct arguments *arguments)
{
	command_vm_eject_ask(reply, arguments, QUERY_AIM);
}

COMMAND(vm_insert,
	.name = "vm insert",
	.right = MAY_OPERATE,
	.arguments = "NAME [DISK]",
	.summary = "puts the medium back into a VM's CD-ROM drive",
	.detail = "DISK says which drive, if there are several.",
	.example = "vm insert web",
	.keys = "name disk inserted",
	.run = command_vm_insert,
	.minimum = 1,
	.maximum = 2,
	.audited = true,
	.changes = true,
	.completion = COMPLETE_VM);
