/* SPDX-License-Identifier: MIT */
/*
 * Replaces a VM's monitor under its guest. For a short time there are two processes, which share
 * the VM's RAM, channel and links and never run the guest at the same time: the old one is held
 * before the new one is made, and the new one until the old one has ended. A save does the same
 * with a second process that writes the state in place of running the guest. Called by `vm renew`,
 * vm_save.c, vm_step and the event loop.
 */
#include "vmm/manager/vm/operation/save/vm_renew.h"
#include "lib/bits.h"
#include "lib/read_once.h"
#include "vmm/manager/driver/driver.h"
#include "vmm/manager/process/events.h"
#include "vmm/manager/disk/disk.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/process/process_end.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/manager/vm/process/vm_build.h"
#include "vmm/manager/vm/vm_handover.h"
#include "vmm/manager/vm/memory/vm_overcommit.h"
#include "vmm/manager/vm/vm_pace.h"
#include "vmm/manager/vm/memory/vm_quota.h"
#include "vmm/manager/vm/operation/save/vm_save.h"
#include "vmm/manager/vm/process/vm_report.h"
#include "vmm/manager/vm/vm_monitor.h"
#include "vmm/manager/vm/vm_operation.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

/*
 * The time limit for one record (piece) of a save: the driver of the disk that it goes to may have
 * to start anew meanwhile.
 */
#define SAVE_NS (40 * NS_PER_S)

static void vm_renew_enter(struct vm *vm, enum vm_renew_phase phase)
{
	vm_operation_enter(&vm->operation[OPERATION_RENEW], phase, VM_HANDOVER_NS);
}

/* Returns whether the second process saves the VM instead of running the guest. */
static bool vm_renew_saves(const struct vm *vm)
{
	return vm->operation[OPERATION_SAVE].phase == SAVE_WRITING;
}

static const char *vm_renew_what_for(const struct vm *vm)
{
	if (vm->save.disk == VM_SAVE_DIGEST)
		return "digested";
	return vm_renew_saves(vm) ? "saved" : "renewed";
}

/*
 * Starts the VM's links to disks, and with `networks` to switches, anew, for another process of the
 * VM.
 */
static void vm_renew_links(struct vm *vm, bool networks)
{
	for (u32 i = 0; i < CONFIG_VM_DISK_MAX; i++)
		if (vm->link[i] != NULL)
			driver_link_renew(vm->link[i]);
	for (u32 i = 0; networks && i < CONFIG_VM_NET_MAX; i++)
		if (vm->port[i] != NULL)
			driver_link_renew(vm->port[i]);
}

/*
 * Returns whether the second process uses the links to disks while the first one still exists: a
 * process that saves the VM does, and so does a monitor that checks the keys of its disks.
 */
static bool vm_renew_uses_disks(const struct vm *vm)
{
	return vm_renew_saves(vm) || disk_any_is_encrypted(vm);
}

/*
 * Lets the old monitor continue, unless a backup that this save is part of holds it a little
 * longer.
 */
static void vm_renew_go_on(struct vm *vm)
{
	struct vm_renewal *renewal = &vm->renewal;
	struct vm_operation *operation = &vm->operation[OPERATION_RENEW];

	vm_monitor_end(&renewal->heir);
	if (vm_renew_uses_disks(vm) && operation->phase == RENEW_TAKING)
		vm_renew_links(vm, false);
	vm_save_goes_on(vm);
	vm_handover_drop(vm);
	vm_handover_end(&renewal->state);
	operation->phase = RENEW_NONE;
	if (vm_operations_renewed(vm, operation->problem))
		return;
	vm_send(vm, VM_COMMAND_CONTINUE);
	vm_renew_enter(vm, RENEW_CONTINUING);
}

static void vm_renew_fall_back(struct vm *vm, const char *problem)
{
	struct vm_operation *operation = &vm->operation[OPERATION_RENEW];

	format(operation->problem, VM_PROBLEM_BYTES, "%s", problem);
	log_message(LOG_WARNING, LOG_VM, vm->config.name, "not %s: %s", vm_renew_what_for(vm),
		    operation->problem);
	vm_renew_go_on(vm);
}

static void vm_renew_fall_back_as_said(struct vm *vm)
{
	char text[VM_PROBLEM_BYTES];

	vm_handover_said(vm, text, sizeof(text));
	vm_renew_fall_back(vm, text);
}

