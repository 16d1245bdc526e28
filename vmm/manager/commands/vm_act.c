/* SPDX-License-Identifier: MIT */
/*
 * Implements the commands of a VM's life (start, stop, pause, ...): choose VMs by name or pattern,
 * act on each, and wait. Called by these commands; vm/process/vm_act.c acts.
 */
#include "vmm/manager/commands/vm_act.h"
#include "vmm/manager/vm/vm_life.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

#define LAST_PAGES_NS (20 * NS_PER_MS)

static void command_vm_act_show(struct reply *reply, const char *name, const char *state,
				const char *reason)
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

/*
 * Reports a failure. If several VMs are acted on, the next one follows, but the answer ends in an
 * error.
 */
static void command_vm_act_not_done(struct reply *reply, enum reply_code code, const char *pattern,
				    ...)
{
	char problem[320];
	va_list arguments;

	va_start(arguments, pattern);
	format_va(problem, sizeof(problem), pattern, arguments);
	va_end(arguments);
	if (!reply->several) {
		reply_fail(reply, code, "%s", problem);
		return;
	}
	reply->undone_count++;
	if (!reply->json) {
		reply_line(reply, "not done: %s", problem);
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "code", reply_code_name(code));
	json_string(&reply->object, "error", problem);
	reply_object_end(reply);
}

static void command_vm_act_show_vm(struct reply *reply, const struct vm *vm)
{
	char reason[80];
	const struct vm_operation *stop = &vm->operation[OPERATION_STOP];
	u64 now = clock_tsc();

	if (vm->state != VM_RUNNING || stop->phase == STOP_NONE || stop->until_tsc <= now) {
		command_vm_act_show(reply, vm->config.name, vm_state_name(vm->state), vm->reason);
		return;
	}
	format(reason, sizeof(reason), "power button pressed, %llu s left to power off",
	       (unsigned long long)((clock_tsc_to_ns(stop->until_tsc - now) + NS_PER_S - 1) /
				    NS_PER_S));
	command_vm_act_show(reply, vm->config.name, vm_state_name(vm->state), reason);
}

/*
 * Returns whether the monitor of the VM has carried out the action; if so, the answer is written.
 */
static bool command_vm_act_step_action(struct reply *reply)
{
	struct vm *vm = command_vm_kept(reply);

	if (vm == NULL)
		return true;
	if (!vm_busy(vm) || (vm_is_ending(vm) && vm->after == AFTER_NOTHING)) {
		vm->answered = false;
		if (vm->state == VM_CRASHED)
			command_vm_act_not_done(reply, CODE_FAILED, "%s: crashed: %s",
						vm->config.name, vm->reason);
		else
			command_vm_act_show_vm(reply, vm);
		return true;
	}
	if (!command_vm_given_up(reply, vm))
		return false;
	vm->answered = false;
	return true;
}

/*
 * Waits until a VM is destroyed: the kernel frees its last pages after each CPU has been through
 * its loop once more.
 */
static bool command_vm_act_step_destroy(struct reply *reply)
{
	const struct vm *vm = vm_by_id(reply->vm_id);

	if (vm != NULL && vm->kept_by != NULL) {
		command_vm_act_not_done(reply, CODE_BUSY,
					"%s: destroyed once the device of driver %s is quiet",
					vm->config.name, vm->kept_by);
		return true;
	}
	if (vm != NULL)
		return false;
	if (reply->deadline_tsc == 0)
		reply->deadline_tsc = clock_tsc() + clock_ns_to_tsc(LAST_PAGES_NS);
	if (clock_tsc() < reply->deadline_tsc)
		return false;
	command_vm_act_show(reply, reply->vm_name, "destroyed", "");
	return true;
}

/* Returns the error code for a refusal by vm_act. */
static enum reply_code command_vm_act_code_of(struct reply *reply, const struct vm *vm)
{
	reply->refused = (u8)(reply->action + 1);
	if (!vm_allows(vm, reply->action))
		return CODE_BAD_STATE;
	return vm_busy(vm) || vm->operation[OPERATION_STOP].phase != STOP_NONE ? CODE_BUSY
									       : CODE_FAILED;
}

