/* SPDX-License-Identifier: MIT */
#include "vmm/manager/commands/vm_act.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

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

static void show_vm(struct reply *reply, const struct vm *vm)
{
	char reason[80];
	u64 now = clock_tsc();

	if (vm->state != VM_RUNNING || vm->stop_deadline_tsc <= now) {
		show(reply, vm->config.name, vm_state_name(vm->state), vm->reason);
		return;
	}
	format(reason, sizeof(reason), "power button pressed, %llu s left to power off",
	       (unsigned long long)((clock_tsc_to_ns(vm->stop_deadline_tsc - now) + NS_PER_S - 1) /
				    NS_PER_S));
	show(reply, vm->config.name, vm_state_name(vm->state), reason);
}

/* Waits for the monitor to have done what it was told. */
static bool resume_action(struct reply *reply)
{
	struct vm *vm = command_vm_kept(reply);

	if (vm == NULL)
		return true;
	if (!vm_busy(vm) || (vm->dying && vm->after == AFTER_NOTHING)) {
		vm_channel_signalled(vm); /* that it has obeyed may be known before its new state */
		vm->answered = false;
		if (vm->state == VM_CRASHED)
			reply_error(reply, "%s: crashed: %s", vm->config.name, vm->reason);
		else
			show_vm(reply, vm);
		return true;
	}
	if (!command_vm_given_up(reply, vm))
		return false;
	vm->answered = false;
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

void vm_act_run(struct reply *reply, const struct arguments *arguments, enum vm_action action)
{
	struct vm *vm = command_vm(reply, arguments->word[0]);
	char problem[256];

	if (vm == NULL)
		return;
	vm->answered = reply->to->terminal && action != ACTION_DESTROY;
	if (!vm_act(vm, action, problem, sizeof(problem))) {
		vm->answered = false;
		reply_error(reply, "%s", problem);
		return;
	}
	if (action != ACTION_DESTROY) {
		command_vm_wait(reply, vm, resume_action);
		return;
	}
	command_vm_keep(reply, vm);
	reply->resume = resume_destroy;
}
