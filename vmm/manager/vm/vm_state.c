/* SPDX-License-Identifier: MIT */
/*
 * The steps of a VM's life on which others decide: commands to its monitor, new states, crashes,
 * ends, and freeing all of its resources. Called for actions, reports and operations; the
 * consequences of such a step for operations are in their table. Owns the phase and the state of
 * VMs.
 */
#include "vmm/manager/log/log.h"
#include "vmm/manager/log/notice.h"
#include "vmm/manager/log/vm_events.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/manager/vm/vm_crash.h"
#include "vmm/manager/vm/vm_operation.h"
#include "vmm/rt/syscall.h"

/* The VM that was last refused, as its first monitor failed, and the reason. */
static struct {
	u32 id;
	char reason[sizeof(((struct vm *)NULL)->reason)];
} refusal;

const char *vm_refusal(u32 id)
{
	return refusal.id == id ? refusal.reason : "it was destroyed meanwhile";
}

bool vm_is_refused(const struct vm *vm)
{
	return refusal.id == vm->id;
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
	vm->phase = vm_is_new(vm) ? VM_PHASE_REFUSED : VM_PHASE_ENDING;
	vm->after = after;
	vm->wish.start = false;
	vm->hunger = VM_FED;
	vm->hunger_told = false;
	vm_operations_abandon(vm);
}

static void vm_set_state(struct vm *vm, enum vm_state state, const char *reason)
{
	vm->final_uptime_tsc = vm_uptime_tsc(vm);
	vm->state = state;
	string_copy(vm->reason, sizeof(vm->reason), reason);
}

void vm_enter_state(struct vm *vm, enum vm_state state, const char *reason, enum log_level level,
		    enum vm_event event)
{
	vm_set_state(vm, state, reason);
	vm_event(vm->config.name, vm->uuid, event, vm->reason);
	log_message(level, LOG_VM, vm->config.name, "%s%s%s", vm_state_name(vm->state),
		    vm->reason[0] != '\0' ? ": " : "", vm->reason);
}

/* Removes a VM whose first monitor has failed, and keeps the reason for vm_refusal. */
static void vm_refused(struct vm *vm, const char *reason)
{
	vm_set_state(vm, VM_CRASHED, reason);
	log_message(LOG_ERROR, LOG_VM, vm->config.name, "not created: %s", vm->reason);
	if (vm->wish.start)
		notice("error: VM %s: %s\n", vm->config.name, vm->reason);
	refusal.id = vm->id;
	string_copy(refusal.reason, sizeof(refusal.reason), vm->reason);
	vm_release(vm, AFTER_REMOVE);
}

void vm_notice_end(const struct vm *vm)
{
	if (!vm->answered)
		notice("%s: %s: %s\n", vm->config.name, vm_state_name(vm->state), vm->reason);
}

void vm_crash(struct vm *vm, const char *reason, bool monitor_alive)
{
	if (vm_is_new(vm)) {
		vm_refused(vm, reason);
		return;
	}
	if (vm_operations_crashed(vm, reason))
		return;
	vm_crash_record(vm);
	vm_enter_state(vm, VM_CRASHED, reason, LOG_ERROR, EVENT_CRASHED);
	if (vm->config.on_crash != ON_CRASH_HOLD)
		/*
		 * a waiting command would not report the effect of on_crash: the notice is printed
		 * in any case
		 */
		vm->answered = false;
	vm_notice_end(vm);
	if (!vm_crash_ends(vm) && !monitor_alive)
		vm_release(vm, AFTER_NOTHING);
}

void vm_not_started(struct vm *vm, const char *reason)
{
	if (vm_operations_crashed(vm, reason))
		return;
	vm_enter_state(vm, VM_CRASHED, reason, LOG_ERROR, EVENT_CRASHED);
	if (vm->group != HANDLE_NONE)
		vm_release(vm, AFTER_NOTHING);
}

void vm_end(struct vm *vm, const char *reason)
{
	vm_enter_state(vm, VM_STOPPED, reason, LOG_INFO, EVENT_STOPPED);
	vm_notice_end(vm);
	vm_release(vm, AFTER_NOTHING);
}
