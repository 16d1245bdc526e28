/* SPDX-License-Identifier: MIT */
#include "vmm/manager/vm.h"
#include "lib/format.h"
#include "vmm/manager/console.h"
#include "vmm/manager/log.h"
#include "vmm/manager/vm_build.h"
#include "vmm/manager/vm_events.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/syscall.h"

/*
 * The life of a VM: what each action leads to from each state. The monitor brings about all of
 * these but the end of a stop that took too long; running also becomes stopped or crashed by
 * itself.
 */
enum { NO = VM_STATE_COUNT, GONE };

static const u8 life[VM_STATE_COUNT][ACTION_COUNT] = {
	/*		start	    pause      resume	   reset       stop	   destroy */
	[VM_CREATED] = {VM_RUNNING, NO,        NO,	   NO,	       NO,	   GONE},
	[VM_RUNNING] = {NO,	    VM_PAUSED, NO,	   VM_RUNNING, VM_STOPPED, GONE},
	[VM_PAUSED]  = {NO,	    NO,	       VM_RUNNING, VM_RUNNING, VM_STOPPED, GONE},
	[VM_STOPPED] = {VM_RUNNING, NO,	       NO,	   NO,	       NO,	   GONE},
	[VM_CRASHED] = {VM_RUNNING, NO,	       NO,	   NO,	       NO,	   GONE},
};

static const char *const action_allowed[ACTION_COUNT] = {
	[ACTION_START] = "only a created, stopped or crashed VM can be started",
	[ACTION_PAUSE] = "only a running VM can be paused",
	[ACTION_RESUME] = "only a paused VM can be resumed",
	[ACTION_RESET] = "only a running or paused VM can be reset",
	[ACTION_STOP] = "only a running or paused VM can be stopped",
	[ACTION_DESTROY] = "it is being destroyed already",
};

static struct vm vms[VM_MAX];
static u32 last_id;

/* The last VM that could not be created, and why. */
static struct {
	u32 id;
	char reason[sizeof(((struct vm *)NULL)->reason)];
} refusal;

struct vm *vm_next(struct vm *vm)
{
	for (vm = vm == NULL ? vms : vm + 1; vm < vms + VM_MAX; vm++) {
		if (vm->id != 0)
			return vm;
	}
	return NULL;
}

struct vm *vm_find(const char *name)
{
	VM_FOR_EACH(vm) {
		if (string_equal(vm->config.name, name))
			return vm;
	}
	return NULL;
}

struct vm *vm_by_id(u32 id)
{
	VM_FOR_EACH(vm) {
		if (vm->id == id)
			return vm;
	}
	return NULL;
}

const char *vm_state_name(enum vm_state state)
{
	static const char names[VM_STATE_COUNT][8] = {
		[VM_CREATED] = "created", [VM_RUNNING] = "running", [VM_PAUSED] = "paused",
		[VM_STOPPED] = "stopped", [VM_CRASHED] = "crashed",
	};

	return names[state];
}

const struct group_page *vm_account(const struct vm *vm)
{
	return vm->account != NULL ? vm->account : &vm->final;
}

/* Whether there is a guest that runs or may still run. */
static bool has_guest(const struct vm *vm)
{
	return vm->state == VM_CREATED || vm->state == VM_RUNNING || vm->state == VM_PAUSED;
}

static u64 uptime_tsc(const struct vm *vm)
{
	u64 now = clock_tsc();
	u64 started;
	u64 before;

	if (vm->group == HANDLE_NONE || vm->channel == NULL || !has_guest(vm))
		return vm->final_uptime_tsc;
	started = vm->channel->started_tsc;
	before = vm->channel->running_tsc;
	if (vm->state != VM_RUNNING || started == 0 || now < started)
		return before;
	return before + (now - started);
}

u64 vm_uptime_ns(const struct vm *vm)
{
	return clock_tsc_to_ns(uptime_tsc(vm));
}

bool vm_obeyed(const struct vm *vm)
{
	return __atomic_load_n(&vm->channel->done_sequence, __ATOMIC_ACQUIRE) ==
	       vm->command_sequence;
}

bool vm_ready(const struct vm *vm)
{
	return vm->channel != NULL && __atomic_load_n(&vm->channel->ready, __ATOMIC_ACQUIRE) != 0;
}

