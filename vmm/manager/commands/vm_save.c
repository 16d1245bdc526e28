/* SPDX-License-Identifier: MIT */
/*
 * The command `vm save`: saves a VM on a disk or in a store; also the parts that it shares with `vm
 * restore`. Run by command.c; vm_save.c does the work.
 */
#include "vmm/manager/commands/vm_save.h"
#include "vmm/manager/channel/channel_state.h"
#include "vmm/manager/disk/disk.h"
#include "vmm/manager/vm/operation/save/vm_save.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

#define PROGRESS_NS (5 * NS_PER_S)

bool vm_save_arguments(struct reply *reply, const struct arguments *arguments, struct vm **vm,
		       struct vm_save_place *place)
{
	char shown[CONFIG_NAME_BYTES];

	*place = (struct vm_save_place){.channel = NULL};
	*vm = command_vm(reply, arguments->word[0]);
	if (*vm == NULL)
		return false;
	if (string_equal(arguments->word[1], "store=channel")) {
		place->channel = reply_channel(reply);
		if (place->channel == NULL)
			return false;
		place->channel_name = place->channel->name;
		place->channel_vm_id = place->channel->on.vm_id;
		return true;
	}
	if (disk_find(arguments->word[1], &place->disk) != NULL)
		return true;
	reply_fail(reply, CODE_NOT_FOUND, "there is no disk \"%s\", `disk list` shows them",
		   text_show(shown, sizeof(shown), text_of(arguments->word[1])));
	return false;
}

void vm_save_answer_stream(struct reply *reply, const struct vm *vm)
{
	reply_object_begin(reply);
	json_string(&reply->object, "name", vm->config.name);
	json_u64(&reply->object, "stream", vm->save.transfer.number);
	reply_object_end(reply);
}

void vm_save_answer(struct reply *reply, const struct vm *vm)
{
	if (!reply->json) {
		reply_line(reply, "%s: %s%s%s", vm->config.name, vm_state_name(vm->state),
			   vm->reason[0] != '\0' ? ": " : "", vm->reason);
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "name", vm->config.name);
	json_string(&reply->object, "state", vm_state_name(vm->state));
	reply_object_end(reply);
}

void vm_save_show_progress(struct reply *reply, const struct vm *vm, const char *doing)
{
	u64 now = clock_tsc();

	if (!reply->to->terminal || reply->json || now < reply->deadline_tsc)
		return;
	if (reply->deadline_tsc != 0)
		reply_line(reply, "%s: %s, %llu MiB so far, at most %llu and its state",
			   vm->config.name, doing, (unsigned long long)(vm_save_bytes(vm) / MIB),
			   (unsigned long long)(vm->config.memory_bytes / MIB));
	reply->deadline_tsc = now + clock_ns_to_tsc(PROGRESS_NS);
}

static bool command_vm_save_resume(struct reply *reply)
{
	struct vm *vm = command_vm_kept(reply);

	if (vm == NULL)
		return true;
	if (vm->operation[OPERATION_RENEW].phase != RENEW_NONE ||
	    (vm_is_ending(vm) && !vm_is_kept(vm))) {
		vm_save_show_progress(reply, vm, "saving");
		/* not ended yet: the phases of a save have limits, the command needs none */
		return false;
	}
	if (vm->save.link != NULL && driver_of_link(vm->save.link)->life == DRIVER_LIFE_READY)
		/*
		 * not ended yet: the asker's next command may need the disk, to which the save is
		 * still linked
		 */
		return false;
	vm->answered = false;
	if (vm->operation[OPERATION_RENEW].problem[0] != '\0')
		reply_error(reply, "%s: not saved: %s", vm->config.name,
			    vm->operation[OPERATION_RENEW].problem);
	else
		vm_save_answer(reply, vm);
	return true;
}

/* Reads the words that follow the VM's name and the disk or store of the save. */
static bool command_vm_save_take_words(struct reply *reply, const struct arguments *arguments,
				       struct vm_save_place *place)
{
	char shown[CONFIG_NAME_BYTES];

	for (u32 i = 2; i < arguments->count; i++) {
		const char *word = arguments->word[i];

		if (place->channel == NULL && string_equal(word, "overwrite")) {
			place->overwrite = true;
		} else if (string_equal(word, "continue")) {
			place->goes_on = true;
		} else {
			reply_bad(reply, "\"%s\" is not valid; use %scontinue",
				  text_show(shown, sizeof(shown), text_of(word)),
				  place->channel == NULL ? "overwrite or " : "");
			return false;
		}
	}
	return true;
}

static void command_vm_save(struct reply *reply, const struct arguments *arguments)
{
	struct vm_save_place place;
	char problem[256];
	struct vm *vm;

	if (!vm_save_arguments(reply, arguments, &vm, &place))
		return;
	if (!command_vm_save_take_words(reply, arguments, &place))
		return;
	if (!vm_save(vm, &place, problem, sizeof(problem))) {
		command_vm_not_done(reply, vm, "saved", problem);
		return;
	}
	if (place.channel != NULL) {
		vm_save_answer_stream(reply, vm);
		return;
	}
	vm->answered = reply->to->terminal;
	command_vm_wait(reply, vm, command_vm_save_resume);
}

COMMAND(vm_save,
	.name = "vm save",
	.right = MAY_OPERATE,
	.arguments = "NAME DISK [overwrite] [continue] | NAME store=channel [continue]",
	.summary = "saves a running or paused VM on a disk, and ends it or goes on",
	.detail = "State and RAM go to the disk, encrypted with the key state_key of [host]; the\n"
		  "guest stands still meanwhile. Then the VM is stopped, and `vm restore` goes\n"
		  "on with it, also after a boot of the host, if the disks that it may write to\n"
		  "hold what they held. When it cannot be saved, its guest goes on; with\n"
		  "`continue` it does in any case. A disk that holds anything but a save needs\n"
		  "`overwrite`.\n"
		  "With store=channel they go to the program at the machine channel that the\n"
		  "command came from, as a stream. The VM ends once that has confirmed all.",
	.example = "vm save alpha saves",
	.keys = "name state, or with store=channel name stream",
	.run = command_vm_save,
	.minimum = 2,
	.maximum = 4,
	.changes = true,
	.audited = true,
	.completion = COMPLETE_VM);
