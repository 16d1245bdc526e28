/* SPDX-License-Identifier: MIT */
/*
 * Goes back to a snapshot of a VM, for `vm reset --to`. The monitor holds the VM, the disks'
 * drivers put back old blocks, the kernel drops the pages written since the snapshot, and the
 * monitor loads the saved state. Called by vm_snapshot.c, whose operation this is.
 */
#include "vmm/manager/vm/operation/snapshot/vm_snapshot_reset.h"
#include "lib/read_once.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/manager/vm/vm_handover.h"
#include "vmm/manager/vm/disks/vm_snapshot_disk.h"
#include "vmm/manager/vm/disks/vm_volume.h"
#include "vmm/manager/vm/vm_turn.h"
#include "vmm/manager/vm/operation/snapshot/vm_snapshot.h"
#include "vmm/manager/vm/vm_operation.h"
#include "vmm/manager/vm/vm_snapshot_list.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"
#include "vmm/rt/syscall.h"

/*
 * A disk's driver that puts old blocks back has to move some within this time, or it is restarted.
 */
#define PUT_BACK_NS (60 * NS_PER_S)

static bool vm_snapshot_reset_may_begin(struct vm *vm, const struct vm_snapshot *to, char *problem,
					size_t size)
{
	bool alive = vm->group != HANDLE_NONE && !vm_is_ending(vm);

	if (!alive || (!vm_is_up(vm) && vm->state != VM_CRASHED))
		format(problem, size,
		       "it is %s; only a running, paused or crashed VM can be set back",
		       vm_state_name(vm->state));
	else if (!vm_snapshot_on_top(vm, to))
		format(problem, size,
		       "above snapshot %s lies the memory of a later one; go back to the last one, "
		       "or use `vm clone`, which begins from any",
		       to->name);
	else if (!vm_disks_known_at(vm, to))
		format(problem, size,
		       "what its disks held at snapshot %s is no longer kept, since there was a "
		       "later one; go back to the last that was taken",
		       to->name);
	else
		return vm_volumes_have_their_keys(vm, to, problem, size) &&
		       vm_handover_may_begin(vm, problem, size);
	return false;
}

bool vm_snapshot_reset_begin(struct vm *vm, const struct vm_snapshot *to, char *problem,
			     size_t size)
{
	struct vm_snapshots *snapshots = &vm->snapshots;
	struct vm_operation *operation = &vm->operation[OPERATION_SNAPSHOT];

	if (!vm_snapshot_reset_may_begin(vm, to, problem, size))
		return false;
	snapshots->place = (u32)(to - snapshots->list);
	operation->problem[0] = '\0';
	snapshots->resets = true;
	vm_send(vm, VM_COMMAND_HOLD);
	vm_snapshot_enter(vm, SNAPSHOT_HOLDING);
	return true;
}

static void vm_snapshot_reset_enter_putting_back(struct vm *vm)
{
	struct vm_operation *operation = &vm->operation[OPERATION_SNAPSHOT];

	vm->snapshots.moved = vm_disks_moved(vm);
	vm_operation_enter(operation, SNAPSHOT_PUTTING_BACK, PUT_BACK_NS);
}

void vm_snapshot_reset_lost(struct vm *vm, const char *problem)
{
	struct vm_operation *operation = &vm->operation[OPERATION_SNAPSHOT];

	operation->phase = SNAPSHOT_NONE;
	format(operation->problem, VM_PROBLEM_BYTES, "%s", problem);
	vm_disks_go_on(vm);
	vm_crash(vm, problem, true);
}

/*
 * Waits until the drivers have put back the disks' old blocks, before the RAM goes back: until the
 * RAM is reset, the VM either stays as it was or crashes.
 */
void vm_snapshot_reset_disks(struct vm *vm)
{
	struct vm_operation *operation = &vm->operation[OPERATION_SNAPSHOT];
	char problem[VM_PROBLEM_BYTES];
	enum disk_undo_state state = vm_disks_are_back(vm, problem, sizeof(problem));

	if (state == DISK_UNDO_DONE)
		state = vm_volumes_done(vm, problem, sizeof(problem));
	if (state == DISK_UNDO_DONE) {
		vm_disks_go_on(vm);
		vm_snapshot_enter(vm, SNAPSHOT_RESETTING);
	} else if (state == DISK_UNDO_FAILED || clock_tsc() >= operation->until_tsc) {
		vm_snapshot_reset_lost(vm, problem);
	} else if (vm_disks_moved(vm) != vm->snapshots.moved) {
		vm_snapshot_reset_enter_putting_back(vm);
	}
}

void vm_snapshot_reset_held(struct vm *vm)
{
	char problem[VM_PROBLEM_BYTES];

	if (READ_ONCE(vm->channel->held) == 0) {
		vm_snapshot_not_done_as_said(vm);
	} else if (!vm_disks_are_whole(vm, problem, sizeof(problem))) {
		vm_snapshot_not_done(vm, problem);
	} else {
		vm_disks_put_back(vm);
		vm_volumes_go_back(vm);
		vm_snapshot_reset_enter_putting_back(vm);
		vm_snapshot_reset_disks(vm);
	}
}

/* Has the monitor load the saved state; once its first page is loaded, the former state is lost. */
static void vm_snapshot_load(struct vm *vm)
{
	const struct vm_snapshot *snapshot = &vm->snapshots.list[vm->snapshots.place];
	handle_t theirs = HANDLE_NONE;
	enum status status =
		sys_handle_grant(vm->monitor.process, snapshot->state, RIGHT_READ, &theirs);

	if (status != STATUS_OK)
		/* if the monitor gets no handle of the state, it reports that it cannot read it */
		theirs = HANDLE_NONE;
	vm->channel->state_memory = theirs;
	vm->channel->state_size = snapshot->state_used;
	vm_snapshot_go_on(vm, VM_COMMAND_LOAD);
}

/*
 * Has the kernel make steps of the RAM's reset. The VM's rests between turns (vm_turn.h) are added
 * to the time limit, as giving up would cost the guest its life.
 */
void vm_snapshot_reset_memory(struct vm *vm)
{
	struct vm_operation *operation = &vm->operation[OPERATION_SNAPSHOT];
	struct vm_turn turn = vm_turn_begin(vm);
	enum status status = STATUS_AGAIN;

	while (status == STATUS_AGAIN && vm_turn_goes_on(&turn))
		status = sys_memory_reset(vm->ram);
	operation->until_tsc += vm_turn_end(vm, &turn);
	if (status == STATUS_AGAIN)
		return;
	if (status == STATUS_OK)
		vm_snapshot_load(vm);
	else
		vm_snapshot_not_done_status(vm, "resetting", status);
}
