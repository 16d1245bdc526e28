/* SPDX-License-Identifier: MIT */
/*
 * The table of a VM's operations, and functions over it: begin an operation, do a step of all, tell
 * when the next step is due and whether an operation keeps the VM busy, and abandon all. Called by
 * vm_act.c, vm_table.c and the operations themselves. Each operation owns its entry in
 * vm->operation.
 */
#include "vmm/manager/vm/vm_operation.h"
#include "lib/bits.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

extern const struct vm_operation_ops vm_trim_ops, vm_stop_ops, vm_share_ops, vm_renew_ops,
	vm_snapshot_ops, vm_save_ops, vm_backup_ops, vm_schedule_ops, vm_rekey_ops, vm_media_ops,
	vm_on_request_ops;

static const struct vm_operation_ops *const operations[OPERATION_COUNT] = {
	[OPERATION_TRIM] = &vm_trim_ops,
	[OPERATION_STOP] = &vm_stop_ops,
	[OPERATION_CHANGE] = &vm_share_ops,
	[OPERATION_RENEW] = &vm_renew_ops,
	[OPERATION_SNAPSHOT] = &vm_snapshot_ops,
	[OPERATION_SAVE] = &vm_save_ops,
	[OPERATION_BACKUP] = &vm_backup_ops,
	[OPERATION_SCHEDULE] = &vm_schedule_ops,
	[OPERATION_REKEY] = &vm_rekey_ops,
	[OPERATION_MEDIA] = &vm_media_ops,
	[OPERATION_ON_REQUEST] = &vm_on_request_ops,
};

bool vm_operation_begin(struct vm *vm, enum vm_operation_kind kind, const void *wish, char *problem,
			size_t size)
{
	return operations[kind]->begin(vm, wish, problem, size);
}

void vm_operation_enter(struct vm_operation *operation, u32 phase, u64 ns)
{
	operation->phase = phase;
	operation->until_tsc = clock_tsc() + clock_ns_to_tsc(ns);
}

void vm_operation_abandon(struct vm *vm, enum vm_operation_kind kind)
{
	struct vm_operation *operation = &vm->operation[kind];

	if (operation->phase == 0)
		return;
	operation->phase = 0;
	format(operation->problem, VM_PROBLEM_BYTES, "%s has ended meanwhile", vm->config.name);
}

bool vm_operations_step(struct vm *vm, u64 now_tsc, u32 *taken)
{
	bool more = false;

	for (u32 kind = 0; kind < OPERATION_COUNT; kind++) {
		const struct vm_operation_ops *ops = operations[kind];
		bool again;

		if (ops->step == NULL || (*taken & BIT(kind)) != 0)
			continue;
		again = ops->step(vm, now_tsc);
		if (again && ops->one_vm)
			*taken |= (u32)BIT(kind);
		more |= again;
	}
	return more;
}

static u64 vm_operation_deadline(const struct vm *vm, u32 kind)
{
	if (operations[kind]->deadline != NULL)
		return operations[kind]->deadline(vm);
	return vm->operation[kind].phase != 0 ? vm->operation[kind].until_tsc : ~0ull;
}

u64 vm_operations_deadline(const struct vm *vm)
{
	u64 deadline = ~0ull;

	for (u32 kind = 0; kind < OPERATION_COUNT; kind++)
		deadline = MIN(deadline, vm_operation_deadline(vm, kind));
	return deadline;
}

bool vm_operations_busy(const struct vm *vm)
{
	for (u32 kind = 0; kind < OPERATION_COUNT; kind++) {
		if ((operations[kind]->busy & BIT(vm->operation[kind].phase)) != 0)
			return true;
	}
	return false;
}

void vm_operations_abandon(struct vm *vm)
{
	for (u32 kind = 0; kind < OPERATION_COUNT; kind++) {
		if (operations[kind]->abandon != NULL)
			operations[kind]->abandon(vm);
	}
}

bool vm_operations_crashed(struct vm *vm, const char *reason)
{
	for (u32 kind = 0; kind < OPERATION_COUNT; kind++) {
		if (operations[kind]->crashed != NULL && operations[kind]->crashed(vm, reason))
			return true;
	}
	return false;
}

bool vm_operations_go_back(struct vm *vm, char *problem, size_t size)
{
	for (u32 kind = 0; kind < OPERATION_COUNT; kind++) {
		if (operations[kind]->go_back != NULL)
			return operations[kind]->go_back(vm, problem, size);
	}
	return false;
}

void vm_operations_furnish(struct vm *vm, struct process_build *build, bool heir)
{
	for (u32 kind = 0; kind < OPERATION_COUNT; kind++) {
		if (operations[kind]->furnish != NULL)
			operations[kind]->furnish(vm, build, heir);
	}
}

bool vm_operations_renewed(struct vm *vm, const char *problem)
{
	for (u32 kind = 0; kind < OPERATION_COUNT; kind++) {
		if (operations[kind]->renewed != NULL && operations[kind]->renewed(vm, problem))
			return true;
	}
	return false;
}

bool vm_operations_detach(struct vm *vm)
{
	bool all = true;

	for (u32 kind = 0; kind < OPERATION_COUNT; kind++) {
		if (operations[kind]->detach != NULL)
			all &= operations[kind]->detach(vm);
	}
	return all;
}

void vm_operations_ended(struct vm *vm)
{
	for (u32 kind = 0; kind < OPERATION_COUNT; kind++) {
		if (operations[kind]->ended != NULL)
			operations[kind]->ended(vm);
	}
}
