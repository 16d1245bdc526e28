/* SPDX-License-Identifier: MIT */
/*
 * System calls on IOMMUs and on the spaces that devices reach, for the manager and drivers.
 * kernel/call/syscall.c calls each function with its handles already looked up and the object lock
 * held alone, sys_space_populate under the long lock alone. The work is done by arch/x86_64/iommu.
 */
#include "arch/x86_64/iommu/iommu.h"
#include "kernel/group/group.h"
#include "kernel/call/syscall.h"

enum status sys_iommu_create(struct system_call *call)
{
	return iommu_create(HPA(call->argument[1]), call->argument[2], call->argument[3] != 0,
			    &call->value);
}

enum status sys_iommu_space(struct system_call *call)
{
	struct group *group = SYSCALL_OBJECT(call, 1, group);
	struct space *space;
	enum status status = iommu_space_create(call->argument[2], &group->quota, &space);

	if (status != STATUS_OK)
		return status;
	group_adopt(group, &space->object);
	return syscall_give(call, &space->object, RIGHT_ALL);
}

enum status sys_iommu_attach(struct system_call *call)
{
	struct space *space = NULL;

	if (call->object[3] != NULL)
		space = SYSCALL_OBJECT(call, 3, space);
	return iommu_attach(call->argument[1], call->argument[2], space);
}

enum status sys_space_populate(struct system_call *call)
{
	u64 rights = call->argument[2];

	if (rights != RIGHT_READ && rights != RIGHT_WRITE)
		return STATUS_BAD_ARGUMENT;
	return iommu_populate(SYSCALL_OBJECT(call, 0, space), call->argument[1],
			      rights == RIGHT_WRITE ? PT_WRITE : PT_READ, &call->value);
}
