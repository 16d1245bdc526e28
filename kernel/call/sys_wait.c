/* SPDX-License-Identifier: MIT */
/*
 * System calls on queues and on the objects bound to them: events and interrupts.
 * kernel/call/syscall.c calls each function with its handles looked up: those that wait, signal or
 * unmask with the object lock shared, the others with that lock alone.
 */
#include "kernel/group/group.h"
#include "kernel/sched/irq.h"
#include "kernel/sched/queue.h"
#include "kernel/call/syscall.h"
#include "mm/cache.h"

/*
 * Creates a queue or an event. Its struct begins with its struct object; all fields behind are
 * zeros, but for a queue's list of signals and an event's group.
 */
static enum status sys_create(struct system_call *call, enum object_type type, size_t bytes)
{
	struct group *group = SYSCALL_OBJECT(call, 0, group);
	void *memory;
	enum status status = cache_alloc_object(&group->quota, type, bytes, &memory);

	if (status != STATUS_OK)
		return status;
	if (type == OBJECT_QUEUE)
		list_init(&((struct queue *)memory)->pending);
	else
		((struct event *)memory)->signal.group = group;
	group_adopt(group, memory);
	return syscall_give(call, memory, RIGHT_ALL);
}

enum status sys_queue_create(struct system_call *call)
{
	return sys_create(call, OBJECT_QUEUE, sizeof(struct queue));
}

enum status sys_queue_wait(struct system_call *call)
{
	return queue_wait(SYSCALL_OBJECT(call, 0, queue), call->caller, call->argument[1],
			  &call->value);
}

enum status sys_event_create(struct system_call *call)
{
	return sys_create(call, OBJECT_EVENT, sizeof(struct event));
}

enum status sys_event_signal(struct system_call *call)
{
	signal_raise(&SYSCALL_OBJECT(call, 0, event)->signal);
	return STATUS_OK;
}

enum status sys_irq_create(struct system_call *call)
{
	struct irq *irq;
	enum status status;

	if (call->argument[1] > UINT32_MAX || call->argument[2] > IRQ_FLAGS)
		return STATUS_BAD_ARGUMENT;
	status = irq_create((u32)call->argument[1], (u32)call->argument[2], &irq);
	return status == STATUS_OK ? syscall_give(call, &irq->object, RIGHT_ALL) : status;
}

enum status sys_irq_message(struct system_call *call)
{
	return irq_message(SYSCALL_OBJECT(call, 0, irq), call->argument[1], call->argument[2],
			   &call->value);
}

enum status sys_irq_unmask(struct system_call *call)
{
	irq_unmask(SYSCALL_OBJECT(call, 0, irq));
	return STATUS_OK;
}
