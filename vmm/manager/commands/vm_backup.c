/* SPDX-License-Identifier: MIT */
/*
 * The command `vm backup`: begins to copy disks of a VM while it runs. Run by command.c;
 * vm_backup.c does the work.
 */
#include "lib/string.h"
#include "vmm/manager/command/command.h"
#include "vmm/manager/commands/quiesce.h"
#include "vmm/manager/commands/volume.h"
#include "vmm/manager/disk/disk.h"
#include "vmm/manager/vm/vm_handover.h"
#include "vmm/manager/vm/operation/backup/vm_backup.h"
#include "vmm/rt/format.h"

static void command_vm_backup_answer(struct reply *reply, const struct vm *vm)
{
	u64 held_us = vm_handover_held_ns(vm) / NS_PER_US;
	char frozen[120];

	if (vm->backup.failed) {
		reply_error(reply, "%s: no backup: %s", vm->config.name,
			    vm->operation[OPERATION_BACKUP].problem);
		return;
	}
	if (!reply->json) {
		reply_line(reply,
			   "%s: backup begun, its guest stood still for %llu us%s; `vm backup "
			   "list` shows how far it is",
			   vm->config.name, (unsigned long long)held_us,
			   command_quiesce_text(vm, frozen, sizeof(frozen)));
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "name", vm->config.name);
	json_string(&reply->object, "state", vm_state_name(vm->state));
	json_u64(&reply->object, "held_us", held_us);
	command_quiesce_json(&reply->object, vm);
	reply_object_end(reply);
}

static bool command_vm_backup_resume(struct reply *reply)
{
	const struct vm *vm = command_vm_kept(reply);

	if (vm == NULL)
		return true;
	if (vm_backup_holds(vm))
		/* not ended yet: the phases of a backup have limits, the command needs none */
		return false;
	command_vm_backup_answer(reply, vm);
	return true;
}

/* Returns the index of the VM's disk of that name (DISK or STORE/VOLUME), or CONFIG_VM_DISK_MAX. */
static u32 command_vm_backup_place_of(const struct vm *vm, struct text name)
{
	for (u32 i = 0; i < CONFIG_VM_DISK_MAX && vm->config.disk[i].number != 0; i++) {
		char has[CONFIG_DISK_BYTES];

		if (text_equal(name, config_disk_name(&vm->config.disk[i], has)))
			return i;
	}
	return CONFIG_VM_DISK_MAX;
}

/* Returns whether the word "state" means the VM's state: the VM may have a disk named "state". */
static bool command_vm_backup_is_state(const struct vm *vm, struct text name)
{
	return text_equal(name, "state") &&
	       command_vm_backup_place_of(vm, name) == CONFIG_VM_DISK_MAX;
}

/* Reads a word DISK=TARGET or state=TARGET, which names the target for a disk or for the state. */
static bool command_vm_backup_take_pair(struct reply *reply, const struct vm *vm, const char *word,
					struct vm_backup_wish *wish)
{
	const char *equals = strchr(word, '=');
	struct text name = {word, equals != NULL ? (size_t)(equals - word) : 0};
	char shown[CONFIG_NAME_BYTES];
	struct store_volume volume;
	u32 place, target = 0;
	struct text rest;

