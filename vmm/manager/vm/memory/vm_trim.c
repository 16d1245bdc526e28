/* SPDX-License-Identifier: MIT */
/*
 * Frees the pages of a VM's RAM that hold only zeros. Called by `vm trim`, vm_overcommit.c
 * and, for its steps, vm_operation.c. Owns vm->trim; the kernel looks at the pages.
 */
#include "vmm/manager/vm/memory/vm_trim.h"

#include "vmm/manager/vm/vm.h"
#include "vmm/manager/vm/vm_turn.h"
#include "vmm/manager/vm/vm_operation.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"
#include "vmm/rt/status_text.h"
#include "vmm/rt/syscall.h"

/* steps of a trim in a turn, in which the kernel looks at some 256 pages if there is time */
#define STEPS 8u
/*
 * The time limit of a step of a trim: it waits some milliseconds for CPUs, and a monitor that frees
 * pages itself can make the kernel begin it again.
 */
#define STEP_NS (2 * NS_PER_S)

/*
 * Begins a trim at the first page of the VM's RAM. The VM's memory must be its own, not that of a
 * snapshot or clone.
 */
static bool vm_trim_begin_at_first(struct vm *vm, const void *wish, char *problem, size_t size)
{
	struct vm_operation *operation = &vm->operation[OPERATION_TRIM];
	struct vm_trim *trim = &vm->trim;

	(void)wish;
	if (operation->phase != TRIM_NONE)
		return true;
	if (vm->group == HANDLE_NONE || vm_is_ending(vm) || !vm_ready(vm))
		format(problem, size, "it is %s; only a running or paused VM can be trimmed",
		       vm_is_ending(vm) && !vm_has_ended(vm) ? "leaving"
							     : vm_state_name(vm->state));
	else if (vm->snapshots.layer != 0 || vm->clone_of != 0)
		format(problem, size,
		       "its memory lies above %s; only a VM without snapshots that is no clone can "
		       "be trimmed",
		       vm->clone_of != 0 ? "another's" : "a snapshot's");
	else
		*operation = (struct vm_operation){.phase = TRIM_LOOKING, .until_tsc = ~0ull};
	if (operation->phase == TRIM_NONE)
		return false;
	*trim = (struct vm_trim){
		.end = vm->config.memory_bytes / PAGE_SIZE,
		.given_all = trim->given_all,
	};
	return true;
}

bool vm_trim_begin(struct vm *vm, char *problem, size_t size)
{
	return vm_operation_begin(vm, OPERATION_TRIM, NULL, problem, size);
}

static void vm_trim_end(struct vm *vm, const char *problem)
{
	struct vm_operation *operation = &vm->operation[OPERATION_TRIM];

	operation->phase = TRIM_NONE;
	format(operation->problem, VM_PROBLEM_BYTES, "%s", problem);
	vm->trim.ended_tsc = clock_tsc();
}

static const char *vm_trim_reason(enum status status)
{
	if (status == STATUS_BAD_STATE)
		return "a device reaches its memory, or a snapshot was taken";
	if (status == STATUS_AGAIN)
		return "pages are given back all the time, by its monitor or by others";
	return status_text(status);
}

static void vm_trim_step_memory(struct vm *vm)
{
	struct vm_trim *trim = &vm->trim;
	enum status status;
	u64 given;
	u64 done;

	if (vm_is_ending(vm) || vm->group == HANDLE_NONE) {
		vm_trim_end(vm, "the VM has ended");
		return;
	}
	status = sys_memory_trim(vm->ram, trim->next, trim->end - trim->next, &done, &given);
	if (status == STATUS_AGAIN && trim->step_until_tsc == 0)
		trim->step_until_tsc = clock_tsc() + clock_ns_to_tsc(STEP_NS);
	if (status == STATUS_AGAIN && clock_tsc() < trim->step_until_tsc)
		return;
	trim->step_until_tsc = 0;
	if (status != STATUS_OK) {
		vm_trim_end(vm, vm_trim_reason(status));
		return;
	}
	trim->given += given;
	trim->given_all += given;
	trim->next += MIN(done, trim->end - trim->next);
	if (trim->next == trim->end)
		vm_trim_end(vm, "");
}

static bool vm_trim_step(struct vm *vm, u64 now_tsc)
{
	const struct vm_operation *operation = &vm->operation[OPERATION_TRIM];
	struct vm_turn turn = vm_turn_begin(vm);

	(void)now_tsc;
	for (u32 i = 0; i < STEPS && operation->phase != TRIM_NONE && vm_turn_goes_on(&turn); i++)
		vm_trim_step_memory(vm);
	(void)vm_turn_end(vm, &turn);
	return operation->phase != TRIM_NONE && vm->rest_until_tsc == 0;
}

const struct vm_operation_ops vm_trim_ops = {
	.name = "trim",
	.begin = vm_trim_begin_at_first,
	.step = vm_trim_step,
	.one_vm = true,
};
