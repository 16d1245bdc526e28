/* SPDX-License-Identifier: MIT */
#include "vmm/manager/commands/vm_snapshot.h"
#include "vmm/rt/format.h"

static void show(struct reply *reply, const struct vm *vm)
{
	const struct vm *from = vm_by_id(vm->clone_of);

	if (!reply->json) {
		reply_line(reply, "%s: %s, a clone of %s", vm->config.name,
			   vm_state_name(vm->state), from != NULL ? from->config.name : "none");
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "name", vm->config.name);
	json_string(&reply->object, "state", vm_state_name(vm->state));
	json_string(&reply->object, "uuid", vm->uuid);
	reply_object_end(reply);
}

/* Until it runs, or its monitor has said why it cannot. */
static bool resume_clone(struct reply *reply)
{
	const struct vm *vm = vm_by_id(reply->vm_id);

	if (vm == NULL) {
		reply_error(reply, "VM %s: %s", reply->vm_name, vm_refusal(reply->vm_id));
		return true;
	}
	if (vm->state == VM_CREATED || (vm->dying && vm->fresh))
		return vm->dying ? false : command_vm_given_up(reply, vm);
	show(reply, vm);
	return true;
}

/* NAME@SNAP */
static struct vm_snapshot *find(struct reply *reply, const char *word, struct vm **vm)
{
	const char *at = strchr(word, '@');
	char name[CONFIG_NAME_BYTES];
	char shown[40];

	if (at == NULL ||
	    !text_copy(name, sizeof(name), (struct text){word, (size_t)(at - word)})) {
		reply_bad(reply, "found \"%s\", allowed: NAME@SNAP",
			  text_show(shown, sizeof(shown), text_of(word)));
		return NULL;
	}
	*vm = command_vm(reply, name);
	return *vm != NULL ? command_snapshot(reply, *vm, at + 1) : NULL;
}

static void run(struct reply *reply, const struct arguments *arguments)
{
	const char *name = arguments->word[1];
	const struct vm_snapshot *snapshot;
	struct vm *from;
	struct vm *vm;
	char problem[256];
	char shown[40];

	snapshot = find(reply, arguments->word[0], &from);
	if (snapshot == NULL)
		return;
	if (!config_name_valid(text_of(name))) {
		reply_bad(reply, "found the name \"%s\", allowed: " CONFIG_NAME_ALLOWED,
			  text_show(shown, sizeof(shown), text_of(name)));
		return;
	}
	if (vm_busy(from)) {
		reply_fail(reply, CODE_BUSY, "%s is still busy with the last command, try again",
			   from->config.name);
		return;
	}
	vm = vm_clone(from, snapshot, name, problem, sizeof(problem));
	if (vm == NULL)
		reply_fail(reply, vm_find(name) != NULL ? CODE_EXISTS : CODE_FAILED, "VM %s: %s",
			   name, problem);
	else
		command_vm_wait(reply, vm, resume_clone);
}

COMMAND(vm_clone,
	.name = "vm clone",
	.right = MAY_OPERATE,
	.arguments = "NAME@SNAP NEW",
	.summary = "begins another VM as one was at a snapshot",
	.detail = "It has the configuration of the first under its own name, its own UUID and its\n"
		  "own memory, of which only what it writes to is taken. Its cards have other\n"
		  "addresses, and no link until the guest's drivers begin anew.",
	.example = "vm clone alpha@ready beta",
	.keys = "name state uuid",
	.run = run,
	.minimum = 2,
	.maximum = 2,
	.changes = true,
	.audited = true,
	.completion = COMPLETE_SNAPSHOT);