bool vm_busy(const struct vm *vm)
{
	if (vm->dying || vm->change_phase != CHANGE_NONE)
		return true;
	return has_guest(vm) && vm->group != HANDLE_NONE && (!vm_ready(vm) || !vm_obeyed(vm));
}

const char *vm_refusal(u32 id)
{
	return refusal.id == id ? refusal.reason : "";
}

static void tell(const struct vm *vm, enum log_level level, enum vm_event event)
{
	vm_event(vm->config.name, event, vm->reason);
	log_message(level, LOG_VM, vm->config.name, "%s%s%s", vm_state_name(vm->state),
		    vm->reason[0] != '\0' ? ": " : "", vm->reason);
}

void vm_send(struct vm *vm, enum vm_command command)
{
	vm->channel->command = command;
	vm->command_sequence++;
	__atomic_store_n(&vm->channel->command_sequence, vm->command_sequence, __ATOMIC_RELEASE);
	sys_event_signal(vm->wake);
}

/* Ends the monitor, if there is one; vm_step does the work. */
static void release(struct vm *vm, enum vm_after after)
{
	vm->dying = true;
	vm->after = after;
	vm->stop_deadline_tsc = 0;
	vm->start_wanted = false;
	vm_share_abandon(vm);
}

static void set_state(struct vm *vm, enum vm_state state, const char *reason)
{
	vm->final_uptime_tsc = uptime_tsc(vm);
	vm->state = state;
	string_copy(vm->reason, sizeof(vm->reason), reason);
}

/* Records a crash; true when starting again makes no sense any more. */
static bool crashes_too_often(struct vm *vm)
{
	u64 now = clock_tsc();
	u64 oldest;

	vm->crash_tsc[vm->crash_count++ % VM_CRASH_LIMIT] = now;
	oldest = vm->crash_tsc[vm->crash_count % VM_CRASH_LIMIT];
	return vm->crash_count >= VM_CRASH_LIMIT &&
	       clock_tsc_to_ns(now - oldest) < VM_CRASH_WINDOW_NS;
}

/* The monitor, when it is still alive, is kept for inspection as long as the crash is held. */
static void crashed(struct vm *vm, const char *reason, bool monitor_alive)
{
	bool too_often = crashes_too_often(vm);

	set_state(vm, VM_CRASHED, reason);
	vm->stop_deadline_tsc = 0;
	tell(vm, LOG_ERROR, EVENT_CRASHED);
	console_notice("%s: crashed: %s\n", vm->config.name, vm->reason);
	if (vm->config.on_crash == ON_CRASH_DESTROY) {
		release(vm, AFTER_REMOVE);
	} else if (vm->config.on_crash == ON_CRASH_RESTART && !too_often) {
		release(vm, AFTER_START);
	} else {
		if (vm->config.on_crash == ON_CRASH_RESTART)
			console_notice("%s: held, it crashed %u times within %llu s\n",
				       vm->config.name, VM_CRASH_LIMIT,
				       (unsigned long long)(VM_CRASH_WINDOW_NS / NS_PER_S));
		if (!monitor_alive)
			release(vm, AFTER_NOTHING);
	}
}

/* It never came to be. */
static void refused(struct vm *vm, const char *reason)
{
	set_state(vm, VM_CRASHED, reason);
	log_message(LOG_ERROR, LOG_VM, vm->config.name, "not created: %s", vm->reason);
	if (vm->start_wanted)
		console_notice("error: VM %s: %s\n", vm->config.name, vm->reason);
	refusal.id = vm->id;
	string_copy(refusal.reason, sizeof(refusal.reason), vm->reason);
	release(vm, AFTER_REMOVE);
}

static void stopped(struct vm *vm, const char *reason)
{
	set_state(vm, VM_STOPPED, reason);
	tell(vm, LOG_INFO, EVENT_STOPPED);
	console_notice("%s: stopped: %s\n", vm->config.name, vm->reason);
	release(vm, AFTER_NOTHING);
}

