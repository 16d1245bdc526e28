/* SPDX-License-Identifier: MIT */
/*
 * System calls on VMs and vCPUs, except SYS_VCPU_RUN, which kernel/cpu/trap.c takes to
 * kernel/guest/vcpu_run.c. kernel/call/syscall.c calls each function with its handles looked up:
 * sys_vcpu_kick with the object lock shared, the others with that lock alone.
 */
#include "kernel/group/group.h"
#include "kernel/object/long_lock.h"
#include "kernel/sched/queue.h"
#include "kernel/call/syscall.h"
#include "kernel/guest/vcpu.h"
#include "kernel/guest/vm.h"
#include "lib/bits.h"
#include "mm/memory.h"
#include "mm/space.h"

enum status sys_vm_create(struct system_call *call)
{
	struct group *group = SYSCALL_OBJECT(call, 0, group);
	struct space *space = SYSCALL_OBJECT(call, 1, space);
	enum status status;
	struct vm *vm;

	if (!space->second_stage || space->devices != NULL)
		return STATUS_BAD_ARGUMENT;
	status = vm_create(group, space, &vm);
	if (status != STATUS_OK)
		return status;
	group_adopt(group, &vm->object);
	return syscall_give(call, &vm->object, RIGHT_ALL);
}

enum status sys_vcpu_create(struct system_call *call)
{
	struct vm *vm = SYSCALL_OBJECT(call, 0, vm);
	struct memory *memory = SYSCALL_OBJECT(call, 1, memory);
	struct queue *queue = SYSCALL_OBJECT(call, 3, queue);
	u64 first = call->argument[2] >> PAGE_SHIFT;
	struct vcpu *vcpu;
	enum status status;

	if (!is_aligned(call->argument[2], PAGE_SIZE) ||
	    !memory_range_valid(memory, first, VCPU_PAGES) || memory->kind != MEMORY_RAM)
		return STATUS_BAD_ADDRESS;
	if (queue->vcpu != NULL && !queue->vcpu->object.dead)
		return STATUS_IN_USE;
	long_aside();
	status = memory_hold(memory, first, MIN(VCPU_PAGES_MAX, memory->page_count - first));
	long_back();
	if (status != STATUS_OK)
		return status;
	status = vcpu_create(vm, memory, first, queue, &vcpu);
	if (status != STATUS_OK)
		return status;
	group_adopt(vm->group, &vcpu->object);
	return syscall_give(call, &vcpu->object, RIGHT_ALL);
}

enum status sys_vcpu_kick(struct system_call *call)
{
	vcpu_kick(SYSCALL_OBJECT(call, 0, vcpu));
	return STATUS_OK;
}

enum status sys_vcpu_get(struct system_call *call)
{
	return vcpu_show(call->caller, SYSCALL_OBJECT(call, 0, vcpu), (u32)call->argument[1]);
}
