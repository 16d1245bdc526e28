/* SPDX-License-Identifier: MIT */
/* System calls on queues and what is bound to them. */
#include "arch/x86_64/cpu/instructions.h"
#include "kernel/group.h"
#include "kernel/handle.h"
#include "kernel/irq.h"
#include "kernel/process.h"
#include "kernel/queue.h"
#include "kernel/syscall.h"
#include "kernel/thread.h"
#include "mm/cache.h"

enum status sys_queue_create(struct thread *caller, struct syscall_registers *r)
{
	struct group *group;
	struct queue *queue;
	enum status status;
	void *memory;

	SYSCALL_OBJECT(caller, r->argument[0], group, OBJECT_GROUP, RIGHT_CREATE, &group);
	status = cache_alloc_object(&group->quota, OBJECT_QUEUE, sizeof(*queue), &memory);
	if (status != STATUS_OK)
		return status;
	queue = memory;
	queue_init(queue);
	group_adopt(group, &queue->object);
	return syscall_give(caller, &queue->object, RIGHT_ALL, &r->value);
}

enum status sys_queue_wait(struct thread *caller, struct syscall_registers *r)
{
	u64 deadline = r->argument[1];
	struct queue *queue;

	SYSCALL_OBJECT(caller, r->argument[0], queue, OBJECT_QUEUE, RIGHT_BIND, &queue);
	if (queue_take(queue, &r->value))
		return STATUS_OK;
	if (rdtsc() >= deadline)
		return STATUS_TIMED_OUT;
	if (queue->waiter != NULL)
		return STATUS_IN_USE;
	thread_wait(caller, queue, deadline);
	return STATUS_OK;
}

enum status sys_event_create(struct thread *caller, struct syscall_registers *r)
{
	struct group *group;
	struct event *event;
	enum status status;
	void *memory;

	SYSCALL_OBJECT(caller, r->argument[0], group, OBJECT_GROUP, RIGHT_CREATE, &group);
	status = cache_alloc_object(&group->quota, OBJECT_EVENT, sizeof(*event), &memory);
	if (status != STATUS_OK)
		return status;
	event = memory;
	group_adopt(group, &event->object);
	return syscall_give(caller, &event->object, RIGHT_ALL, &r->value);
}

enum status sys_event_signal(struct thread *caller, struct syscall_registers *r)
{
	struct event *event;

	SYSCALL_OBJECT(caller, r->argument[0], event, OBJECT_EVENT, RIGHT_WRITE, &event);
	signal_raise(&event->signal);
	return STATUS_OK;
}

enum status sys_irq_create(struct thread *caller, struct syscall_registers *r)
{
	struct irq *irq;
	enum status status;

	SYSCALL_ROOT(caller, r->argument[0], RIGHT_CREATE);
	if (r->argument[1] > UINT32_MAX)
		return STATUS_BAD_ARGUMENT;
	status = irq_create((u32)r->argument[1], (u32)r->argument[2], &irq);
	if (status != STATUS_OK)
		return status;
	return syscall_give(caller, &irq->object, RIGHT_ALL, &r->value);
}

enum status sys_irq_unmask(struct thread *caller, struct syscall_registers *r)
{
	struct irq *irq;

	SYSCALL_OBJECT(caller, r->argument[0], irq, OBJECT_IRQ, RIGHT_CONTROL, &irq);
	irq_unmask(irq);
	return STATUS_OK;
}
