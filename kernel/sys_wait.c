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

/* Of a type whose struct begins with its object and needs but zeros, a queue also a list. */
static enum status create(struct thread *caller, struct syscall_registers *r,
			  enum object_type type, size_t bytes)
{
	struct group *group;
	enum status status;
	void *memory;

	SYSCALL_OBJECT(caller, r->argument[0], group, OBJECT_GROUP, RIGHT_CREATE, &group);
	status = cache_alloc_object(&group->quota, type, bytes, &memory);
	if (status != STATUS_OK)
		return status;
	if (type == OBJECT_QUEUE)
		list_init(&((struct queue *)memory)->pending);
	group_adopt(group, memory);
	return syscall_give(caller, memory, RIGHT_ALL, &r->value);
}

enum status sys_queue_create(struct thread *caller, struct syscall_registers *r)
{
	return create(caller, r, OBJECT_QUEUE, sizeof(struct queue));
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
	return create(caller, r, OBJECT_EVENT, sizeof(struct event));
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
