/* SPDX-License-Identifier: MIT */
/*
 * Looks after the snapshots that a VM has: drops one on request, or those whose disks' old blocks
 * are lost. Called by `vm snapshot drop`, vm_snapshot_step and vm_build.c at the end of the VM's
 * memory group.
 */
#include "vmm/manager/log/log.h"
#include "vmm/manager/log/notice.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/manager/vm/disks/vm_clone_disk.h"
#include "vmm/manager/log/vm_events.h"
#include "vmm/manager/vm/vm_handover.h"
#include "vmm/manager/vm/memory/vm_quota.h"
#include "vmm/manager/vm/disks/vm_snapshot_disk.h"
#include "vmm/manager/vm/disks/vm_volume.h"
#include "vmm/manager/vm/operation/snapshot/vm_on_request.h"
#include "vmm/manager/vm/operation/snapshot/vm_snapshot.h"
#include "vmm/manager/vm/vm_snapshot_list.h"
#include "vmm/rt/format.h"
#include "vmm/rt/syscall.h"

void vm_snapshot_release(struct vm *vm, struct vm_snapshot *snapshot)
{
	if (snapshot->on_request)
		vm_on_request_forget(vm);
	vm_handover_end(&snapshot->state);
	if (snapshot->ram != HANDLE_NONE)
		(void)!sys_handle_close(snapshot->ram);
	vm_quota_lower(vm, snapshot->state_pages);
	vm_volumes_look();
	*snapshot = (struct vm_snapshot){.ram = HANDLE_NONE, .state = HANDLE_NONE};
}

/*
 * Drops the snapshots whose disks' old blocks are kept, to which the VM could go back, and reports
 * that.
 */
static void vm_snapshot_drop_last(struct vm *vm, const char *problem)
{
	char text[sizeof(vm->reason)];

	VM_SNAPSHOT_FOR_EACH(vm, snapshot) {
		if (snapshot->name[0] == '\0' || !snapshot->disks_kept)
			continue;
		format(text, sizeof(text), VM_SNAPSHOT_DROPPED "%s", snapshot->name, problem);
		log_message(LOG_WARNING, LOG_VM, vm->config.name, "%s", text);
		notice("%s: %s\n", vm->config.name, text);
		vm_event(vm->config.name, vm->uuid, EVENT_SNAPSHOT, text);
		vm_snapshot_release(vm, snapshot);
	}
}

static bool vm_snapshot_can_be_reset(struct vm *vm)
{
	VM_SNAPSHOT_FOR_EACH(vm, snapshot) {
		if (snapshot->name[0] != '\0' && snapshot->disks_kept)
			return true;
	}
	return false;
}

/*
 * Checks whether the old blocks of a VM's disks are still needed and still fit their memory; if
 * there is no snapshot to go back to, they are dropped.
 */
void vm_snapshot_look(struct vm *vm)
{
	bool disks = vm_disks_need_a_look(vm); /* most VMs in most turns have no disk to look at */
	char problem[VM_PROBLEM_BYTES];

	/* the clones' views are checked before the old blocks that they see are forgotten */
	if (disks) {
		vm_clone_disks_look(vm);
		vm_disks_look_at_room(vm);
	}
	if (vm->group == HANDLE_NONE || vm_is_ending(vm))
		return;
	vm_quota_look(vm);
	/* the old blocks are used by the backup */
	if (vm->operation[OPERATION_BACKUP].phase != BACKUP_NONE)
		return;
	if (disks && !vm_disks_are_whole(vm, problem, sizeof(problem)))
		vm_snapshot_drop_last(vm, problem);
	if (disks && !vm_snapshot_can_be_reset(vm))
		vm_disks_forget(vm);
	if (disks)
		vm_disks_release(vm);
	vm_snapshot_merge_begin(vm);
}

bool vm_snapshot_drop(struct vm *vm, struct vm_snapshot *snapshot, char *problem, size_t size)
{
	if (vm_busy(vm)) {
		format(problem, size, "%s is still busy with the last command, try again",
		       vm->config.name);
		return false;
	}
	VM_FOR_EACH(clone) {
		if (clone->clone_of != vm->id || !vm_is_new(clone))
			continue;
		format(problem, size, "its clone %s still reads it, try again", clone->config.name);
		return false;
	}
	if (snapshot->disks_kept && vm_disks_are_viewed(vm, problem, size))
		return false;
	vm_snapshot_release(vm, snapshot);
	vm_snapshot_merge_begin(vm);
	return true;
}

u64 vm_snapshot_deadline(const struct vm *vm)
{
	const struct vm_operation *operation = &vm->operation[OPERATION_SNAPSHOT];

	if (operation->phase != SNAPSHOT_NONE)
		return operation->until_tsc;
	return vm_quota_deadline(vm);
}
