/* SPDX-License-Identifier: MIT */
#include "lib/format.h"
#include "vmm/manager/commands/commands.h"
#include "vmm/rt/clock.h"

/* A monitor that loads a large guest on an emulated CPU takes seconds. */
#define ANSWER_NS (60 * NS_PER_S)
#define LAST_PAGES_NS (20 * NS_PER_MS)

static void show(struct reply *reply, const char *name, const char *state, const char *reason)
{
	if (!reply->json) {
		reply_line(reply, "%s: %s%s%s", name, state, reason[0] != '\0' ? ": " : "", reason);
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "name", name);
	json_string(&reply->object, "state", state);
	json_string(&reply->object, "reason", reason);
	reply_object_end(reply);
}

/* Waits for the monitor to have done what it was told. */
static bool resume_action(struct reply *reply)
{
	struct vm *vm = vm_by_id(reply->vm_id);

	if (vm == NULL) {
		reply_error(reply, "%s was destroyed meanwhile", reply->vm_name);
		return true;
	}
	if (!vm_busy(vm) || (vm->dying && vm->after == AFTER_NOTHING)) {
		if (vm->state == VM_CRASHED)
			reply_error(reply, "%s crashed: %s", vm->config.name, vm->reason);
		else
			show(reply, vm->config.name, vm_state_name(vm->state), vm->reason);
		return true;
	}
	if (clock_tsc() < reply->deadline_tsc)
		return false;
	reply_error(reply, "the monitor of %s does not answer, `vm destroy %s` ends it",
		    vm->config.name, vm->config.name);
	return true;
}

/* The kernel returns the last pages when each CPU has been through its loop once more. */
static bool resume_destroy(struct reply *reply)
{
	if (vm_by_id(reply->vm_id) != NULL)
		return false;
	if (reply->deadline_tsc == 0)
		reply->deadline_tsc = clock_tsc() + clock_ns_to_tsc(LAST_PAGES_NS);
	if (clock_tsc() < reply->deadline_tsc)
		return false;
	show(reply, reply->vm_name, "destroyed", "");
	return true;
}

static void act(struct reply *reply, const struct arguments *arguments, enum vm_action action)
{
	struct vm *vm = command_vm(reply, arguments->word[0]);
	char problem[256];

	if (vm == NULL)
		return;
	reply->vm_id = vm->id;
	string_copy(reply->vm_name, sizeof(reply->vm_name), vm->config.name);
	if (!vm_act(vm, action, problem, sizeof(problem))) {
		reply_error(reply, "%s", problem);
		return;
	}
	reply->resume = action == ACTION_DESTROY ? resume_destroy : resume_action;
	if (action != ACTION_DESTROY)
		reply->deadline_tsc = clock_tsc() + clock_ns_to_tsc(ANSWER_NS);
}

void command_vm_start(struct reply *reply, const struct arguments *arguments)
{
	act(reply, arguments, ACTION_START);
}

void command_vm_pause(struct reply *reply, const struct arguments *arguments)
{
	act(reply, arguments, ACTION_PAUSE);
}

void command_vm_resume(struct reply *reply, const struct arguments *arguments)
{
	act(reply, arguments, ACTION_RESUME);
}

void command_vm_reset(struct reply *reply, const struct arguments *arguments)
{
	act(reply, arguments, ACTION_RESET);
}

void command_vm_stop(struct reply *reply, const struct arguments *arguments)
{
	act(reply, arguments, ACTION_STOP);
}

void command_vm_destroy(struct reply *reply, const struct arguments *arguments)
{
	act(reply, arguments, ACTION_DESTROY);
}

void command_vm_console(struct reply *reply, const struct arguments *arguments)
{
	const struct vm *vm;

	if (!reply_has_terminal(reply))
		return;
	vm = command_vm(reply, arguments->word[0]);
	if (vm != NULL)
		reply->attach_id = vm->id;
}

COMMAND(vm_start,
	.name = "vm start",
	.arguments = "NAME",
	.summary = "boots a created, stopped or crashed VM",
	.detail = "A VM that has run before boots afresh, with a new monitor.",
	.example = "vm start alpha",
	.keys = "name state reason",
	.run = command_vm_start,
	.minimum = 1,
	.maximum = 1,
	.completion = COMPLETE_VM);

COMMAND(vm_pause,
	.name = "vm pause",
	.arguments = "NAME",
	.summary = "stops a running VM's time",
	.detail = "Its clocks stand still until `vm resume`, but for the RTC.",
	.example = "vm pause alpha",
	.keys = "name state reason",
	.run = command_vm_pause,
	.minimum = 1,
	.maximum = 1,
	.completion = COMPLETE_VM);

COMMAND(vm_resume,
	.name = "vm resume",
	.arguments = "NAME",
	.summary = "continues a paused VM",
	.example = "vm resume alpha",
	.keys = "name state reason",
	.run = command_vm_resume,
	.minimum = 1,
	.maximum = 1,
	.completion = COMPLETE_VM);

COMMAND(vm_reset,
	.name = "vm reset",
	.arguments = "NAME",
	.summary = "resets a running or paused VM, as its reset button would",
	.example = "vm reset alpha",
	.keys = "name state reason",
	.run = command_vm_reset,
	.minimum = 1,
	.maximum = 1,
	.completion = COMPLETE_VM);

COMMAND(vm_stop,
	.name = "vm stop",
	.arguments = "NAME",
	.summary = "presses the power button, ends the guest after stop_timeout",
	.detail = "A paused guest cannot react and is ended at once.",
	.example = "vm stop alpha",
	.keys = "name state reason",
	.run = command_vm_stop,
	.minimum = 1,
	.maximum = 1,
	.completion = COMPLETE_VM);

COMMAND(vm_destroy,
	.name = "vm destroy",
	.arguments = "NAME",
	.summary = "ends a VM at once and returns all it had",
	.detail = "Waits until every page is back.",
	.example = "vm destroy alpha",
	.keys = "name state reason",
	.run = command_vm_destroy,
	.minimum = 1,
	.maximum = 1,
	.completion = COMPLETE_VM);

COMMAND(vm_console,
	.name = "vm console",
	.arguments = "NAME",
	.summary = "makes this terminal the guest's, Ctrl-] leaves",
	.detail = "What the guest printed while nobody looked (64 KiB at most) is shown first.",
	.example = "vm console alpha",
	.run = command_vm_console,
	.minimum = 1,
	.maximum = 1,
	.audited = true,
	.completion = COMPLETE_VM);
