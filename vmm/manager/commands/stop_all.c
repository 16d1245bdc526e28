/* SPDX-License-Identifier: MIT */
/*
 * Stops all VMs, then the host. Called by `poweroff` and `reboot`. Acts on VMs through vm_act, as
 * `vm stop` does.
 */
#include "vmm/manager/commands/stop_all.h"

static bool command_stop_all_is_up(const struct vm *vm)
{
	return vm_is_up(vm) || (vm_is_ending(vm) && !vm_is_kept(vm));
}

static u32 command_stop_all_count_up(void)
{
	u32 count = 0;

	VM_FOR_EACH(vm) {
		count += command_stop_all_is_up(vm);
	}
	return count;
}

/*
 * Asks each VM to stop, and asks busy VMs again in the next turn; stops the host once all VMs have
 * stopped.
 */
static bool command_stop_all_resume(struct reply *reply)
{
	char problem[256];

	VM_FOR_EACH(vm) {
		if (command_stop_all_is_up(vm) && !vm_is_ending(vm) &&
		    (vm->operation[OPERATION_STOP].phase == STOP_NONE || vm->state == VM_PAUSED))
			(void)vm_act(vm, ACTION_STOP, problem, sizeof(problem));
	}
	if (command_stop_all_count_up() > 0)
		return false;
	reply->resume = NULL;
	shutdown_run(reply, reply->action);
	return reply->resume == NULL;
}

void stop_all_run(struct reply *reply, const struct arguments *arguments, enum shutdown what)
{
	u32 count = command_stop_all_count_up();
	char shown[40];

	if (arguments->count > 0 && !string_equal(arguments->word[0], "now")) {
		reply_bad(reply, "\"%s\" is not valid; use now, or nothing",
			  text_show(shown, sizeof(shown), text_of(arguments->word[0])));
		return;
	}
	if (arguments->count > 0 || count == 0) {
		shutdown_run(reply, what);
		return;
	}
	if (!reply->json)
		reply_line(reply, "Stopping %u VM%s first, each within its stop_timeout.%s", count,
			   count == 1 ? "" : "s",
			   reply->to->terminal ? " Ctrl-C: the host stays on." : "");
	reply->lasting = true;
	reply->action = (u8)what;
	reply->resume = command_stop_all_resume;
}