bool vm_renew_may_begin(const struct vm *vm, char *problem, size_t size)
{
	if (!vm_is_up(vm)) {
		format(problem, size,
		       "%s is %s, only a running or paused VM can be renewed or saved",
		       vm->config.name, vm_state_name(vm->state));
		return false;
	}
	if (!vm_handover_may_begin(vm, problem, size))
		return false;
	if (vm->config.reserve_budget_ns == 0)
		return true;
	format(problem, size, "reserve: the reservation would be needed twice; set none");
	return false;
}

/*
 * Begins a renewal. If `wish` is not NULL, the renewal stops in RENEW_STANDING; the pointer is not
 * used otherwise.
 */
static bool vm_renew_begin(struct vm *vm, const void *wish, char *problem, size_t size)
{
	struct vm_renewal *renewal = &vm->renewal;
	struct vm_operation *operation = &vm->operation[OPERATION_RENEW];

	if (!vm_renew_may_begin(vm, problem, size))
		return false;
	/* the VM's quota has to cover a second monitor: raise it first */
	if (vm->overcommits && !vm_overcommit_feed(vm, problem, size))
		return false;
	vm_quota_tidy(vm);
	if (!vm_handover_save(vm, vm_handover_state_bytes(vm), problem, size))
		return false;
	operation->problem[0] = '\0';
	renewal->number++;
	renewal->stands = wish != NULL;
	vm_renew_enter(vm, RENEW_SAVING);
	return true;
}

bool vm_renew(struct vm *vm, char *problem, size_t size)
{
	return vm_operation_begin(vm, OPERATION_RENEW, NULL, problem, size);
}

bool vm_renew_standing(struct vm *vm, char *problem, size_t size)
{
	return vm_operation_begin(vm, OPERATION_RENEW, vm, problem, size);
}

static void vm_renew_enter_taking(struct vm *vm)
{
	struct vm_operation *operation = &vm->operation[OPERATION_RENEW];

	vm_renew_enter(vm, RENEW_TAKING);
	if (vm_renew_saves(vm))
		operation->until_tsc = clock_tsc() + clock_ns_to_tsc(SAVE_NS);
}

/*
 * Makes the second process. If the process uses disks, it is a new client for their drivers, so
 * that the links are renewed first.
 */
static void vm_renew_take(struct vm *vm, u64 bytes)
{
	char problem[VM_PROBLEM_BYTES];

	vm_renew_enter_taking(vm);
	if (vm_renew_uses_disks(vm))
		vm_renew_links(vm, false);
	if (!vm_build_heir(vm, bytes, problem, sizeof(problem)))
		vm_renew_fall_back(vm, problem);
}

/* Copies a piece of the state that the old monitor saved; returns whether there is more to copy. */
static bool vm_renew_saved(struct vm *vm)
{
	struct vm_renewal *renewal = &vm->renewal;
	char problem[VM_PROBLEM_BYTES];

	switch (vm_handover_take(vm, &renewal->state, &renewal->used, problem, sizeof(problem))) {
	case HANDOVER_COPIES:
		return true;
	case HANDOVER_DONE:
		if (renewal->stands && !vm_renew_saves(vm))
			vm_renew_enter(vm, RENEW_STANDING);
		else
			vm_renew_take(vm, renewal->used);
		return false;
	case HANDOVER_FAILED:
		vm_renew_fall_back(vm, problem);
		return false;
	}
	return false;
}

void vm_renew_go_on_from_standing(struct vm *vm)
{
	if (vm->operation[OPERATION_RENEW].phase == RENEW_STANDING)
		vm_renew_take(vm, vm->renewal.used);
}

void vm_renew_give_back(struct vm *vm, const char *problem)
{
	if (vm->operation[OPERATION_RENEW].phase == RENEW_STANDING)
		vm_renew_fall_back(vm, problem);
}

/* Ends the old monitor, once the new one has loaded the state: only the new one is left. */
static void vm_renew_taken(struct vm *vm)
{
	struct vm_renewal *renewal = &vm->renewal;

	vm_monitor_end(&vm->monitor);
	vm->monitor = renewal->heir;
	renewal->heir = (struct vm_monitor){.process = HANDLE_NONE};
	vm_handover_end(&renewal->state);
	(void)!events_bind(vm->monitor.process, EVENT_PROCESS, vm->id);
	vm_pace_reset(vm);
	vm_renew_links(vm, true);
	vm_send(vm, VM_COMMAND_CONTINUE);
	vm_renew_enter(vm, RENEW_CONTINUING);
}

