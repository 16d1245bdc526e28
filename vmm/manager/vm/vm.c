/* SPDX-License-Identifier: MIT */
/*
 * Carries out operators' actions on VMs and takes over what monitors report about their guests.
 * Called by commands, `setup.c` and the event loop; `vm_step` moves on every VM's operations.
 */
#include "vmm/manager/vm/vm.h"
#include "vmm/manager/config/boot_config.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/log/notice.h"
#include "vmm/manager/process/process_end.h"
#include "vmm/manager/vm/vm_build.h"
#include "vmm/manager/vm/vm_crash.h"
#include "vmm/manager/log/vm_events.h"
#include "vmm/manager/vm/vm_overcommit.h"
#include "vmm/manager/vm/vm_output.h"
#include "vmm/manager/vm/vm_pace.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"
#include "vmm/rt/syscall.h"

/* A driver signals when it is done; the manager looks again after this time in case it does not. */
#define DISK_LOOK_NS (10 * NS_PER_MS)

/* The VM that was last refused at its creation, and the reason. */
static struct {
	u32 id;
	char reason[sizeof(((struct vm *)NULL)->reason)];
} refusal;

const char *vm_refusal(u32 id)
{
	return refusal.id == id ? refusal.reason : "it was destroyed meanwhile";
}

static void vm_tell(const struct vm *vm, enum log_level level, enum vm_event event)
{
	vm_event(vm->config.name, vm->uuid, event, vm->reason);
	log_message(level, LOG_VM, vm->config.name, "%s%s%s", vm_state_name(vm->state),
		    vm->reason[0] != '\0' ? ": " : "", vm->reason);
}

void vm_send(struct vm *vm, enum vm_command command)
{
	vm->channel->command = command;
	vm->command_sequence++;
	__atomic_store_n(&vm->channel->command_sequence, vm->command_sequence, __ATOMIC_RELEASE);
	sys_event_signal(vm->monitor.wake);
}

void vm_release(struct vm *vm, enum vm_after after)
{
	vm->dying = true;
	vm->after = after;
	vm->start_wanted = false;
	vm->starved = vm->parked = vm->hungers = false;
	vm_operations_abandon(vm);
}

static void vm_set_state(struct vm *vm, enum vm_state state, const char *reason)
{
	vm->final_uptime_tsc = vm_uptime_tsc(vm);
	vm->state = state;
	string_copy(vm->reason, sizeof(vm->reason), reason);
}

/* Removes a VM that never came to be, and keeps the reason for vm_refusal. */
static void vm_refused(struct vm *vm, const char *reason)
{
	vm_set_state(vm, VM_CRASHED, reason);
	log_message(LOG_ERROR, LOG_VM, vm->config.name, "not created: %s", vm->reason);
	if (vm->start_wanted)
		notice("error: VM %s: %s\n", vm->config.name, vm->reason);
	refusal.id = vm->id;
	string_copy(refusal.reason, sizeof(refusal.reason), vm->reason);
	vm_release(vm, AFTER_REMOVE);
}

/* Prints how the VM has ended, unless a waiting command at the console will answer just that. */
static void vm_notice_end(const struct vm *vm)
{
	if (!vm->answered)
		notice("%s: %s: %s\n", vm->config.name, vm_state_name(vm->state), vm->reason);
}

void vm_crash(struct vm *vm, const char *reason, bool monitor_alive)
{
	if (vm->fresh) {
		vm_refused(vm, reason);
		return;
	}
	if (vm_operations_crashed(vm, reason))
		return;
	vm_crash_record(vm);
	vm_set_state(vm, VM_CRASHED, reason);
	vm_tell(vm, LOG_ERROR, EVENT_CRASHED);
	if (vm->config.on_crash != ON_CRASH_HOLD)
		vm->answered = false; /* what on_crash does next is still news */
	vm_notice_end(vm);
	if (!vm_crash_ends(vm) && !monitor_alive)
		vm_release(vm, AFTER_NOTHING);
}

/* Marks a VM that existed before as crashed: no new monitor could be made for it. */
static void vm_not_started(struct vm *vm, const char *reason)
{
	if (vm_operations_crashed(vm, reason))
		return;
	vm_set_state(vm, VM_CRASHED, reason);
	vm_tell(vm, LOG_ERROR, EVENT_CRASHED);
	if (vm->group != HANDLE_NONE)
		vm_release(vm, AFTER_NOTHING);
}

