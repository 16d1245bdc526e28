/* SPDX-License-Identifier: MIT */
/*
 * Reads the reports of a VM's monitor about its guest: no other file reads the state, the resets
 * and the answers to commands in the channel. Called by vm_step, once a turn, when a monitor has
 * ended, and after a reset to a snapshot. It may start, stop or crash the VM; all other code reads
 * vm->report, which changes nothing.
 */
#include "vmm/manager/vm/process/vm_report.h"
#include "lib/read_once.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/log/vm_events.h"
#include "vmm/manager/process/process_end.h"
#include "vmm/manager/vm/process/vm_firmware.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/manager/vm/vm_crash.h"
#include "vmm/manager/vm/vm_output.h"
#include "vmm/manager/vm/memory/vm_overcommit.h"
#include "vmm/manager/vm/vm_life.h"
#include "vmm/manager/vm/vm_log.h"

/* Copies the reason that the monitor wrote, with '?' for unprintable bytes. */
static void vm_report_reason(const struct vm *vm, char *reason, size_t size)
{
	char raw[sizeof(vm->reason)];

	memcpy(raw, vm->channel->reason, sizeof(raw));
	text_show(reason, size, (struct text){raw, strnlen(raw, sizeof(raw))});
}

/*
 * Returns whether the guest was reset since the last call. Unasked resets are recorded as crashes:
 * the monitor itself stops its guest after VM_CRASH_LIMIT of them, but crashes under earlier
 * monitors count, too.
 */
static bool vm_report_take_resets(struct vm *vm)
{
	u32 resets = vm->channel->reset_count;
	u32 unasked = vm->channel->unasked_resets;
	bool any = resets != vm->report.resets;

	/* A faulty monitor may report any count: above the limit the number makes no difference. */
	for (u32 i = MIN(unasked - vm->report.unasked, VM_CRASH_LIMIT); i > 0; i--)
		vm_crash_record(vm);
	vm->report.unasked = unasked;
	vm->report.resets = resets;
	return any;
}

static enum vm_event vm_report_event(const struct vm *vm, u32 state, bool reset)
{
	if (state == VM_PAUSED)
		return EVENT_PAUSED;
	if (vm->state == VM_CREATED)
		return EVENT_STARTED;
	return reset ? EVENT_RESET : EVENT_RESUMED;
}

/*
 * Returns whether the reported state is possible after the manager's last command: paused if, and
 * only if, the operator asked for a pause.
 */
static bool vm_report_is_possible(const struct vm *vm, u32 state)
{
	if (!vm_life_reports(vm->state, state) || (vm_is_new(vm) && state != VM_CRASHED))
		return false;
	if (state == VM_PAUSED)
		return vm->wish.pause;
	return state != VM_RUNNING || !vm->wish.pause;
}

/*
 * Reports a reset of the guest to operators and programs. Resets that no operator asked for are
 * reported only as far as the VM may have lines in the log.
 */
static void vm_report_reset(struct vm *vm)
{
	if (vm->wish.reset || vm_log_allows(vm))
		vm_event(vm->config.name, vm->uuid, EVENT_RESET, "");
	vm->wish.reset = false;
}