/* Extends the time limit of a save that has written a record since this was last called. */
static void vm_renew_look_whether_it_moves(struct vm *vm)
{
	struct vm_operation *operation = &vm->operation[OPERATION_RENEW];
	u32 moved = vm_save_moved(vm);

	if (!vm_renew_saves(vm) || moved == vm->renewal.moved)
		return;
	vm->renewal.moved = moved;
	operation->until_tsc = clock_tsc() + clock_ns_to_tsc(SAVE_NS);
}

static void vm_renew_end_saved(struct vm *vm)
{
	if (!vm_saved(vm))
		vm_renew_fall_back(vm, "its saver ended before its store had confirmed");
	else if (vm->save.goes_on)
		vm_renew_go_on(vm);
}

static void vm_renew_look_whether_taken(struct vm *vm)
{
	struct vm_renewal *renewal = &vm->renewal;

	if (vm_renew_saves(vm) && vm_save_broken(vm) != NULL)
		vm_renew_fall_back(vm, vm_save_broken(vm));
	else if (__atomic_load_n(&vm->channel->taken_renewal, __ATOMIC_ACQUIRE) == renewal->number)
		vm_renew_saves(vm) ? vm_renew_end_saved(vm) : vm_renew_taken(vm);
	else if (__atomic_load_n(&vm->channel->refused_renewal, __ATOMIC_ACQUIRE) ==
		 renewal->number)
		vm_renew_fall_back_as_said(vm);
	else
		vm_renew_look_whether_it_moves(vm);
}

static void vm_renew_done(struct vm *vm)
{
	struct vm_operation *operation = &vm->operation[OPERATION_RENEW];

	operation->phase = RENEW_NONE;
	if (operation->problem[0] == '\0')
		log_message(LOG_INFO, LOG_VM, vm->config.name,
			    "%s, its guest stood still for %llu us", vm_renew_what_for(vm),
			    (unsigned long long)(vm_handover_held_ns(vm) / NS_PER_US));
}

static void vm_renew_give_up(struct vm *vm)
{
	struct vm_operation *operation = &vm->operation[OPERATION_RENEW];

	if (operation->phase == RENEW_CONTINUING)
		vm_renew_done(vm);
	else
		vm_renew_fall_back(
			vm, operation->phase == RENEW_SAVING ? "its monitor does not save it"
			    : operation->phase == RENEW_STANDING
				    ? "its guest has stood still for as long as it may"
			    : vm_renew_saves(vm)
				    ? "its disk or store takes too long"
				    : "its new monitor does not say whether it has loaded it");
}

static bool vm_renew_step(struct vm *vm, u64 now_tsc)
{
	struct vm_operation *operation = &vm->operation[OPERATION_RENEW];
	bool more = false;

	switch (operation->phase) {
	case RENEW_NONE:
		return false;
	case RENEW_SAVING:
		if (vm_command_done(vm))
			more = vm_renew_saved(vm);
		break;
	case RENEW_STANDING:
		break;
	case RENEW_TAKING:
		vm_renew_look_whether_taken(vm);
		break;
	case RENEW_CONTINUING:
		if (vm_command_done(vm))
			vm_renew_done(vm);
		break;
	}
	if (operation->phase != RENEW_NONE && now_tsc >= operation->until_tsc)
		vm_renew_give_up(vm);
	return more;
}

void vm_renew_heir_ended(struct vm *vm)
{
	struct vm_operation *operation = &vm->operation[OPERATION_RENEW];
	char problem[PROCESS_DIED_BYTES];

	if (operation->phase == RENEW_TAKING)
		vm_renew_fall_back(vm, process_died_text(vm->renewal.heir.process,
							 "its new monitor", problem));
	else
		vm_process_ended(vm);
}

/* Abandons a renewal. The handles need no closing: they end with the VM's memory group. */
static void vm_renew_abandon(struct vm *vm)
{
	if (vm->operation[OPERATION_RENEW].phase != RENEW_NONE)
		vm->renewal = (struct vm_renewal){.number = vm->renewal.number};
	vm_operation_abandon(vm, OPERATION_RENEW);
}

const struct vm_operation_ops vm_renew_ops = {
	.name = "renew",
	.busy = ~(u32)BIT(RENEW_NONE),
	.begin = vm_renew_begin,
	.step = vm_renew_step,
	.abandon = vm_renew_abandon,
};