static void command_vm_act_begin(struct reply *reply, struct vm *vm)
{
	enum vm_action action = reply->action;
	char problem[256];

	vm->answered = reply->to->terminal && action != ACTION_DESTROY;
	if (!vm_act(vm, action, problem, sizeof(problem))) {
		vm->answered = false;
		command_vm_act_not_done(reply, command_vm_act_code_of(reply, vm), "%s", problem);
	} else if (action == ACTION_DESTROY) {
		command_vm_keep(reply, vm);
		reply->deadline_tsc = 0;
	} else {
		command_vm_await_monitor(reply, vm, vm_act_resume);
	}
}

bool vm_act_resume(struct reply *reply)
{
	struct vm *vm;

	for (;;) {
		if (reply->vm_id != 0 &&
		    !(reply->action == ACTION_DESTROY ? command_vm_act_step_destroy(reply)
						      : command_vm_act_step_action(reply)))
			return false;
		reply->vm_id = 0;
		if (reply->failed)
			return true;
		if (reply->chosen_next == reply->chosen_count)
			break;
		/*
		 * no deadline: when the asker's output has more room, an event resumes the command
		 */
		reply->deadline_tsc = 0;
		if (reply_room(reply) <= REPLY_ITEM_BYTES)
			return false;
		vm = vm_by_id(reply->chosen[reply->chosen_next++]);
		if (vm != NULL)
			command_vm_act_begin(reply, vm);
	}
	if (reply->undone_count > 0)
		reply_error(reply, "not done with %u of %u VMs, see above", reply->undone_count,
			    reply->chosen_count);
	return true;
}

static void command_vm_act_choose(struct reply *reply, const struct vm *vm)
{
	for (u32 i = 0; i < reply->chosen_count; i++) {
		if (reply->chosen[i] == vm->id)
			return;
	}
	reply->chosen[reply->chosen_count++] = vm->id;
}

/* Returns whether a name matches: '*' matches any characters, '?' one. */
static bool command_vm_act_matches(const char *pattern, const char *name)
{
	/* the pattern's last star; `reach` is the end of the text that the star covers */
	const char *star = NULL;
	const char *reach = NULL;

	while (*name != '\0') {
		if (*pattern == '*') {
			star = pattern++;
			reach = name;
		} else if (*pattern == '?' || *pattern == *name) {
			pattern++;
			name++;
		} else if (star != NULL) {
			pattern = star + 1;
			name = ++reach;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

/* Chooses the VMs whose names match and whose states allow the action. */
static bool command_vm_act_choose_matching(struct reply *reply, const char *pattern,
					   enum vm_action action)
{
	u32 before = reply->chosen_count;
	char shown[40];

	VM_FOR_EACH(vm) {
		if (command_vm_act_matches(pattern, vm->config.name) && !vm_is_ending(vm) &&
		    vm_life(vm->state, action).effect != EFFECT_REFUSED)
			command_vm_act_choose(reply, vm);
	}
	reply->several = true;
	if (reply->chosen_count > before)
		return true;
	reply_fail(reply, CODE_NOT_FOUND, "there is no VM \"%s\" to %s, %s",
		   text_show(shown, sizeof(shown), text_of(pattern)), vm_life_action_name(action),
		   vm_life_allowed(action));
	return false;
}

/*
 * Returns whether the asker may do the action to all VMs that are chosen; if not, an error was
 * written. Whoever may make runs may end them; the end of any other VM takes more.
 */
static bool command_vm_act_may(struct reply *reply, enum vm_action action)
{
	if (action != ACTION_DESTROY)
		return true;
	for (u32 i = 0; i < reply->chosen_count; i++) {
		if (vm_by_id(reply->chosen[i])->run_of[0] == '\0')
			return reply_may(reply, MAY_CONFIGURE);
	}
	return true;
}

void vm_act_run(struct reply *reply, const struct arguments *arguments, enum vm_action action)
{
	reply->action = (u8)action;
	reply->several = arguments->count > 1;
	for (u32 i = 0; i < arguments->count; i++) {
		const char *word = arguments->word[i];
		const struct vm *vm;

		if (strchr(word, '*') != NULL || strchr(word, '?') != NULL) {
			if (!command_vm_act_choose_matching(reply, word, action))
				return;
			continue;
		}
		vm = command_vm(reply, word);
		if (vm == NULL)
			return;
		command_vm_act_choose(reply, vm);
	}
	if (command_vm_act_may(reply, action) && !vm_act_resume(reply))
		reply->resume = vm_act_resume;
}