void vm_end(struct vm *vm, const char *reason)
{
	vm_set_state(vm, VM_STOPPED, reason);
	vm_tell(vm, LOG_INFO, EVENT_STOPPED);
	vm_notice_end(vm);
	vm_release(vm, AFTER_NOTHING);
}

/* Copies the reason that the monitor wrote, with '?' for unprintable bytes. */
static void vm_read_reason(const struct vm *vm, char *reason, size_t size)
{
	char raw[sizeof(vm->reason)];

	memcpy(raw, vm->channel->reason, sizeof(raw));
	text_show(reason, size, (struct text){raw, strnlen(raw, sizeof(raw))});
}

/*
 * Returns whether the guest was reset since the last call. Unasked resets are recorded as crashes:
 * the monitor stops its guest at the limit, but crashes of earlier monitors count too.
 */
static bool vm_take_resets(struct vm *vm)
{
	u32 resets = vm->channel->reset_count;
	u32 unasked = vm->channel->unasked_resets;
	bool any = resets != vm->resets_told;

	/* A faulty monitor may report any count: above the limit the number makes no difference. */
	for (u32 i = MIN(unasked - vm->unasked_told, VM_CRASH_LIMIT); i > 0; i--)
		vm_crash_record(vm);
	vm->unasked_told = unasked;
	vm->resets_told = resets;
	return any;
}

static enum vm_event vm_event_of(const struct vm *vm, u32 state, bool reset)
{
	if (state == VM_PAUSED)
		return EVENT_PAUSED;
	if (vm->state == VM_CREATED)
		return EVENT_STARTED;
	return reset ? EVENT_RESET : EVENT_RESUMED;
}

/* Returns whether the report agrees with the last command: paused if and only if that was asked. */
static bool vm_can_be(const struct vm *vm, u32 state)
{
	if (!vm_life_reports(vm->state, state) || (vm->fresh && state != VM_CRASHED))
		return false;
	if (state == VM_PAUSED)
		return vm->pause_asked;
	return state != VM_RUNNING || !vm->pause_asked;
}

/* Reports a reset; one that nobody asked for only within the rate limit of log lines. */
static void vm_tell_reset(struct vm *vm)
{
	if (vm->reset_asked || vm_log_allows(vm))
		vm_event(vm->config.name, vm->uuid, EVENT_RESET, "");
	vm->reset_asked = false;
}

static void vm_take_state(struct vm *vm)
{
	char reason[sizeof(vm->reason)];
	u32 state = __atomic_load_n(&vm->channel->state, __ATOMIC_ACQUIRE);
	bool reset = vm_take_resets(vm);
	enum vm_event event;

	if (reset && state == VM_RUNNING && vm->state == VM_RUNNING)
		vm_tell_reset(vm);
	if (vm->dying || vm_has_ended(vm))
		return;
	if (state == VM_PAUSED && vm_overcommit_stopped(vm)) {
		vm_overcommit_ask(vm, false);
		return;
	}
	if (state == vm->state || (vm->parked && state == VM_RUNNING))
		return;
	if (!vm_can_be(vm, state)) {
		vm_crash(vm, "its monitor reported an impossible state", true);
		return;
	}
	vm_read_reason(vm, reason, sizeof(reason));
	if (state == VM_STOPPED) {
		vm->exit_code = vm->channel->exit_code;
		if (vm->state == VM_CREATED)
			vm_event(vm->config.name, vm->uuid, EVENT_STARTED, "");
		vm_end(vm, reason[0] != '\0' ? reason : "by the guest");
	} else if (state != VM_CRASHED) {
		event = vm_event_of(vm, state, reset);
		vm_set_state(vm, (enum vm_state)state, "");
		vm->hungers = false;
		vm_tell(vm, LOG_INFO, event);
	} else {
		vm_crash(vm, reason[0] != '\0' ? reason : "its monitor gave no reason", true);
	}
}

