/* SPDX-License-Identifier: MIT */
/* System calls on VMs and vCPUs. */
#include "kernel/group.h"
#include "kernel/handle.h"
#include "kernel/process.h"
#include "kernel/queue.h"
#include "kernel/syscall.h"
#include "kernel/thread.h"
#include "kernel/vcpu.h"
#include "kernel/vm.h"
#include "lib/bits.h"
#include "mm/memory.h"
#include "mm/space.h"

enum status sys_vm_create(struct thread *caller, struct syscall_registers *r)
{
	struct group *group;
	struct space *space;
	enum status status;
	struct vm *vm;

	SYSCALL_OBJECT(caller, r->argument[0], group, OBJECT_GROUP, RIGHT_CREATE, &group);
	SYSCALL_OBJECT(caller, r->argument[1], space, OBJECT_SPACE, RIGHT_READ, &space);
	if (!space->second_stage)
		return STATUS_BAD_ARGUMENT;
	status = vm_create(group, space, &vm);
	if (status != STATUS_OK)
		return status;
	return syscall_give(caller, &vm->object, RIGHT_ALL, &r->value);
}

enum status sys_vcpu_create(struct thread *caller, struct syscall_registers *r)
{
	u64 first = r->argument[2] >> PAGE_SHIFT;
	struct memory *memory;
	struct queue *queue;
	struct vcpu *vcpu;
	enum status status;
	struct vm *vm;

	SYSCALL_OBJECT(caller, r->argument[0], vm, OBJECT_VM, RIGHT_CONTROL, &vm);
	SYSCALL_OBJECT(caller, r->argument[1], memory, OBJECT_MEMORY, RIGHT_READ | RIGHT_WRITE,
		       &memory);
	SYSCALL_OBJECT(caller, r->argument[3], queue, OBJECT_QUEUE, RIGHT_BIND, &queue);
	if (!is_aligned(r->argument[2], PAGE_SIZE) ||
	    !memory_range_valid(memory, first, VCPU_PAGES) || memory->kind != MEMORY_RAM)
		return STATUS_BAD_ADDRESS;
	if (queue->vcpu != NULL && !queue->vcpu->object.dead)
		return STATUS_IN_USE;
	for (u64 i = 0; i < VCPU_PAGES_MAX && memory_range_valid(memory, first, i + 1); i++) {
		status = memory_populate(memory, first + i);
		if (status != STATUS_OK)
			return status;
	}
	status = vcpu_create(vm, memory, first, queue, &vcpu);
	if (status != STATUS_OK)
		return status;
	return syscall_give(caller, &vcpu->object, RIGHT_ALL, &r->value);
}

enum status sys_vcpu_kick(struct thread *caller, struct syscall_registers *r)
{
	struct vcpu *vcpu;

	SYSCALL_OBJECT(caller, r->argument[0], vcpu, OBJECT_VCPU, RIGHT_WRITE, &vcpu);
	vcpu_kick(vcpu);
	return STATUS_OK;
}

enum status sys_vcpu_get(struct thread *caller, struct syscall_registers *r)
{
	struct vcpu *vcpu;

	SYSCALL_OBJECT(caller, r->argument[0], vcpu, OBJECT_VCPU, RIGHT_READ, &vcpu);
	return vcpu_show(caller, vcpu, (u32)r->argument[1]);
}
