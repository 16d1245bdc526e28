/* SPDX-License-Identifier: MIT */
/*
 * Asserts that a VM's phase, state and operations are consistent with each other. Called by vm_step
 * through vm_check, before the steps of each VM, in builds with DEBUG=1. Only reads.
 */
#include "vmm/manager/vm/vm_check.h"
#include "vmm/manager/vm/vm_operation.h"

#include "vmm/rt/start.h"

#ifdef DEBUG
#define PROMISE(condition)                                                                         \
	do {                                                                                       \
		if (unlikely(!(condition)))                                                        \
			rt_fail("broken promise: " #condition);                                    \
	} while (0)

static void vm_check_life(const struct vm *vm)
{
	bool up = vm_is_up(vm);

	PROMISE(vm->id != 0);
	PROMISE(vm->state < VM_STATE_COUNT);
	PROMISE(vm_is_ending(vm) || vm->after == AFTER_NOTHING);
	PROMISE(vm_is_ending(vm) || vm->held_by == HELD_BY_NOBODY);
	PROMISE(vm->phase != VM_PHASE_REFUSED || vm->after == AFTER_REMOVE);
	PROMISE(vm->phase != VM_PHASE_NEW || vm->state == VM_CREATED);
	/* a VM that has ended keeps its memory until its group is gone */
	PROMISE(!up || vm->group != HANDLE_NONE);
	PROMISE(!up || vm_is_ending(vm) || vm->channel != NULL);
	PROMISE(vm->state != VM_CREATED || vm_is_ending(vm) || vm->group != HANDLE_NONE);
	PROMISE(vm->origin == NULL); /* `origin` is of use only while the monitor is made */
	PROMISE(!vm_is_ending(vm) || !vm->wish.start);
}

/*
 * Checks that each operation under way has a limit, and that no operation that needs the monitor
 * continues while a VM ends.
 */
static void vm_check_operations(const struct vm *vm)
{
	for (u32 kind = 0; kind < OPERATION_COUNT; kind++)
		PROMISE(vm->operation[kind].phase == 0 || vm->operation[kind].until_tsc != 0);
	if (!vm_is_ending(vm))
		return;
	PROMISE(!vm_operations_busy(vm));
	PROMISE(vm->operation[OPERATION_STOP].phase == STOP_NONE);
	PROMISE(vm->operation[OPERATION_SAVE].phase != SAVE_WRITING);
	PROMISE(vm->operation[OPERATION_BACKUP].phase == BACKUP_NONE ||
		vm->operation[OPERATION_BACKUP].phase == BACKUP_ENDING);
}

/* Checks that an operation has its handles and links only in the phases that need them. */
static void vm_check_parts(const struct vm *vm)
{
	const struct vm_operation *operation = vm->operation;

	PROMISE((operation[OPERATION_SAVE].phase == SAVE_NONE) == (vm->save.disk == 0));
	PROMISE(operation[OPERATION_BACKUP].phase != BACKUP_SAVING ||
		operation[OPERATION_RENEW].phase != RENEW_NONE);
	PROMISE(operation[OPERATION_BACKUP].phase != BACKUP_COPYING || vm->backup.page != NULL);
	PROMISE(operation[OPERATION_TRIM].phase == TRIM_NONE || vm->trim.next <= vm->trim.end);
	PROMISE(vm->snapshots.layer <= vm->snapshots.depth);
	PROMISE(vm->snapshots.place < VM_SNAPSHOT_MAX);
}

void vm_check_promises(const struct vm *vm)
{
	vm_check_life(vm);
	vm_check_operations(vm);
	vm_check_parts(vm);
}
#endif