void vm_hungers(struct vm *vm)
{
	if (vm->hungers)
		return;
	vm->hungers = true;
	if (vm->state == VM_RUNNING) {
		vm_set_state(vm, VM_PAUSED, VM_NO_MEMORY);
		vm_tell(vm, LOG_WARNING, EVENT_PAUSED);
	} else { /* the guest has not begun to run */
		log_message(LOG_WARNING, LOG_VM, vm->config.name, "waits: " VM_NO_MEMORY);
	}
}

void vm_channel_signalled(struct vm *vm)
{
	if (vm->channel == NULL)
		return;
	vm_log_take(vm);
	vm_output_count(vm);
	/* The VM may have been started after it became ready, and may run already. */
	if (vm->fresh && !vm->dying && vm_ready(vm)) {
		vm_event(vm->config.name, vm->uuid, EVENT_CREATED, "");
		vm->fresh = false;
	}
	vm_take_state(vm);
	if (vm->dying || !vm_ready(vm))
		return;
	if (vm->start_wanted)
		vm_send(vm, VM_COMMAND_START);
	vm->start_wanted = false;
}

bool vm_was_reset(struct vm *vm)
{
	u32 state = __atomic_load_n(&vm->channel->state, __ATOMIC_ACQUIRE);

	if (state == VM_CRASHED && vm->state == VM_CRASHED)
		vm_read_reason(vm, vm->reason, sizeof(vm->reason));
	vm_take_state(vm);
	if (vm->state == VM_CRASHED && (state == VM_RUNNING || state == VM_STOPPED)) {
		vm_set_state(vm, VM_RUNNING, "");
		vm->pause_asked = false;
		vm_tell(vm, LOG_INFO, EVENT_STARTED);
		vm_take_state(vm); /* the guest may have ended by itself since */
	} else if (vm->state == VM_RUNNING) {
		vm_event(vm->config.name, vm->uuid, EVENT_RESET, "");
	}
	return vm->state != VM_CRASHED;
}

void vm_process_ended(struct vm *vm)
{
	char reason[PROCESS_DIED_BYTES];

	vm_channel_signalled(vm);
	if (vm->dying || vm->group == HANDLE_NONE)
		return; /* the manager itself has ended the process */
	if (vm->state == VM_CRASHED)
		vm_release(vm, AFTER_NOTHING);
	else
		vm_crash(vm, process_died_text(vm->monitor.process, "its monitor", reason), false);
}

static bool vm_start(struct vm *vm, char *problem, size_t size)
{
	if (vm->state != VM_CREATED && (vm->dying || vm->group != HANDLE_NONE)) {
		vm_release(vm, AFTER_START);
		return true;
	}
	if (vm->state != VM_CREATED && !vm_boot(vm, problem, size)) {
		vm_not_started(vm, problem);
		return false;
	}
	vm->start_wanted = !vm_ready(vm);
	if (!vm->start_wanted)
		vm_send(vm, VM_COMMAND_START);
	return true;
}

static enum vm_command vm_command_of(enum vm_action action)
{
	switch (action) {
	case ACTION_PAUSE:
		return VM_COMMAND_PAUSE;
	case ACTION_RESUME:
		return VM_COMMAND_RESUME;
	default:
		return VM_COMMAND_RESET;
	}
}

static void vm_end_with(struct vm *vm, enum vm_action action)
{
	if (action != ACTION_DESTROY) {
		vm_end(vm, action == ACTION_KILL ? "ended by `vm kill`" : "ended by `vm stop`");
	} else {
		string_copy(vm->end_reason, sizeof(vm->end_reason), "`vm destroy`");
		vm_release(vm, AFTER_REMOVE);
	}
}

static u32 vm_life_state(const struct vm *vm)
{
	return vm->dying && vm->after == AFTER_REMOVE ? (u32)VM_ENDING : (u32)vm->state;
}

bool vm_allows(const struct vm *vm, enum vm_action action)
{
	return vm_life(vm_life_state(vm), action).effect != EFFECT_REFUSED;
}

/* Returns whether the action has to wait until the monitor has done the last command. */
static bool vm_must_wait(const struct vm *vm, enum vm_action action)
{
	bool only_set_up = action == ACTION_START && !vm_ready(vm) && !vm->start_wanted;

	return vm_busy(vm) && !vm->dying && action != ACTION_DESTROY && action != ACTION_KILL &&
	       !only_set_up && !vm_has_ended(vm);
}

