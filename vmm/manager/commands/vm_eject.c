/* SPDX-License-Identifier: MIT */
/*
 * The commands `vm eject` and `vm insert`: take the CD out of a VM's CD-ROM drive, put it back, or
 * put in another one. Run by command.c; ask the monitor, whose drive it is, through inspect.c, and
 * leave another CD to vm_media.c.
 */
#include "lib/string.h"
#include "vmm/manager/commands/inspect.h"
#include "vmm/manager/config/config_lists.h"
#include "vmm/manager/vm/disks/vm_volume.h"
#include "vmm/manager/vm/operation/media/vm_media.h"
#include "vmm/rt/format.h"

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

/* Writes which medium is in the drive of that VM's disk, or was taken out of it. */
static void command_vm_eject_tell(struct reply *reply, const struct vm *vm, u32 place, bool full)
{
	const char *disk = command_vm_eject_name(vm, place);

	if (!reply->json) {
		reply_line(reply, "%s: %s is %s the drive", vm->config.name, disk,
			   full ? "in" : "out of");
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "name", vm->config.name);
	json_string(&reply->object, "disk", disk);
	json_bool(&reply->object, "inserted", full);
	reply_object_end(reply);
}

static void command_vm_eject_show(struct reply *reply, const struct query_drive *drive)
{
	const struct vm *vm = vm_by_id(reply->vm_id);

	if (vm == NULL)
		return;
	if (drive->kept != 0) {
		reply_fail(reply, CODE_BUSY,
			   "%s keeps the medium locked; its guest was asked to eject it, try again "
			   "or eject it there",
			   reply->vm_name);
		return;
	}
	command_vm_eject_tell(reply, vm, (u32)reply->asked.question.address, drive->full != 0);
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
	if (vm->operation[OPERATION_MEDIA].phase != MEDIA_NONE) {
		/* in between, the guest would take the new medium for the old one */
		reply_fail(reply, CODE_BUSY, "%s is given another medium at this moment, try again",
			   vm->config.name);
		return;
	}
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

/* Reads the name of a disk or volume as that of a CD; returns false after writing an error. */
static bool command_vm_insert_read(struct reply *reply, const char *name, struct vm_disk *disk)
{
	struct vm_disk disks[CONFIG_VM_DISK_MAX] = {{.number = 0}};
	char text[CONFIG_DISK_BYTES + 8];
	char shown[40];

	vm_volumes_forget_names();
	if (strlen(name) < CONFIG_DISK_BYTES) {
		format(text, sizeof(text), "%s cdrom", name);
		if (config_parse_disks(text_of(text), disks) && disks[1].number == 0 &&
		    (disks[0].flags & ~VM_DISK_VOLUME) == (VM_DISK_CDROM | VM_DISK_READ_ONLY)) {
			*disk = disks[0];
			return true;
		}
	}
	reply_bad(reply, "medium=%s is not valid; use the name of a disk, or STORE/VOLUME",
		  text_show(shown, sizeof(shown), text_of(name)));
	return false;
}

static bool command_vm_insert_resume(struct reply *reply)
{
	const struct vm *vm = command_vm_kept(reply);

	if (vm == NULL)
		return true;
	if (vm->operation[OPERATION_MEDIA].phase != MEDIA_NONE)
		return false;
	if (vm->operation[OPERATION_MEDIA].problem[0] != '\0')
		command_vm_not_done(reply, vm, "given another medium",
				    vm->operation[OPERATION_MEDIA].problem);
	else
		command_vm_eject_tell(reply, vm, vm->media.place, true);
	return true;
}

/* Puts another medium into the drive that has `disk`, or into the only one. */
static void command_vm_insert_other(struct reply *reply, const char *name, const char *disk,
				    const char *medium)
{
	struct vm *vm = command_vm(reply, name);
	struct vm_media_wish wish = {.place = 0};
	char problem[VM_PROBLEM_BYTES];

	if (vm == NULL || !reply_may(reply, MAY_CONFIGURE) ||
	    !command_vm_insert_read(reply, medium, &wish.disk) ||
	    !command_vm_eject_find(reply, vm, disk, &wish.place))
		return;
	if (vm_media_change(vm, &wish, problem, sizeof(problem)))
		command_vm_wait(reply, vm, command_vm_insert_resume);
	else
		command_vm_not_done(reply, vm, "given another medium", problem);
}

static void command_vm_insert(struct reply *reply, const struct arguments *arguments)
{
	static const char key[] = "medium=";
	const char *last = arguments->word[arguments->count - 1];

	if (arguments->count > 1 && memcmp(last, key, MIN(strlen(last) + 1, strlen(key))) == 0)
		command_vm_insert_other(reply, arguments->word[0],
					arguments->count > 2 ? arguments->word[1] : NULL,
					last + strlen(key));
	else if (arguments->count > 2)
		reply_bad(reply, "%s", "the last word has to be medium=NAME");
	else if (reply_may(reply, MAY_OPERATE))
		command_vm_eject_ask(reply, arguments, QUERY_AIM);
}

COMMAND(vm_insert,
	.name = "vm insert",
	.right = MAY_OPERATE | MAY_CONFIGURE,
	.arguments = "NAME [DISK] [medium=NAME]",
	.summary = "puts the medium back into a VM's CD-ROM drive, or another one",
	.detail = "DISK says which drive, by its present disk, if there are several. medium=NAME\n"
		  "puts in another disk, or STORE/VOLUME, while the VM runs or is paused, has no\n"
		  "snapshots, and its guest does not keep the drive locked.",
	.example = "vm insert web medium=pool/extras",
	.keys = "name disk inserted",
	.run = command_vm_insert,
	.minimum = 1,
	.maximum = 3,
	.audited = true,
	.changes = true,
	.completion = COMPLETE_VM);
