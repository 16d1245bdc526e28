/* SPDX-License-Identifier: MIT */
/*
 * Frees the resources of dead objects, in bounded steps, group by group. object_put queues an
 * object here when its last reference goes; system calls of the group, its destroyer and idle CPUs
 * make the steps, under the long lock with the object lock. It owns the lists of objects that wait.
 */
#include "kernel/group/teardown.h"
#include "kernel/group/group.h"
#include "kernel/sched/irq.h"
#include "kernel/object/long_lock.h"
#include "kernel/group/process.h"
#include "kernel/sched/queue.h"
#include "kernel/sched/thread.h"
#include "kernel/guest/vcpu.h"
#include "kernel/guest/vm.h"
#include "mm/cache.h"
#include "mm/memory.h"
#include "mm/space.h"

/* The groups that have objects to free, linked by struct teardown.node. */
struct list teardown_groups = {&teardown_groups, &teardown_groups};
/* The waiting objects that are charged to no group. */
static struct teardown kernels = {
	{&kernels.objects, &kernels.objects},
	{&kernels.node, &kernels.node},
};

/*
 * Queues an object to be freed later. A memory object may be released between long_aside and
 * long_back, while the caller has given up the object lock: it is taken back here, as it guards the
 * lists.
 */
static void teardown_release_later(struct object *object)
{
	bool aside = long_is_aside();
	struct quota *quota = cache_quota(object);
	struct teardown *teardown =
		quota != NULL ? &CONTAINER_OF(quota, struct group, quota)->teardown : &kernels;

	if (aside)
		long_back();
	object->dead = true;
	list_remove(&object->node);
	list_push_back(&teardown->objects, &object->node);
	if (list_empty(&teardown->node))
		list_push_back(&teardown_groups, &teardown->node);
	if (aside)
		long_aside();
}

static void teardown_release_event(struct object *object)
{
	struct event *event = CONTAINER_OF(object, struct event, object);

	signal_unbind(&event->signal);
	list_remove(&object->node);
	cache_free(event);
}

/* The root object has no entry: it is never released. */
void (*const object_release[OBJECT_TYPE_COUNT])(struct object *object) = {
	[OBJECT_GROUP] = group_release,
	[OBJECT_MEMORY] = teardown_release_later,
	[OBJECT_SPACE] = teardown_release_later,
	[OBJECT_PROCESS] = teardown_release_later,
	[OBJECT_THREAD] = teardown_release_later,
	[OBJECT_QUEUE] = teardown_release_later,
	[OBJECT_EVENT] = teardown_release_event,
	[OBJECT_IRQ] = irq_release,
	[OBJECT_VM] = vm_release,
	[OBJECT_VCPU] = teardown_release_later,
};

/*
 * Makes a step of freeing a dead memory object or space under the long lock alone, without the
 * object lock: no other code has a reference to the object any more.
 */
static enum status teardown_step_aside(struct object *object)
{
	enum status status;

	long_aside();
	status = object->type == OBJECT_MEMORY
			 ? memory_destroy(CONTAINER_OF(object, struct memory, object))
			 : space_destroy(CONTAINER_OF(object, struct space, object));
	long_back();
	return status;
}

/* Frees a queue. A thread may still wait on the queue if its handle was closed during the wait. */
static enum status teardown_step_queue(struct queue *queue)
{
	queue_end(queue);
	cache_free(queue);
	return STATUS_OK;
}

static enum status teardown_step_destroying(struct object *object)
{
	switch (object->type) {
	case OBJECT_MEMORY:
	case OBJECT_SPACE:
		return teardown_step_aside(object);
	case OBJECT_QUEUE:
		return teardown_step_queue(CONTAINER_OF(object, struct queue, object));
	case OBJECT_PROCESS:
		return process_free(CONTAINER_OF(object, struct process, object));
	case OBJECT_THREAD:
		return thread_free(CONTAINER_OF(object, struct thread, object));
	case OBJECT_VCPU:
		return vcpu_free(CONTAINER_OF(object, struct vcpu, object));
	default:
		return STATUS_OK;
	}
}

/*
 * Makes one step of freeing the first object of a group's list; returns false if the list is empty.
 * Objects released by the step join the list at its end, and so does an object that needs more
 * steps.
 */
static bool teardown_step_of(struct teardown *teardown)
{
	struct object *object;

	if (list_empty(&teardown->objects))
		return false;
	object = LIST_ENTRY(teardown->objects.next, struct object, node);
	list_remove(&object->node);
	if (teardown_step_destroying(object) == STATUS_AGAIN)
		list_push_back(&teardown->objects, &object->node);
	list_remove(&teardown->node);
	if (!list_empty(&teardown->objects))
		list_push_back(&teardown_groups, &teardown->node);
	return true;
}

bool teardown_step(struct group *group)
{
	return teardown_step_of(group != NULL ? &group->teardown : &kernels);
}

bool teardown_step_any(void)
{
	return teardown_waiting() &&
	       teardown_step_of(LIST_ENTRY(teardown_groups.next, struct teardown, node));
}
