/* SPDX-License-Identifier: MIT */
/*
 * The command `vm clone`: begins another VM in the state of a snapshot. Run by command.c;
 * vm_create.c makes the clone.
 */
#include "vmm/manager/commands/vm_snapshot.h"
#include "vmm/manager/net/net.h"
#include "vmm/rt/format.h"

static void command_vm_clone_show(struct reply *reply, const struct vm *vm)
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

/* Waits until the clone runs, or its monitor has said why it cannot. */
static bool command_vm_clone_resume(struct reply *reply)
{
	const struct vm *vm = vm_by_id(reply->vm_id);

	if (vm == NULL) {
		reply_error(reply, "VM %s: %s", reply->vm_name, vm_refusal(reply->vm_id));
		return true;
	}
	if (vm_is_ending(vm) && (vm->state == VM_CREATED || vm_is_new(vm))) {
		command_vm_wait_on(reply);
		return false;
	}
	if (vm->state == VM_CREATED)
		return command_vm_given_up(reply, vm);
	command_vm_clone_show(reply, vm);
	return true;
}

/* Finds the snapshot of NAME@SNAP. */
static struct vm_snapshot *command_vm_clone_find(struct reply *reply, const char *word,
						 struct vm **vm)
{
	const char *at = strchr(word, '@');
	char name[CONFIG_NAME_BYTES];
	char shown[40];

	if (at == NULL ||
	    !text_copy(name, sizeof(name), (struct text){word, (size_t)(at - word)})) {
		reply_bad(reply, "\"%s\" is not valid; use NAME@SNAP",
			  text_show(shown, sizeof(shown), text_of(word)));
		return NULL;
	}
	*vm = command_vm(reply, name);
	return *vm != NULL ? command_snapshot(reply, *vm, at + 1) : NULL;
}

/* Writes the names of all networks: "lan, test". */
static void command_vm_clone_net_names(char *text, size_t size)
{
	const struct net *net;
	size_t length = 0;

	format(text, size, "none");
	for (u32 i = 0; (net = net_at(i)) != NULL && length < size; i++)
		if (net->config->section.declared)
			length += format(text + length, size - length, "%s%s",
					 length > 0 ? ", " : "", net->config->section.name);
}

/* Returns a network's number as in vm_net.number, or 0 if none has that name. */
static u8 command_vm_clone_find_net(const char *name)
{
	const struct net *net;

	for (u32 i = 0; (net = net_at(i)) != NULL; i++)
		if (net->config->section.declared && string_equal(net->config->section.name, name))
			return (u8)(i + 1);
	return 0;
}

static u32 command_vm_clone_card_count(const struct vm *vm)
{
	u32 count = 0;

	while (count < CONFIG_VM_NET_MAX && vm->config.net[count].number != 0)
		count++;
	return count;
}

/* Takes the words net=NAME, in the order of the VM's cards. */
static bool command_vm_clone_find_nets(struct reply *reply, const struct arguments *arguments,
				       const struct vm *from, struct vm_clone_nets *nets)
{
	u32 count = arguments->count - 2;
	char names[CONFIG_NET_MAX * CONFIG_NAME_BYTES];
	char shown[40];

	if (count > command_vm_clone_card_count(from)) {
		reply_bad(reply,
			  "%u networks are too many; give at most %u, one for each card of %s",
			  count, command_vm_clone_card_count(from), from->config.name);
		return false;
	}
	for (u32 i = 0; i < count; i++) {
		const char *word = arguments->word[i + 2];
		bool is_net = strncmp(word, "net=", 4) == 0;

		nets->number[i] = is_net ? command_vm_clone_find_net(word + 4) : 0;
		if (nets->number[i] != 0)
			continue;
		text_show(shown, sizeof(shown), text_of(is_net ? word + 4 : word));
		command_vm_clone_net_names(names, sizeof(names));
		if (is_net)
			reply_bad(reply, "there is no network \"%s\"; the networks are %s", shown,
				  names);
		else
			reply_bad(reply, "\"%s\" is not valid; use net=NAME", shown);
		return false;
	}
	return true;
}

static void command_vm_clone_run(struct reply *reply, const struct arguments *arguments)
{
	const char *name = arguments->word[1];
	const struct vm_snapshot *snapshot;
	struct vm_clone_nets nets = {0};
	struct vm *from;
	struct vm *vm;
	char problem[256];
	char shown[40];

	snapshot = command_vm_clone_find(reply, arguments->word[0], &from);
	if (snapshot == NULL)
		return;
	if (!config_name_valid(text_of(name))) {
		reply_bad(reply, "the name \"%s\" is not valid; use " CONFIG_NAME_ALLOWED,
			  text_show(shown, sizeof(shown), text_of(name)));
		return;
	}
	if (!command_vm_clone_find_nets(reply, arguments, from, &nets))
		return;
	if (vm_busy(from)) {
		reply_fail(reply, CODE_BUSY, "%s is still busy with the last command, try again",
			   from->config.name);
		return;
	}
	vm = vm_clone(from, snapshot, name, &nets, problem, sizeof(problem));
	if (vm == NULL)
		reply_fail(reply, vm_find(name) != NULL ? CODE_EXISTS : CODE_FAILED, "VM %s: %s",
			   name, problem);
	else
		command_vm_await_monitor(reply, vm, command_vm_clone_resume);
}

COMMAND(vm_clone,
	.name = "vm clone",
	.right = MAY_OPERATE,
	.arguments = "NAME@SNAP NEW [net=NAME...]",
	.summary = "begins another VM as one was at a snapshot",
	.detail = "It has the configuration of the first under its own name, its own UUID and its\n"
		  "own memory, of which only what it writes to is taken. Its cards have other\n"
		  "addresses, and no link until the guest's drivers begin anew. One for which\n"
		  "net= names another network has the address that the guest knows, and is up.\n"
		  "Disks that the first may write to it sees as they were at the last snapshot;\n"
		  "what it writes to them is its own, up to `disk.undo` of each, and ends with it.",
	.example = "vm clone alpha@ready beta net=test",
	.keys = "name state uuid",
	.run = command_vm_clone_run,
	.minimum = 2,
	.maximum = 2 + CONFIG_VM_NET_MAX,
	.changes = true,
	.audited = true,
	.completion = COMPLETE_SNAPSHOT);
