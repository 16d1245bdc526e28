/* SPDX-License-Identifier: MIT */
#include "kernel/teardown.h"
#include "kernel/caches.h"
#include "kernel/group.h"
#include "kernel/irq.h"
#include "kernel/process.h"
#include "kernel/queue.h"
#include "kernel/thread.h"
#include "kernel/vcpu.h"
#include "kernel/vm.h"
#include "mm/memory.h"
#include "mm/space.h"

void (*object_release[OBJECT_TYPE_COUNT])(struct object *object);

/* Objects without references whose pages still have to be returned, in order of their end. */
static struct list waiting;

static void release_later(struct object *object)
{
	object->dead = true;
	list_remove(&object->node);
	list_push_back(&waiting, &object->node);
}

static void release_queue(struct object *object)
{
	struct queue *queue = CONTAINER_OF(object, struct queue, object);

	list_remove(&object->node);
	cache_free(&cache_queue, queue);
}

static void release_event(struct object *object)
{
	struct event *event = CONTAINER_OF(object, struct event, object);

	signal_unbind(&event->signal);
	list_remove(&object->node);
	cache_free(&cache_event, event);
}

static void release_root(struct object *object)
{
	(void)object; /* part of the image, never freed */
}

void teardown_init(void)
{
	list_init(&waiting);
	object_release[OBJECT_ROOT] = release_root;
	object_release[OBJECT_GROUP] = group_release;
	object_release[OBJECT_MEMORY] = release_later;
	object_release[OBJECT_SPACE] = release_later;
	object_release[OBJECT_PROCESS] = release_later;
	object_release[OBJECT_THREAD] = thread_release;
	object_release[OBJECT_QUEUE] = release_queue;
	object_release[OBJECT_EVENT] = release_event;
	object_release[OBJECT_IRQ] = irq_release;
	object_release[OBJECT_VM] = vm_release;
	object_release[OBJECT_VCPU] = vcpu_release;
}

/* What becomes free on the way joins the list at its end. */
bool teardown_step(void)
{
	struct object *object;
	enum status status = STATUS_OK;

	if (list_empty(&waiting))
		return false;
	object = LIST_ENTRY(waiting.next, struct object, node);
	list_remove(&object->node);
	switch (object->type) {
	case OBJECT_MEMORY:
		status = memory_destroy(CONTAINER_OF(object, struct memory, object));
		break;
	case OBJECT_SPACE:
		status = space_destroy(CONTAINER_OF(object, struct space, object));
		break;
	case OBJECT_PROCESS:
		process_free(CONTAINER_OF(object, struct process, object));
		break;
	}
	if (status == STATUS_AGAIN)
		list_push_front(&waiting, &object->node);
	return true;
}
