/* SPDX-License-Identifier: MIT */
/*
 * Carries out operators' actions on VMs. Called by commands, `setup.c` and the event loop; vm_step
 * reads monitors' reports and moves every VM's operations on.
 */
#include "vmm/manager/vm/vm.h"
#include "vmm/manager/config/boot_config.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/vm/disks/vm_volume.h"
#include "vmm/manager/vm/process/vm_build.h"
#include "vmm/manager/vm/process/vm_firmware.h"
#include "vmm/manager/vm/vm_check.h"
#include "vmm/manager/log/vm_events.h"
#include "vmm/manager/vm/memory/vm_overcommit.h"
#include "vmm/manager/vm/vm_pace.h"
#include "vmm/manager/vm/process/vm_report.h"
#include "vmm/manager/vm/vm_life.h"
#include "vmm/manager/vm/vm_operation.h"
#include "vmm/manager/vm/vm_snapshot_list.h"
#include "vmm/manager/vm/vm_turn.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

/*
 * The interval at which the manager looks at a disk's driver that should have signalled that it is
 * done.
 */
#define DISK_LOOK_NS (10 * NS_PER_MS)

static bool vm_start(struct vm *vm, char *problem, size_t size)
{
	if (vm->state != VM_CREATED && (vm_is_ending(vm) || vm->group != HANDLE_NONE)) {
		vm_release(vm, AFTER_START);
		return true;
	}
	if (vm->state != VM_CREATED && !vm_boot(vm, problem, size)) {
		vm_not_started(vm, problem);
		return false;
	}
	vm->wish.start = !vm_ready(vm);
	if (!vm->wish.start)
		vm_firmware_start(vm);
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
	return vm_is_ending(vm) && vm->after == AFTER_REMOVE ? (u32)VM_ENDING : (u32)vm->state;
}

bool vm_allows(const struct vm *vm, enum vm_action action)
{
	return vm_life(vm_life_state(vm), action).effect != EFFECT_REFUSED;
}

/* Returns whether the action has to wait until the monitor has done the last command. */
static bool vm_must_wait(const struct vm *vm, enum vm_action action)
{
	bool only_set_up = action == ACTION_START && !vm_ready(vm) && !vm->wish.start;

	return vm_busy(vm) && !vm_is_ending(vm) && action != ACTION_DESTROY &&
	       action != ACTION_KILL && !only_set_up && !vm_has_ended(vm);
}

bool vm_act(struct vm *vm, enum vm_action action, char *problem, size_t size)
{
	struct vm_life life;
	bool busy;

	busy = vm_must_wait(vm, action);
	life = vm_life(vm_life_state(vm), action);
	if (life.effect == EFFECT_REFUSED) {
		/* the VM is being removed, as its first monitor has failed */
		if (vm_is_refused(vm))
			string_copy(problem, size, vm_refusal(vm->id));
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
	if (action == ACTION_RESUME && vm->hunger != VM_FED &&
	    !vm_overcommit_feed(vm, problem, size))
		return false;
	log_message(LOG_INFO, LOG_AUDIT, vm->config.name, "%s", vm_life_action_name(action));
	switch ((enum vm_effect)life.effect) {
	case EFFECT_BUTTON:
		return vm_operation_begin(vm, OPERATION_STOP, NULL, problem, size);
	case EFFECT_END:
		vm_end_with(vm, action);
		return true;
	default: /* EFFECT_TELL or EFFECT_BOOT */
		if (action == ACTION_START)
			return vm_start(vm, problem, size);
		vm->wish.pause = action == ACTION_PAUSE;
		vm->wish.reset = action == ACTION_RESET;
		vm_send(vm, vm_command_of(action));
		return true;
	}
}

/* Does what vm->after asks for, once the kernel has taken back all memory and objects of the VM. */
static void vm_released(struct vm *vm)
{
	char problem[256];
	enum vm_after after = vm->after;

	vm->phase = vm_is_new(vm) ? VM_PHASE_NEW : VM_PHASE_KNOWN;
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
		if (!vm_is_new(vm)) {
			vm_event(vm->config.name, vm->uuid, EVENT_DESTROYED, vm->end_reason);
			boot_config_destroyed(vm->config.name);
		}
		vm_volumes_release(vm);
		vm->id = 0;
		break;
	}
}

bool vm_step(void)
{
	u64 now = clock_tsc();
	bool more = false;
	u32 taken = 0;

	vm_overcommit_step(now);
	VM_FOR_EACH(vm) {
		vm_report_step(vm);
		vm_turn_look(vm, now);
		vm_pace_step(vm, now);
		vm_check(vm);
		more |= vm_operations_step(vm, now, &taken);
		if (!vm_is_ending(vm))
			continue;
		/*
		 * The VM's channel is dropped before its memory group, whose last steps free the
		 * channel's pages.
		 */
		if (vm->after == AFTER_REMOVE)
			vm_release_channel(vm);
		if (vm_release_step(vm)) {
			vm_released(vm);
			/*
			 * one more turn: other VMs may have waited for the memory that is free now
			 */
			more = true;
		}
		more |= vm->held_by == HELD_BY_NOBODY;
	}
	return more;
}

u64 vm_deadline(void)
{
	u64 deadline = vm_overcommit_deadline();

	VM_FOR_EACH(vm) {
		if (vm_is_ending(vm) && vm->held_by == HELD_BY_NOBODY)
			return 0; /* a step is due at once: the VM has begun to end since the last
				     vm_step */
		if (vm_is_ending(vm) && vm->held_by == HELD_BY_DRIVERS)
			deadline = MIN(deadline, clock_tsc() + clock_ns_to_tsc(DISK_LOOK_NS));
		if (vm->deaf_until_tsc != 0)
			deadline = MIN(deadline, vm->deaf_until_tsc);
		deadline = MIN(deadline, MIN(vm_turn_deadline(vm), vm_operations_deadline(vm)));
	}
	return deadline;
}