	if (equals == NULL) {
		reply_bad(reply, "\"%s\" is not valid; use DISK=TARGET, and `overwrite` at the end",
			  text_show(shown, sizeof(shown), text_of(word)));
		return false;
	}
	place = command_vm_backup_place_of(vm, name);
	if (command_vm_backup_is_state(vm, name)
		    ? wish->state
		    : place == CONFIG_VM_DISK_MAX || wish->chosen[place]) {
		reply_fail(reply, CODE_NOT_FOUND,
			   "%s: the disk \"%s\" is unknown or named twice; name each disk of the "
			   "VM once, and state",
			   vm->config.name, text_show(shown, sizeof(shown), name));
		return false;
	}
	if (place != CONFIG_VM_DISK_MAX && strchr(equals + 1, '/') != NULL) {
		/* writing to a volume needs the right to the content of volumes */
		if (!reply_may(reply, MAY_CONTENT) ||
		    command_volume(reply, equals + 1, &rest, &volume) == NULL)
			return false;
	} else if (disk_find(equals + 1, &target) == NULL) {
		reply_fail(reply, CODE_NOT_FOUND, "there is no disk \"%s\", `disk list` shows them",
			   text_show(shown, sizeof(shown), text_of(equals + 1)));
		return false;
	}
	if (place == CONFIG_VM_DISK_MAX) {
		wish->state = true;
		wish->state_place = target;
		return true;
	}
	wish->chosen[place] = true;
	string_copy(wish->target[place], CONFIG_DISK_BYTES, equals + 1);
	return true;
}

static bool command_vm_backup_take_wish(struct reply *reply, const struct vm *vm,
					const struct arguments *arguments,
					struct vm_backup_wish *wish)
{
	u32 count = arguments->count;
	char shown[CONFIG_NAME_BYTES];

	if (string_equal(arguments->word[1], "full")) {
		wish->kind = BACKUP_FULL;
	} else if (string_equal(arguments->word[1], "diff")) {
		wish->kind = BACKUP_DIFF;
	} else {
		reply_bad(reply, "\"%s\" is not valid; use full or diff",
			  text_show(shown, sizeof(shown), text_of(arguments->word[1])));
		return false;
	}
	wish->quiesce = vm->config.quiesce != 0;
	wish->overwrite = string_equal(arguments->word[count - 1], "overwrite");
	for (u32 i = 2; i < count - wish->overwrite; i++) {
		if (command_quiesce_word(arguments->word[i], &wish->quiesce))
			continue;
		if (!command_vm_backup_take_pair(reply, vm, arguments->word[i], wish))
			return false;
	}
	return true;
}

static void command_vm_backup_run(struct reply *reply, const struct arguments *arguments)
{
	struct vm *vm = command_vm(reply, arguments->word[0]);
	struct vm_backup_wish wish = {.overwrite = false};
	char problem[256];

	if (vm == NULL || !command_vm_backup_take_wish(reply, vm, arguments, &wish))
		return;
	if (vm_backup(vm, &wish, problem, sizeof(problem)))
		command_vm_wait(reply, vm, command_vm_backup_resume);
	else
		reply_fail(reply, vm_busy(vm) ? CODE_BUSY : CODE_BAD_STATE, "%s: no backup: %s",
			   vm->config.name, problem);
}

COMMAND(vm_backup,
	.name = "vm backup",
	.right = MAY_OPERATE,
	.arguments = "NAME full|diff DISK=TARGET... [state=TARGET] [quiesce=yes|no] [overwrite]",
	.summary = "begins to copy disks of a running or paused VM, as they are now",
	.detail = "Its guest stands still for a moment and then goes on writing. Each DISK is\n"
		  "one of the VM's, each TARGET another disk; both may be STORE/VOLUME. `full`\n"
		  "copies all of a disk, `diff` the blocks that have changed since the last\n"
		  "backup, after a full one in the same life of the VM: up to 8 in a chain. An\n"
		  "event says how it has ended. A target that holds anything needs `overwrite`.\n"
		  "With `state` its RAM and state are saved, at the same moment, as `vm save`\n"
		  "does, and its guest stands still until they are. With quiesce=yes and without\n"
		  "`state` QEMU's guest agent freezes the guest's file systems for it, if it\n"
		  "answers within 5 s.\n"
		  "`disk restore` writes a disk from backups. A volume as TARGET needs the right\n"
		  "content.",
	.example = "vm backup alpha full data=vault",
	.keys = "name state held_us frozen not_frozen",
	.run = command_vm_backup_run,
	.minimum = 3,
	.maximum = COMMAND_WORDS_MAX,
	.changes = true,
	.audited = true,
	.completion = COMPLETE_VM);