bool vm_act(struct vm *vm, enum vm_action action, char *problem, size_t size)
{
	struct vm_life life;
	bool busy;

	vm_channel_signalled(vm); /* take over what its monitor has said so far */
	busy = vm_must_wait(vm, action);
	if (!busy)
		vm_channel_signalled(vm); /* its state was written before it was done */
	life = vm_life(vm_life_state(vm), action);
	if (life.effect == EFFECT_REFUSED) {
		if (refusal.id == vm->id) /* this call has found that out */
			string_copy(problem, size, refusal.reason);
		else
			format(problem, size, "%s is %s, %s", vm->config.name,
			       vm_life_state_name(vm_life_state(vm)), vm_life_allowed(action));
		return false;
	}
	if (busy) {
		format(problem, size, "%s is still busy with the last command, try again",
		       vm->config.name);
		return false;
	}
	if ((action == ACTION_DESTROY || action == ACTION_START) &&
	    !vm_snapshot_may_end(vm, problem, size))
		return false;
	if (action == ACTION_RESUME && vm->starved && !vm_overcommit_feed(vm, problem, size))
		return false;
	log_message(LOG_INFO, LOG_AUDIT, vm->config.name, "%s", vm_life_action_name(action));
	switch ((enum vm_effect)life.effect) {
	case EFFECT_BUTTON:
		return vm_operation_begin(vm, OPERATION_STOP, NULL, problem, size);
	case EFFECT_END:
		vm_end_with(vm, action);
		return true;
	default: /* EFFECT_TELL, EFFECT_BOOT */
		if (action == ACTION_START)
			return vm_start(vm, problem, size);
		vm->pause_asked = action == ACTION_PAUSE;
		vm->reset_asked = action == ACTION_RESET;
		vm_send(vm, vm_command_of(action));
		return true;
	}
}

/* Does what was to follow, after the kernel has taken back all memory and objects of the VM. */
static void vm_released(struct vm *vm)
{
	char problem[256];
	enum vm_after after = vm->after;

	vm->dying = false;
	vm->after = AFTER_NOTHING;
	switch (after) {
	case AFTER_NOTHING:
		break;
	case AFTER_CREATE:
		if (!vm_boot(vm, problem, sizeof(problem)))
			vm_not_started(vm, problem);
		break;
	case AFTER_START:
		if (!vm_start(vm, problem, sizeof(problem)))
			vm_notice_end(vm);
		break;
	case AFTER_REMOVE:
		log_message(LOG_INFO, LOG_AUDIT, vm->config.name, "destroyed");
		if (!vm->fresh) {
			vm_event(vm->config.name, vm->uuid, EVENT_DESTROYED, vm->end_reason);
			boot_config_destroyed(vm->config.name);
		}
		vm->id = 0;
		break;
	}
}

static bool vm_waits_for_others(const struct vm *vm)
{
	return vm->leaving_drivers || vm->kept_by_clones || vm->kept_by_kernel;
}

bool vm_step(void)
{
	u64 now = clock_tsc();
	bool more = false;
	u32 taken = 0;

	vm_overcommit_step(now);
	VM_FOR_EACH(vm) {
		vm_turn_look(vm, now);
		vm_pace_step(vm, now);
		more |= vm_operations_step(vm, now, &taken);
		if (!vm->dying)
			continue;
		/* The channel goes before the group, whose last steps give back what it holds. */
		if (vm->after == AFTER_REMOVE)
			vm_release_channel(vm);
		if (vm_release_step(vm)) {
			vm_released(vm);
			more = true; /* other VMs may have waited for this memory */
		}
		more |= !vm_waits_for_others(vm);
	}
	return more;
}

u64 vm_deadline(void)
{
	u64 deadline = vm_overcommit_deadline();

	VM_FOR_EACH(vm) {
		if (vm->dying && !vm_waits_for_others(vm))
			return 0; /* began to end after vm_step was called */
		if (vm->dying && vm->leaving_drivers)
			deadline = MIN(deadline, clock_tsc() + clock_ns_to_tsc(DISK_LOOK_NS));
		if (vm->deaf_until_tsc != 0)
			deadline = MIN(deadline, vm->deaf_until_tsc);
		deadline = MIN(deadline, MIN(vm_turn_deadline(vm), vm_operations_deadline(vm)));
	}
	return deadline;
}
