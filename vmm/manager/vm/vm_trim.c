/* SPDX-License-Identifier: MIT */
/*
 * Frees the pages of a VM's RAM that hold only zeros. Called by `vm trim`, vm_overcommit.c and
 * vm_step. Owns vm->trim; the kernel looks at the pages.
 */
#include "vmm/manager/vm/vm_trim.h"

#include "vmm/manager/vm/vm.h"
#include "vmm/manager/vm/vm_turn.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"
#include "vmm/rt/status_text.h"
#include "vmm/rt/syscall.h"

#define STEPS 8u /* in a turn: some 256 pages are looked at, if there is time */
/*
 * The time limit of a step: it waits some milliseconds for CPUs, and a monitor that gives pages
 * back itself can undo it.
 */
#define STEP_NS (2 * NS_PER_S)

bool vm_trim_begin(struct vm *vm, char *problem, size_t size)
{
	struct vm_trim *trim = &vm->trim;

	if (vm_trim_is_on(trim))
		return true;
	if (vm->group == HANDLE_NONE || vm->dying || !vm_ready(vm))
		format(problem, size, "it is %s; only a running or paused VM can be trimmed",
		       vm->dying && !vm_has_ended(vm) ? "leaving" : vm_state_name(vm->state));
	else if (vm->snapshots.layer != 0 || vm->clone_of != 0)
		format(problem, size,
		       "its memory lies above %s; only a VM without snapshots that is no clone can "
		       "be trimmed",
		       vm->clone_of != 0 ? "another's" : "a snapshot's");
	else
		*trim = (struct vm_trim){
			.end = vm->config.memory_bytes / PAGE_SIZE,
			.given_all = trim->given_all,
		};
	return vm_trim_is_on(trim);
}

static void vm_trim_end(struct vm_trim *trim, const char *problem)
{
	format(trim->problem, sizeof(trim->problem), "%s", problem);
	trim->end = trim->next;
	trim->ended_tsc = clock_tsc();
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

	if (vm->dying || vm->group == HANDLE_NONE) {
		vm_trim_end(trim, "the VM has ended");
		return;
	}
	status = sys_memory_trim(vm->ram, trim->next, trim->end - trim->next, &done, &given);
	if (status == STATUS_AGAIN && trim->until_tsc == 0)
		trim->until_tsc = clock_tsc() + clock_ns_to_tsc(STEP_NS);
	if (status == STATUS_AGAIN && clock_tsc() < trim->until_tsc)
		return;
	trim->until_tsc = 0;
	if (status != STATUS_OK) {
		vm_trim_end(trim, vm_trim_reason(status));
		return;
	}
	trim->given += given;
	trim->given_all += given;
	trim->next += MIN(done, trim->end - trim->next);
	if (!vm_trim_is_on(trim))
		vm_trim_end(trim, "");
}

bool vm_trim_step(struct vm *vm)
{
	struct vm_turn turn = vm_turn_begin(vm);

	for (u32 i = 0; i < STEPS && vm_trim_is_on(&vm->trim) && vm_turn_goes_on(&turn); i++)
		vm_trim_step_memory(vm);
	(void)vm_turn_end(vm, &turn);
	return vm_trim_is_on(&vm->trim) && vm->rest_until_tsc == 0;
}
