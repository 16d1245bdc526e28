/* SPDX-License-Identifier: MIT */
/*
 * Stops a guest by its power button, or ends it when that has no effect. Begun by vm_act for `vm
 * stop`, moved on by the table of vm_operation.c.
 */
#include "vmm/manager/vm/operation/stop/vm_stop_types.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/manager/vm/vm_operation.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

static bool vm_stop_begin(struct vm *vm, const void *wish, char *problem, size_t size)
{
	struct vm_operation *operation = &vm->operation[OPERATION_STOP];

	(void)wish;
	if (operation->phase != STOP_NONE) {
		format(problem, size, "%s is being stopped already, `vm destroy` does not wait",
		       vm->config.name);
		return false;
	}
	if (vm->config.stop_timeout_ns == 0) {
		vm_end(vm, "ended by `vm stop`");
		return true;
	}
	vm_operation_enter(operation, STOP_PRESSED, vm->config.stop_timeout_ns);
	vm->press_again_tsc = clock_tsc() + clock_ns_to_tsc(VM_PRESS_AGAIN_NS);
	vm_send(vm, VM_COMMAND_POWER_BUTTON);
	return true;
}

static bool vm_stop_step(struct vm *vm, u64 now_tsc)
{
	const struct vm_operation *operation = &vm->operation[OPERATION_STOP];

	if (operation->phase == STOP_NONE)
		return false;
	if (now_tsc >= operation->until_tsc) {
		vm_end(vm, "ended by `vm stop`, the power button had no effect");
	} else if (now_tsc >= vm->press_again_tsc) {
		vm->press_again_tsc = now_tsc + clock_ns_to_tsc(VM_PRESS_AGAIN_NS);
		if (vm->state == VM_RUNNING && vm_command_done(vm))
			vm_send(vm, VM_COMMAND_POWER_BUTTON);
	}
	return false;
}

static u64 vm_stop_deadline(const struct vm *vm)
{
	const struct vm_operation *operation = &vm->operation[OPERATION_STOP];

	return operation->phase != STOP_NONE ? MIN(operation->until_tsc, vm->press_again_tsc)
					     : ~0ull;
}

static void vm_stop_abandon(struct vm *vm)
{
	vm->operation[OPERATION_STOP].phase = STOP_NONE;
}

/* Ends the stop of a guest that has crashed, which cannot power off any more. */
static bool vm_stop_crashed(struct vm *vm, const char *reason)
{
	(void)reason;
	vm_stop_abandon(vm);
	return false;
}

const struct vm_operation_ops vm_stop_ops = {
	.name = "stop",
	.begin = vm_stop_begin,
	.step = vm_stop_step,
	.deadline = vm_stop_deadline,
	.abandon = vm_stop_abandon,
	.crashed = vm_stop_crashed,
};
