/* SPDX-License-Identifier: MIT */
/* System calls on handles, on objects of any type, and on groups. */
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/tsc.h"
#include "kernel/group.h"
#include "kernel/handle.h"
#include "kernel/irq.h"
#include "kernel/log_ring.h"
#include "kernel/process.h"
#include "kernel/queue.h"
#include "kernel/sched.h"
#include "kernel/syscall.h"
#include "kernel/teardown.h"
#include "kernel/thread.h"
#include "kernel/vcpu.h"
#include "mm/memory.h"
#include "mm/space.h"
#include "mm/tlb.h"

#define CAP_PERIOD_NS (20 * NS_PER_MS)
#define GROUP_CAP_MAX 25600u /* percent of one CPU */

enum status sys_handle_close(struct thread *caller, struct syscall_registers *r)
{
	return handle_close(caller->process->handles, r->argument[0]);
}

enum status sys_handle_grant(struct thread *caller, struct syscall_registers *r)
{
	struct handle_table *table = caller->process->handles;
	struct process *process;
	struct object *object;
	enum status status;

	SYSCALL_OBJECT(caller, r->argument[0], process, OBJECT_PROCESS, RIGHT_GRANT, &process);
	status = handle_lookup(table, r->argument[1], OBJECT_NONE, RIGHT_GRANT, &object);
	if (status != STATUS_OK)
		return status;
	return handle_insert(process->handles, object,
			     handle_rights(table, r->argument[1]) & (u32)r->argument[2], &r->value);
}

static enum status destroy_group(struct thread *caller, struct group *group)
{
	bool more;

	if (caller->process->group == group)
		return STATUS_BAD_STATE;
	more = group_end(group);
	handle_close_dead(caller->process->handles);
	if (teardown_step() || more)
		return STATUS_AGAIN;
	if (group->quota.used != 0)
		return STATUS_IN_USE;
	if (group->pages_mark == 0)
		group->pages_mark = tlb_pages_mark();
	if (!tlb_pages_freed(group->pages_mark))
		return STATUS_AGAIN;
	group->object.dead = true;
	handle_close_dead(caller->process->handles);
	object_put(&group->object);
	(void)teardown_step(); /* the page of its counters: nothing else waits */
	return STATUS_OK;
}

enum status sys_object_destroy(struct thread *caller, struct syscall_registers *r)
{
	struct object *object;
	enum status status = handle_lookup(caller->process->handles, r->argument[0], OBJECT_NONE,
					   RIGHT_DESTROY, &object);

	if (status != STATUS_OK)
		return status;
	switch (object->type) {
	case OBJECT_ROOT:
		return STATUS_BAD_ARGUMENT;
	case OBJECT_GROUP:
		return destroy_group(caller, CONTAINER_OF(object, struct group, object));
	case OBJECT_PROCESS:
		process_destroy(CONTAINER_OF(object, struct process, object));
		break;
	case OBJECT_SPACE: /* a process's own ends with the process */
		if (!CONTAINER_OF(object, struct space, object)->second_stage)
			return STATUS_BAD_ARGUMENT;
		break;
	case OBJECT_THREAD:
		thread_end(CONTAINER_OF(object, struct thread, object));
		break;
	case OBJECT_QUEUE:
		queue_end(CONTAINER_OF(object, struct queue, object));
		break;
	case OBJECT_VCPU: /* the present run returns */
		vcpu_kick(CONTAINER_OF(object, struct vcpu, object));
		break;
	}
	object->dead = true;
	handle_close_dead(caller->process->handles);
	return STATUS_OK;
}

static struct signal *signal_of(struct object *object)
{
	switch (object->type) {
	case OBJECT_EVENT:
		return &CONTAINER_OF(object, struct event, object)->signal;
	case OBJECT_IRQ:
		return &CONTAINER_OF(object, struct irq, object)->signal;
	case OBJECT_PROCESS:
		return &CONTAINER_OF(object, struct process, object)->ended;
	case OBJECT_ROOT:
		return &log_news;
	default:
		return NULL;
	}
}

enum status sys_object_bind(struct thread *caller, struct syscall_registers *r)
{
	struct object *object;
	struct queue *queue;
	enum status status = handle_lookup(caller->process->handles, r->argument[0], OBJECT_NONE,
					   RIGHT_BIND, &object);

	if (status != STATUS_OK)
		return status;
	SYSCALL_OBJECT(caller, r->argument[1], queue, OBJECT_QUEUE, RIGHT_BIND, &queue);
	if (signal_of(object) == NULL)
		return STATUS_BAD_ARGUMENT;
	signal_bind(signal_of(object), queue, r->argument[2]);
	return STATUS_OK;
}

enum status sys_group_create(struct thread *caller, struct syscall_registers *r)
{
	struct group *group;
	enum status status;

	SYSCALL_ROOT(caller, r->argument[0], RIGHT_CREATE);
	if (r->argument[2] == 0 || r->argument[2] > RUN_WEIGHT_MAX)
		return STATUS_BAD_ARGUMENT;
	status = group_create(r->argument[1], r->argument[2], &group);
	if (status != STATUS_OK)
		return status;
	object_get(&group->object);
	return syscall_give(caller, &group->object, RIGHT_ALL, &r->value);
}

enum status sys_group_set(struct thread *caller, struct syscall_registers *r)
{
	struct group *group;

	SYSCALL_OBJECT(caller, r->argument[0], group, OBJECT_GROUP, RIGHT_CONTROL, &group);
	switch (r->argument[1]) {
	case GROUP_WEIGHT:
		if (r->argument[2] == 0 || r->argument[2] > RUN_WEIGHT_MAX)
			return STATUS_BAD_ARGUMENT;
		__atomic_store_n(&group->run.weight, r->argument[2], __ATOMIC_RELAXED);
		group->page->weight = r->argument[2];
		return STATUS_OK;
	case GROUP_CAP_PERCENT:
		if (r->argument[2] > GROUP_CAP_MAX)
			return STATUS_BAD_ARGUMENT;
		run_group_set_cap(&group->run, r->argument[2], tsc_from_ns(CAP_PERIOD_NS), rdtsc());
		sched_changed();
		return STATUS_OK;
	case GROUP_AFFINITY:
		if (!sched_affinity_valid(r->argument[2]))
			return STATUS_BAD_ARGUMENT;
		if (r->argument[2] != group->affinity && group->reserved_permille != 0)
			return STATUS_IN_USE;
		group->affinity = r->argument[2];
		sched_changed();
		return STATUS_OK;
	case GROUP_TAG:
		group->tag = r->argument[2];
		return STATUS_OK;
	case GROUP_RESERVABLE_PERMILLE:
		group->reservable_permille = r->argument[2];
		return STATUS_OK;
	default:
		return STATUS_BAD_ARGUMENT;
	}
}

enum status sys_group_page(struct thread *caller, struct syscall_registers *r)
{
	struct group *group;

	SYSCALL_OBJECT(caller, r->argument[0], group, OBJECT_GROUP, RIGHT_READ, &group);
	return handle_insert(caller->process->handles, &group->page_memory->object, RIGHT_READ,
			     &r->value);
}
