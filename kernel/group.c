/* SPDX-License-Identifier: MIT */
#include "kernel/group.h"
#include "kernel/handle.h"
#include "kernel/process.h"
#include "mm/cache.h"
#include "mm/memory.h"

/* The kernel pays for the page: whoever maps it may keep it longer than the group lives. */
static enum status page_create(struct group *group)
{
	enum status status = memory_create(NULL, PAGE_KERNEL, 1, 0, &group->page_memory);

	if (status != STATUS_OK)
		return status;
	status = memory_populate(group->page_memory, 0);
	if (status != STATUS_OK) {
		object_put(&group->page_memory->object);
		return status;
	}
	group->page = memory_pointer(group->page_memory, 0);
	group->page->weight = group->run.weight;
	quota_publish(&group->quota, group->page);
	return STATUS_OK;
}

enum status group_create(u64 quota_pages, u64 weight, struct group **result)
{
	struct group *group;
	enum status status;
	void *memory;

	status = cache_alloc_object(NULL, OBJECT_GROUP, sizeof(*group), &memory);
	if (status != STATUS_OK)
		return status;
	group = memory;
	list_init(&group->members);
	quota_init(&group->quota, quota_pages);
	group->affinity = ~0ull;
	run_group_init(&group->run, weight);
	status = page_create(group);
	if (status != STATUS_OK) {
		cache_free(group);
		return status;
	}
	*result = group;
	return STATUS_OK;
}

void group_adopt(struct group *group, struct object *object)
{
	list_push_back(&group->members, &object->node);
}

/*
 * Drops what one more of the group's ended processes refers to: among it may be the process
 * itself. The list of members changes by that, so that each call starts anew.
 */
static bool close_handles(struct group *group)
{
	LIST_FOR_EACH(node, &group->members) {
		struct object *object = LIST_ENTRY(node, struct object, node);
		struct process *process = CONTAINER_OF(object, struct process, object);

		if (object->type != OBJECT_PROCESS || process->handles == NULL || process->closed)
			continue;
		process->closed = true;
		object_get(object);
		handle_close_all(process->handles);
		object_put(object);
		return true;
	}
	return false;
}

void group_kill(struct group *group, u64 code)
{
	for (struct list *node = group->members.next; node != &group->members;) {
		struct object *object = LIST_ENTRY(node, struct object, node);

		object_get(object); /* ending a process may drop its last reference */
		if (object->type == OBJECT_PROCESS)
			process_end(CONTAINER_OF(object, struct process, object), code);
		node = node->next;
		object_put(object);
	}
}

void group_end(struct group *group)
{
	group_kill(group, 0);
	LIST_FOR_EACH(node, &group->members)
		LIST_ENTRY(node, struct object, node)->dead = true;
	while (close_handles(group))
		;
}

void group_release(struct object *object)
{
	struct group *group = CONTAINER_OF(object, struct group, object);

	quota_publish(&group->quota, NULL);
	object_put(&group->page_memory->object);
	cache_free(group);
}