static void vm_report_take_state(struct vm *vm)
{
	char reason[sizeof(vm->reason)];
	u32 state = __atomic_load_n(&vm->channel->state, __ATOMIC_ACQUIRE);
	bool reset = vm_report_take_resets(vm);
	enum vm_event event;

	vm->report.state = state;
	if (reset && state == VM_RUNNING && vm->state == VM_RUNNING)
		vm_report_reset(vm);
	if (vm_is_ending(vm) || vm_has_ended(vm))
		return;
	if (state == VM_PAUSED && vm_overcommit_stopped(vm)) {
		vm_overcommit_ask(vm, false);
		return;
	}
	if (state == vm->state || (vm->hunger == VM_PARKED && state == VM_RUNNING))
		return;
	if (!vm_report_is_possible(vm, state)) {
		vm_crash(vm, "its monitor reported an impossible state", true);
		return;
	}
	vm_report_reason(vm, reason, sizeof(reason));
	if (state == VM_STOPPED) {
		vm->exit_code = vm->channel->exit_code;
		if (vm->state == VM_CREATED)
			vm_event(vm->config.name, vm->uuid, EVENT_STARTED, "");
		vm_end(vm, reason[0] != '\0' ? reason : "by the guest");
	} else if (state != VM_CRASHED) {
		bool full = state == VM_PAUSED && vm->full.waits;

		event = vm_report_event(vm, state, reset);
		vm->hunger_told = false;
		vm_enter_state(vm, (enum vm_state)state, full ? vm->full.reason : "",
			       full ? LOG_WARNING : LOG_INFO, event);
	} else {
		vm_crash(vm, reason[0] != '\0' ? reason : "its monitor gave no reason", true);
	}
}

void vm_report_take(struct vm *vm)
{
	struct vm_report *report = &vm->report;

	if (vm->channel == NULL)
		return;
	report->heard = false;
	/* The monitor writes its state before it says that it is ready or has done a command. */
	report->ready = __atomic_load_n(&vm->channel->ready, __ATOMIC_ACQUIRE) != 0;
	report->done = __atomic_load_n(&vm->channel->done_sequence, __ATOMIC_ACQUIRE);
	vm_log_take(vm);
	vm_output_count(vm);
	vm_vsock_look(vm);
	/* The VM may have been started after it became ready, and may run already. */
	if (vm->phase == VM_PHASE_NEW && report->ready) {
		vm_event(vm->config.name, vm->uuid, EVENT_CREATED, "");
		vm->phase = VM_PHASE_KNOWN;
	}
	vm_report_take_state(vm);
	if (vm_is_ending(vm) || !report->ready)
		return;
	if (vm->wish.start)
		vm_firmware_start(vm);
	vm->wish.start = false;
}

/* Returns whether the channel says something other than when it was last read. */
static bool vm_report_is_new(const struct vm *vm)
{
	const struct vm_channel *channel = vm->channel;
	const struct vm_report *report = &vm->report;

	return READ_ONCE(channel->state) != report->state ||
	       READ_ONCE(channel->done_sequence) != report->done ||
	       (READ_ONCE(channel->ready) != 0) != report->ready;
}

void vm_report_step(struct vm *vm)
{
	if (vm->channel != NULL && (vm->report.heard || vm_report_is_new(vm)))
		vm_report_take(vm);
}

bool vm_report_after_reset(struct vm *vm)
{
	bool crashed = vm->state == VM_CRASHED; /* a VM that crashes by this report may be ending */
	u32 state = __atomic_load_n(&vm->channel->state, __ATOMIC_ACQUIRE);

	if (state == VM_CRASHED && vm->state == VM_CRASHED)
		vm_report_reason(vm, vm->reason, sizeof(vm->reason));
	vm_report_take_state(vm);
	if (crashed && (state == VM_RUNNING || state == VM_STOPPED)) {
		vm->wish.pause = false;
		vm_enter_state(vm, VM_RUNNING, "", LOG_INFO, EVENT_STARTED);
		/* the guest may have ended by itself since it went back to the snapshot */
		vm_report_take_state(vm);
	} else if (vm->state == VM_RUNNING) {
		vm_event(vm->config.name, vm->uuid, EVENT_RESET, "");
	}
	return vm->state != VM_CRASHED;
}

void vm_process_ended(struct vm *vm)
{
	char reason[PROCESS_DIED_BYTES];

	vm_report_take(vm); /* reads the last reports of the monitor */
	if (vm_is_ending(vm) || vm->group == HANDLE_NONE)
		return; /* the manager itself has ended the process */
	if (vm->state == VM_CRASHED)
		vm_release(vm, AFTER_NOTHING);
	else
		vm_crash(vm, process_died_text(vm->monitor.process, "its monitor", reason), false);
}
