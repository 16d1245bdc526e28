/* SPDX-License-Identifier: MIT */
/*
 * The operation that takes a snapshot when a guest asks for it by the device of its window, and
 * gives VMs their windows. Moved on by vm_operation.c; vm_snapshot.c does the work. What the
 * monitor asks is read once; a guest that asks again and again gets one snapshot a second.
 */
#include "vmm/manager/vm/operation/snapshot/vm_on_request.h"

#include "lib/read_once.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/vm/operation/snapshot/vm_snapshot.h"
#include "vmm/manager/vm/process/vm_window.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/manager/vm/vm_log.h"
#include "vmm/manager/vm/vm_operation.h"
#include "vmm/manager/vm/vm_snapshot_list.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/syscall.h"

/* The time after which the drop of an older snapshot on request is looked at again. */
#define DROP_AGAIN_NS (10 * NS_PER_MS)

static bool vm_on_request_is_asked(const struct vm *vm)
{
	return vm->window.number != 0 && vm->channel != NULL && vm_is_up(vm) && !vm_is_ending(vm) &&
	       READ_ONCE(vm->channel->window_wanted) != vm->window.handled;
}

void vm_on_request_forget(struct vm *vm)
{
	if (vm->channel != NULL && vm->window.number != 0)
		__atomic_store_n(&vm->channel->window_snapshot, 0, __ATOMIC_RELEASE);
}

void vm_on_request_taken(struct vm *vm, const char *problem)
{
	struct vm_channel *channel = vm->channel;

	if (!vm->window.taking)
		return;
	vm->window.taking = false;
	if (problem[0] == '\0')
		__atomic_store_n(&channel->window_snapshot, vm->window.handled, __ATOMIC_RELEASE);
	else
		__atomic_store_n(&channel->window_refused, vm->window.handled, __ATOMIC_RELEASE);
	if (problem[0] != '\0' && vm_log_allows(vm))
		log_message(LOG_WARNING, LOG_VM, vm->config.name,
			    "the snapshot that its guest asked for was refused: %s", problem);
	(void)sys_event_signal(vm->monitor.wake);
}

/*
 * Begins what the guest has asked for. An older snapshot on request is dropped first: the guest has
 * been started afresh, or asks for another beginning.
 */
static void vm_on_request_begin(struct vm *vm, u64 now_tsc)
{
	struct vm_snapshot *old = vm_snapshot_find(vm, VM_ON_REQUEST_NAME);
	char problem[VM_PROBLEM_BYTES] = "";

	if (old != NULL && old->on_request) {
		vm->window.next_tsc = now_tsc + clock_ns_to_tsc(DROP_AGAIN_NS);
		(void)vm_snapshot_drop(vm, old, problem, sizeof(problem));
		return;
	}
	vm->window.next_tsc = now_tsc + clock_ns_to_tsc(NS_PER_S);
	vm->window.handled = READ_ONCE(vm->channel->window_wanted);
	vm->window.taking = true;
	__atomic_store_n(&vm->channel->window_save, vm->window.handled, __ATOMIC_RELEASE);
	if (!vm_snapshot_take(vm, VM_ON_REQUEST_NAME, false, problem, sizeof(problem)))
		vm_on_request_taken(vm, problem);
}

static bool vm_on_request_step(struct vm *vm, u64 now_tsc)
{
	if (vm_on_request_is_asked(vm) && now_tsc >= vm->window.next_tsc && !vm_busy(vm))
		vm_on_request_begin(vm, now_tsc);
	return false;
}

static u64 vm_on_request_deadline(const struct vm *vm)
{
	return vm_on_request_is_asked(vm) && !vm_busy(vm) ? vm->window.next_tsc : ~0ull;
}

static void vm_on_request_furnish(struct vm *vm, struct process_build *build, bool heir)
{
	(void)heir;
	vm_window_give(vm, build);
}

static bool vm_on_request_detach(struct vm *vm)
{
	vm_window_detach(vm);
	return true;
}

static void vm_on_request_abandon(struct vm *vm)
{
	vm->window.taking = false;
}

const struct vm_operation_ops vm_on_request_ops = {
	.name = "on request",
	.step = vm_on_request_step,
	.deadline = vm_on_request_deadline,
	.abandon = vm_on_request_abandon,
	.furnish = vm_on_request_furnish,
	.detach = vm_on_request_detach,
	.ended = vm_window_leave,
};
