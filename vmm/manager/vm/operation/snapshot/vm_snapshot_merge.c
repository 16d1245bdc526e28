/* SPDX-License-Identifier: MIT */
/*
 * Merges the top layer below a VM's RAM once no snapshot and no clone needs it: the RAM takes over
 * its pages. Without layers all is as before the first snapshot: disks' devices reach the RAM
 * again, and pages that a balloon takes are freed. Called by vm_snapshot.c and vm_snapshot_keep.c.
 */
#include "vmm/manager/vm/vm.h"
#include "vmm/manager/vm/memory/vm_quota.h"
#include "vmm/manager/vm/disks/vm_snapshot_disk.h"
#include "vmm/manager/vm/vm_turn.h"
#include "vmm/manager/vm/operation/snapshot/vm_snapshot.h"
#include "vmm/manager/vm/vm_snapshot_list.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/syscall.h"

#define TRY_AGAIN_NS NS_PER_S

static bool vm_snapshot_merge_is_needed(struct vm *vm)
{
	VM_SNAPSHOT_FOR_EACH(vm, snapshot) {
		if (snapshot->name[0] != '\0' && vm_snapshot_on_top(vm, snapshot))
			return true;
	}
	VM_FOR_EACH(clone)
		if (clone->clone_of == vm->id && clone->clone_layer == vm->snapshots.layer)
			return true;
	return false;
}

void vm_snapshot_merge_begin(struct vm *vm)
{
	struct vm_snapshots *snapshots = &vm->snapshots;
	struct vm_operation *operation = &vm->operation[OPERATION_SNAPSHOT];

	if (snapshots->layer == 0 || vm_snapshot_merge_is_needed(vm) || vm_busy(vm) ||
	    !vm_is_up(vm) || clock_tsc() < snapshots->merge_after_tsc)
		return;
	operation->phase = SNAPSHOT_MERGING;
	operation->until_tsc = ~0ull; /* no limit: the kernel's steps are bounded */
}

/*
 * Returns a pointer to the page count of the layer at the present depth. The kernel has no more
 * than VM_LAYERS_MAX layers, so that no other layer has this place.
 */
static u64 *vm_snapshot_merge_pages_of_layer(struct vm_snapshots *snapshots)
{
	return &snapshots->layer_pages[snapshots->layer % VM_LAYERS_MAX];
}

void vm_snapshot_layer_made(struct vm *vm, u64 pages)
{
	*vm_snapshot_merge_pages_of_layer(&vm->snapshots) = pages;
	vm->snapshots.layer++;
}

static void vm_snapshot_merge_merged(struct vm *vm)
{
	struct vm_snapshots *snapshots = &vm->snapshots;

	snapshots->layer--;
	snapshots->depth--;
	if (snapshots->layer == 0)
		vm_disks_reach_again(vm);
	vm_quota_lower(vm, *vm_snapshot_merge_pages_of_layer(snapshots));
}

bool vm_snapshot_merge_step(struct vm *vm)
{
	struct vm_snapshots *snapshots = &vm->snapshots;
	struct vm_operation *operation = &vm->operation[OPERATION_SNAPSHOT];
	struct vm_turn turn = vm_turn_begin(vm);
	enum status status = STATUS_AGAIN;

	while (status == STATUS_AGAIN && vm_turn_goes_on(&turn))
		status = sys_memory_merge(vm->ram);
	(void)vm_turn_end(vm, &turn);
	if (status == STATUS_AGAIN)
		return vm->rest_until_tsc == 0;
	operation->phase = SNAPSHOT_NONE;
	if (status == STATUS_OK) {
		vm_snapshot_merge_merged(vm);
		vm_snapshot_merge_begin(vm);
		/*
		 * the kernel has no memory for the merge at the moment, or a clone has not ended
		 * completely
		 */
	} else {
		snapshots->merge_after_tsc = clock_tsc() + clock_ns_to_tsc(TRY_AGAIN_NS);
	}
	return operation->phase != SNAPSHOT_NONE;
}
