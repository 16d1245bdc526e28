/* SPDX-License-Identifier: MIT */
/*
 * Groups, one per VM: the unit that pays for pages and CPU time, and whose destruction ends
 * everything charged to it. System calls, process creation and teardown call it with the object
 * lock held alone. It owns a group's list of members and its page of counters (struct group_page);
 * the CPU share is kernel/run_queue/run_queue.c's, the page quota mm/quota.c's.
 */
#include "kernel/group/group.h"
#include "arch/x86_64/cpu/cpus.h"
#include "kernel/object/object_lock.h"
#include "kernel/group/process.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/thread.h"
#include "lib/bits.h"
#include "mm/address.h"
#include "mm/cache.h"
#include "mm/memory.h"
#include "mm/page.h"

#define ENDED_A_CALL 64u /* the most members that a call of group_end ends */

/*
 * Creates the page of counters (struct group_page) that ring 3 may read, and the group's shares on
 * each CPU. The kernel pays for the page, because a process that maps it may keep it longer than
 * the group lives.
 */
static enum status group_page_create(struct group *group, u64 weight)
{
	u64 share_pages = (cpus_count() * sizeof(struct run_share) + PAGE_MASK) / PAGE_SIZE;
	void *shares;
	enum status status = memory_create(NULL, PAGE_KERNEL, 1, 0, &group->page_memory);

	if (status != STATUS_OK)
		return status;
	status = memory_populate(group->page_memory, 0);
	if (status == STATUS_OK)
		status = page_alloc_cleared(bit_highest(2 * share_pages - 1), PAGE_KERNEL, NULL,
					    &shares);
	if (status != STATUS_OK) {
		object_put(&group->page_memory->object);
		return status;
	}
	group->page = memory_pointer(group->page_memory, 0);
	group->page->weight = weight;
	run_group_init(&group->run, weight, shares);
	return STATUS_OK;
}

enum status group_create(u64 quota_pages, u64 weight, struct group **result)
{
	struct group *group;
	enum status status;

	status = cache_alloc_object(NULL, OBJECT_GROUP, sizeof(*group), (void **)&group);
	if (status != STATUS_OK)
		return status;
	list_init(&group->members);
	list_init(&group->ended);
	list_init(&group->teardown.objects);
	list_init(&group->teardown.node);
	group->affinity = ~0ull;
	status = group_page_create(group, weight);
	if (status != STATUS_OK) {
		cache_free(group);
		return status;
	}
	quota_init(&group->quota, group->page, quota_pages);
	*result = group;
	return STATUS_OK;
}

void group_adopt(struct group *group, struct object *object)
{
	if (object->type == OBJECT_PROCESS)
		list_push_front(&group->members, &object->node);
	else
		list_push_back(&group->members, &object->node);
}

void group_kill(struct group *group, u64 code)
{
	for (struct list *node = group->members.next; node != &group->members;) {
		struct object *object = LIST_ENTRY(node, struct object, node);

		if (object->type != OBJECT_PROCESS)
			return;
		/* this reference keeps the process, as its end may put the last other one */
		object_get(object);
		process_end(CONTAINER_OF(object, struct process, object), code);
		node = node->next;
		object_put(object);
	}
}

/*
 * Ends a member. If the member is a process that was started since group_kill, ends its threads
 * too.
 */
static void group_end_member(struct group *group, struct object *object)
{
	object->dead = true;
	list_remove(&object->node);
	list_push_back(&group->ended, &object->node);
	if (object->type == OBJECT_PROCESS)
		process_destroy(CONTAINER_OF(object, struct process, object));
}

bool group_end(struct group *group)
{
	signal_unbind(&group->starved); /* the signal's queue may be a member of the group */
	if (list_empty(&group->ended))
		group_kill(group, 0);
	for (u32 i = 0; i < ENDED_A_CALL && !list_empty(&group->members); i++)
		group_end_member(group, LIST_ENTRY(group->members.next, struct object, node));
	return !list_empty(&group->members);
}

bool group_starve(struct thread *thread)
{
	struct group *group = thread->process->group;

	object_lock();
	if (group->starved.queue != NULL && thread->state != THREAD_DEAD) {
		thread->state = THREAD_WAITING;
		cpus_pend(thread->cpu, PENDING_RESCHEDULE);
		signal_raise(&group->starved);
	}
	object_unlock();
	return group->starved.queue != NULL;
}

/*
 * Wakes the threads that group_starve has stopped: those of the group that wait, but on no queue.
 */
void group_feed(struct group *group)
{
	LIST_FOR_EACH(node, &group->members) {
		struct process *process = CONTAINER_OF(node, struct process, object.node);

		if (process->object.type != OBJECT_PROCESS)
			return;
		LIST_FOR_EACH(sibling, &process->threads) {
			struct thread *thread = LIST_ENTRY(sibling, struct thread, sibling);

			if (thread->state != THREAD_WAITING || thread->waits_for != NULL)
				continue;
			thread->state = THREAD_READY;
			sched_ready(thread);
		}
	}
}

void group_release(struct object *object)
{
	struct group *group = CONTAINER_OF(object, struct group, object);

	signal_unbind(&group->starved);
	page_free(pointer_to_hpa(group->run.shares), NULL);
	object_put(&group->page_memory->object);
	cache_free(group);
}
