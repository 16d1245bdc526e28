/* SPDX-License-Identifier: MIT */
/*
 * System calls on handles, on objects of any type, and on groups. kernel/call/syscall.c calls each
 * function with its handles looked up and the object lock held alone. They change handle tables,
 * bind signals, and end objects; resources of ended objects are freed later, in steps
 * (kernel/group/teardown.c).
 */
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/tsc.h"
#include "kernel/group/group.h"
#include "kernel/object/handle.h"
#include "kernel/sched/irq.h"
#include "kernel/group/process.h"
#include "kernel/sched/queue.h"
#include "kernel/sched/sched.h"
#include "kernel/call/syscall.h"
#include "kernel/group/teardown.h"
#include "kernel/sched/thread.h"
#include "kernel/guest/vcpu.h"
#include "mm/space.h"
#include "mm/tlb.h"

#define CAP_PERIOD_NS (20 * NS_PER_MS)
#define GROUP_CAP_MAX 25600u /* highest cap, in percent of one CPU */

enum status sys_handle_close(struct system_call *call)
{
	return handle_close(call->handles, call->argument[0]);
}

enum status sys_handle_grant(struct system_call *call)
{
	u32 rights = handle_rights(call->handles, call->argument[1]) & (u32)call->argument[2];

	return handle_insert(SYSCALL_OBJECT(call, 0, process)->handles, call->object[1], rights,
			     &call->value);
}

static enum status sys_destroy_group(struct thread *caller, struct group *group)
{
	bool more;

	if (caller->process->group == group)
		return STATUS_BAD_STATE;
	more = group_end(group);
	handle_close_those(caller->process->handles, true);
	if (teardown_step(group) || more)
		return STATUS_AGAIN;
	if (group->page->used_pages != 0)
		return STATUS_IN_USE;
	if (group->pages_mark == 0)
		group->pages_mark = tlb_pages_mark();
	if (!tlb_pages_freed(group->pages_mark))
		return STATUS_AGAIN;
	group->object.dead = true;
	handle_close_those(caller->process->handles, true);
	if (caller->served == group)
		sched_serve(caller, NULL);
	object_put(&group->object);
	/* frees the memory object of the group's page, the only object that waits to be freed */
	(void)teardown_step(NULL);
	return STATUS_OK;
}

enum status sys_object_destroy(struct system_call *call)
{
	struct object *object = call->object[0];

	switch (object->type) {
	case OBJECT_ROOT:
		return STATUS_BAD_ARGUMENT;
	case OBJECT_GROUP:
		return sys_destroy_group(call->caller, CONTAINER_OF(object, struct group, object));
	case OBJECT_PROCESS:
		process_destroy(CONTAINER_OF(object, struct process, object));
		break;
	case OBJECT_SPACE: /* a process's space ends only with the process */
		if (!CONTAINER_OF(object, struct space, object)->second_stage)
			return STATUS_BAD_ARGUMENT;
		break;
	case OBJECT_THREAD:
		thread_end(CONTAINER_OF(object, struct thread, object));
		break;
	case OBJECT_QUEUE:
		queue_end(CONTAINER_OF(object, struct queue, object));
		break;
	case OBJECT_VCPU: /* the current run of the vCPU returns */
		vcpu_kick(CONTAINER_OF(object, struct vcpu, object));
		break;
	}
	object->dead = true;
	handle_close_those(call->handles, true);
	return STATUS_OK;
}

struct signal *syscall_signal_of(struct object *object)
{
	switch (object->type) {
	case OBJECT_EVENT:
		return &CONTAINER_OF(object, struct event, object)->signal;
	case OBJECT_IRQ:
		return &CONTAINER_OF(object, struct irq, object)->signal;
	case OBJECT_PROCESS:
		return &CONTAINER_OF(object, struct process, object)->ended;
	case OBJECT_GROUP:
		return &CONTAINER_OF(object, struct group, object)->starved;
	case OBJECT_ROOT:
		return &signal_root;
	default:
		return NULL;
	}
}

enum status sys_object_bind(struct system_call *call)
{
	struct signal *signal = syscall_signal_of(call->object[0]);

	if (signal == NULL)
		return STATUS_BAD_ARGUMENT;
	signal_bind(signal, SYSCALL_OBJECT(call, 1, queue), call->argument[2]);
	return STATUS_OK;
}

enum status sys_group_create(struct system_call *call)
{
	struct group *group;
	enum status status = STATUS_BAD_ARGUMENT;

	if (call->argument[2] != 0 && call->argument[2] <= RUN_WEIGHT_MAX)
		status = group_create(call->argument[1], call->argument[2], &group);
	if (status == STATUS_OK)
		status = syscall_give(call, &group->object, RIGHT_ALL);
	/* puts the group's reference to itself, which it holds until it is destroyed */
	if (status == STATUS_OK)
		object_get(&group->object);
	return status;
}

enum status sys_group_set(struct system_call *call)
{
	struct group *group = SYSCALL_OBJECT(call, 0, group);
	u64 value = call->argument[2];

	switch (call->argument[1]) {
	case GROUP_WEIGHT:
		if (value == 0 || value > RUN_WEIGHT_MAX)
			return STATUS_BAD_ARGUMENT;
		__atomic_store_n(&group->run.weight, value, __ATOMIC_RELAXED);
		group->page->weight = value;
		return STATUS_OK;
	case GROUP_CAP_PERCENT:
		if (value > GROUP_CAP_MAX)
			return STATUS_BAD_ARGUMENT;
		run_group_set_cap(&group->run, value, tsc_from_ns(CAP_PERIOD_NS), rdtsc());
		sched_changed();
		return STATUS_OK;
	case GROUP_AFFINITY:
		if (!sched_affinity_valid(value))
			return STATUS_BAD_ARGUMENT;
		if (value != group->affinity && group->page->reserved_permille != 0)
			return STATUS_IN_USE;
		group->affinity = value;
		sched_changed();
		return STATUS_OK;
	case GROUP_QUOTA:
		/*
		 * A thread that is woken before the new quota holds finds no page once more and
		 * waits again, after this call has released the object lock.
		 */
		group_feed(group);
		return quota_set_limit(&group->quota, value);
	case GROUP_TIDY:
		return teardown_step(group) ? STATUS_IN_USE : STATUS_OK;
	case GROUP_TAG:
		group->tag = value;
		return STATUS_OK;
	case GROUP_RESERVABLE_PERMILLE:
		group->reservable_permille = value;
		return STATUS_OK;
	default:
		return STATUS_BAD_ARGUMENT;
	}
}

enum status sys_group_page(struct system_call *call)
{
	struct group *group = SYSCALL_OBJECT(call, 0, group);

	return handle_insert(call->handles, &group->page_memory->object, RIGHT_READ, &call->value);
}