/* What the monitor wrote, made printable. */
static void read_reason(const struct vm *vm, char *reason, size_t size)
{
	char raw[sizeof(vm->reason)];

	memcpy(raw, vm->channel->reason, sizeof(raw));
	text_show(reason, size, (struct text){raw, strnlen(raw, sizeof(raw))});
}

/* Takes over a change of state that the monitor reports. */
static void take_state(struct vm *vm)
{
	char reason[sizeof(vm->reason)];
	enum vm_event event;
	u32 state = __atomic_load_n(&vm->channel->state, __ATOMIC_ACQUIRE);
	u32 resets = vm->channel->reset_count;
	bool reset = resets != vm->resets_told;

	vm->resets_told = resets;
	if (reset && state == VM_RUNNING && vm->state == VM_RUNNING)
		vm_event(vm->config.name, EVENT_RESET, "");
	if (vm->dying || state == vm->state || vm->state == VM_CRASHED || vm->state == VM_STOPPED)
		return;
	read_reason(vm, reason, sizeof(reason));
	switch (state) {
	case VM_RUNNING:
	case VM_PAUSED:
		event = state == VM_PAUSED	 ? EVENT_PAUSED :
			reset			 ? EVENT_RESET :
			vm->state == VM_PAUSED ? EVENT_RESUMED :
						 EVENT_STARTED;
		set_state(vm, (enum vm_state)state, "");
		tell(vm, LOG_INFO, event);
		break;
	case VM_STOPPED:
		vm->exit_code = vm->channel->exit_code;
		stopped(vm, reason[0] != '\0' ? reason : "by the guest");
		break;
	case VM_CRASHED:
		if (vm->fresh) {
			refused(vm, reason);
			break;
		}
		crashed(vm, reason[0] != '\0' ? reason : "its monitor gave no reason", true);
		break;
	default:
		crashed(vm, "its monitor reported a state that does not exist", true);
		break;
	}
}

void vm_channel_signalled(struct vm *vm)
{
	if (vm->channel == NULL)
		return;
	vm_log_take(vm);
	take_state(vm);
	if (vm->dying || !vm_ready(vm))
		return;
	if (vm->fresh)
		vm_event(vm->config.name, EVENT_CREATED, "");
	vm->fresh = false;
	if (vm->start_wanted)
		vm_send(vm, VM_COMMAND_START);
	vm->start_wanted = false;
}

void vm_process_ended(struct vm *vm)
{
	vm_channel_signalled(vm);
	if (vm->dying || vm->group == HANDLE_NONE)
		return; /* it was ended from here */
	if (vm->state == VM_CRASHED)
		release(vm, AFTER_NOTHING);
	else
		crashed(vm, "its monitor died, `log show -c process` says of what", false);
}

/* From here on the VM is one that has never run. */
static bool boot(struct vm *vm, char *problem, size_t size)
{
	vm->state = VM_CREATED;
	vm->reason[0] = '\0';
	vm->exit_code = -1;
	vm->final_uptime_tsc = 0;
	memset(&vm->final, 0, sizeof(vm->final));
	return vm_build(vm, problem, size);
}

struct vm *vm_create(const struct vm_config *config, char *problem, size_t size)
{
	struct vm *vm = vms;

	if (vm_find(config->name) != NULL) {
		format(problem, size, "there is a VM %s already", config->name);
		return NULL;
	}
	while (vm < vms + VM_MAX && vm->id != 0)
		vm++;
	if (vm == vms + VM_MAX) {
		format(problem, size, "there are %u VMs already, allowed: no more", VM_MAX);
		return NULL;
	}
	memset(vm, 0, sizeof(*vm));
	vm->config = *config;
	vm->id = ++last_id;
	vm->fresh = true;
	if (boot(vm, problem, size)) {
		log_message(LOG_INFO, LOG_AUDIT, config->name, "created");
		return vm;
	}
	log_message(LOG_ERROR, LOG_VM, config->name, "not created: %s", problem);
	if (vm->group != HANDLE_NONE || vm->channel != NULL)
		release(vm, AFTER_REMOVE);
	else
		vm->id = 0;
	return NULL;
}

