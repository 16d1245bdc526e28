/* SPDX-License-Identifier: MIT */
#include "vmm/manager/vm/vm_quota.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/manager/vm/vm_overcommit.h"
#include "vmm/rt/format.h"
#include "vmm/rt/status_text.h"
#include "vmm/rt/syscall.h"

/* A monitor's remains take some hundred; a hostile one's are not to hold up the others' VMs. */
#define TIDY_STEPS 4096u

void vm_quota_tidy(const struct vm *vm)
{
	for (u32 i = 0; i < TIDY_STEPS; i++) {
		if (sys_group_set(vm->group, GROUP_TIDY, 0) != STATUS_IN_USE)
			return;
	}
}

bool vm_quota_raise(struct vm *vm, u64 pages, char *problem, size_t size)
{
	u64 available = vm_overcommit_available(pages);
	enum status status;

	if (pages > available) {
		format(problem, size,
		       "memory: found %llu KiB that are promised to nobody, allowed: with the "
		       "%llu KiB that it takes, %llu KiB are missing",
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

void vm_quota_lower(struct vm *vm, u64 pages)
{
	if (sys_group_set(vm->group, GROUP_QUOTA, vm->quota_pages - pages) == STATUS_OK)
		vm->quota_pages -= pages;
}
