/* SPDX-License-Identifier: MIT */
/*
 * Raises and lowers the quota of a VM's memory group while the VM runs. Called by the operations on
 * VMs (snapshot, backup, save, renewal, disks) and by vm_step. Owns quota_pages and quota_surplus
 * of the VM.
 */
#include "vmm/manager/vm/memory/vm_quota.h"
#include "lib/bits.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/manager/vm/memory/vm_overcommit.h"
#include "vmm/manager/vm/vm_turn.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"
#include "vmm/rt/status_text.h"
#include "vmm/rt/syscall.h"

/*
 * Limits of one call of vm_quota_tidy. Freeing an ended monitor takes some hundred steps; the steps
 * of a hostile monitor, which may make many or hold locks, must not delay other VMs.
 */
#define TIDY_STEPS 4096u
#define TIDY_NS	   (200 * NS_PER_MS)

/*
 * The intervals at which the manager tries to take surplus pages of a quota back. Ended objects are
 * freed soon, so the first looks are frequent; but the monitor may go on using the pages for good.
 */
#define LOOK_NS	       (10 * NS_PER_MS)
#define LOOKS	       100u
#define LOOK_SELDOM_NS NS_PER_S

/*
 * Frees ended kernel objects of the VM's memory group for at most `ns`, but makes at least one
 * step. Returns whether there may be more to free.
 */
static bool vm_quota_tidy_for(const struct vm *vm, u64 ns)
{
	u64 until_tsc = clock_tsc() + clock_ns_to_tsc(ns);

	for (u32 i = 0; i < TIDY_STEPS; i++) {
		if (sys_group_set(vm->group, GROUP_TIDY, 0) != STATUS_IN_USE)
			return false;
		if (clock_tsc() >= until_tsc)
			break;
	}
	return true;
}

void vm_quota_tidy(const struct vm *vm)
{
	(void)vm_quota_tidy_for(vm, TIDY_NS);
}

bool vm_quota_tidy_turn(struct vm *vm)
{
	struct vm_turn turn = vm_turn_begin(vm);
	bool more = vm_quota_tidy_for(vm, VM_TURN_NS);

	(void)vm_turn_end(vm, &turn);
	return more;
}

static bool vm_quota_raise_more(struct vm *vm, u64 pages, char *problem, size_t size)
{
	u64 available = vm_overcommit_available(pages);
	enum status status;

	if (pages > available) {
		format(problem, size,
		       "memory: only %llu KiB are promised to nobody; it takes %llu KiB, so %llu "
		       "KiB are missing",
		       (unsigned long long)(available * PAGE_SIZE / KIB),
		       (unsigned long long)(pages * PAGE_SIZE / KIB),
		       (unsigned long long)((pages - available) * PAGE_SIZE / KIB));
		return false;
	}
	status = sys_group_set(vm->group, GROUP_QUOTA, vm->quota_pages + pages);
	if (status == STATUS_OK)
		vm->quota_pages += pages;
	else
		format(problem, size, "the kernel says \"%s\" while raising its quota",
		       status_text(status));
	return status == STATUS_OK;
}

bool vm_quota_raise(struct vm *vm, u64 pages, char *problem, size_t size)
{
	u64 owed = MIN(pages, vm->quota_surplus);

	if (owed != 0)
		/* objects for which the quota was raised may have ended by now */
		vm_quota_tidy(vm);
	if (pages != owed && !vm_quota_raise_more(vm, pages - owed, problem, size))
		return false;
	vm->quota_surplus -= owed;
	return true;
}

/*
 * Lowers the quota by the surplus if the VM does not use that now. Otherwise, and while pages of
 * ended objects count as used, the next vm_quota_look tries again: the guest's tables may need
 * these pages meanwhile, as a merge or a freed layer makes the guest write pages anew. The quota of
 * a VM that has ended has no surplus.
 */
static void vm_quota_lower_surplus(struct vm *vm)
{
	u64 surplus = MIN(vm->quota_surplus, vm->quota_pages);
	u64 began_tsc = clock_tsc();
	enum status status = STATUS_IN_USE;
	u64 now;

	if (!vm_quota_tidy_for(vm, VM_TURN_NS))
		status = sys_group_set(vm->group, GROUP_QUOTA, vm->quota_pages - surplus);
	if (status == STATUS_OK)
		vm->quota_pages -= surplus;
	vm->quota_surplus = status == STATUS_IN_USE ? surplus : 0;
	now = clock_tsc();
	vm->quota_look_tsc =
		now + MAX(now - began_tsc,
			  clock_ns_to_tsc(vm->quota_looks < LOOKS ? LOOK_NS : LOOK_SELDOM_NS));
}

void vm_quota_lower(struct vm *vm, u64 pages)
{
	if (pages == 0)
		return;
	vm->quota_surplus += pages;
	vm->quota_looks = 0;
	vm_quota_lower_surplus(vm);
}

void vm_quota_look(struct vm *vm)
{
	if (vm->quota_surplus == 0 || clock_tsc() < vm->quota_look_tsc)
		return;
	vm->quota_looks += vm->quota_looks < LOOKS;
	vm_quota_lower_surplus(vm);
}

u64 vm_quota_deadline(const struct vm *vm)
{
	if (vm->quota_surplus == 0)
		return ~0ull;
	return MAX(vm->quota_look_tsc, clock_tsc() + clock_ns_to_tsc(LOOK_NS));
}