static bool start(struct vm *vm, char *problem, size_t size)
{
	if (vm->state != VM_CREATED && (vm->dying || vm->group != HANDLE_NONE)) {
		release(vm, AFTER_START);
		return true;
	}
	if (vm->state != VM_CREATED && !boot(vm, problem, size)) {
		set_state(vm, VM_CRASHED, problem);
		if (vm->group != HANDLE_NONE)
			release(vm, AFTER_NOTHING);
		return false;
	}
	vm->start_wanted = !vm_ready(vm);
	if (!vm->start_wanted)
		vm_send(vm, VM_COMMAND_START);
	return true;
}

/* A paused guest cannot see the power button. */
static bool stop(struct vm *vm, char *problem, size_t size)
{
	if (vm->state == VM_PAUSED || vm->config.stop_timeout_ns == 0) {
		stopped(vm, "ended by `vm stop`");
		return true;
	}
	if (vm->stop_deadline_tsc != 0) {
		format(problem, size, "%s is being stopped already, `vm destroy` does not wait",
		       vm->config.name);
		return false;
	}
	vm->stop_deadline_tsc = clock_tsc() + clock_ns_to_tsc(vm->config.stop_timeout_ns);
	vm_send(vm, VM_COMMAND_POWER_BUTTON);
	return true;
}

bool vm_act(struct vm *vm, enum vm_action action, char *problem, size_t size)
{
	static const char names[ACTION_COUNT][8] = {"start", "pause", "resume",
						    "reset", "stop",  "destroy"};

	if (life[vm->state][action] == NO || (vm->dying && vm->after == AFTER_REMOVE)) {
		format(problem, size, "%s is %s, %s", vm->config.name,
		       vm->dying && vm->after == AFTER_REMOVE ? "being destroyed" :
								vm_state_name(vm->state),
		       action_allowed[action]);
		return false;
	}
	if (vm_busy(vm) && !vm->dying && action != ACTION_DESTROY &&
	    !(action == ACTION_START && !vm_ready(vm) && !vm->start_wanted)) {
		format(problem, size, "%s is still busy with the last command, try again",
		       vm->config.name);
		return false;
	}
	log_message(LOG_INFO, LOG_AUDIT, vm->config.name, "%s", names[action]);
	switch (action) {
	case ACTION_START:
		return start(vm, problem, size);
	case ACTION_PAUSE:
		vm_send(vm, VM_COMMAND_PAUSE);
		return true;
	case ACTION_RESUME:
		vm_send(vm, VM_COMMAND_RESUME);
		return true;
	case ACTION_RESET:
		vm_send(vm, VM_COMMAND_RESET);
		return true;
	case ACTION_STOP:
		return stop(vm, problem, size);
	default:
		release(vm, AFTER_REMOVE);
		return true;
	}
}

/* The kernel has everything back. */
static void released(struct vm *vm)
{
	char problem[256];
	enum vm_after after = vm->after;

	vm->dying = false;
	vm->after = AFTER_NOTHING;
	switch (after) {
	case AFTER_NOTHING:
		break;
	case AFTER_START:
		if (!start(vm, problem, sizeof(problem)))
			console_notice("%s: not started: %s\n", vm->config.name, problem);
		break;
	case AFTER_REMOVE:
		log_message(LOG_INFO, LOG_AUDIT, vm->config.name, "destroyed");
		if (!vm->fresh)
			vm_event(vm->config.name, EVENT_DESTROYED, vm->reason);
		vm->id = 0;
		break;
	}
}

bool vm_step(void)
{
	bool more = false;
	u64 now = clock_tsc();

	VM_FOR_EACH(vm) {
		if (vm->stop_deadline_tsc != 0 && now >= vm->stop_deadline_tsc)
			stopped(vm, "ended by `vm stop`, the power button had no effect");
		vm_share_step(vm);
		if (!vm->dying)
			continue;
		/* Before the group: its last steps give back whatever is waiting for it. */
		if (vm->after == AFTER_REMOVE)
			vm_release_channel(vm);
		if (vm_release_step(vm))
			released(vm);
		more = true;
	}
	return more;
}

u64 vm_deadline(void)
{
	u64 deadline = ~0ull;

	VM_FOR_EACH(vm) {
		if (vm->stop_deadline_tsc != 0)
			deadline = MIN(deadline, vm->stop_deadline_tsc);
	}
	return deadline;
}
