/* SPDX-License-Identifier: MIT */
/*
 * System calls on memory objects and spaces: checks arguments and rights, then calls mm/.
 * kernel/call/syscall.c calls each function with its handles looked up, either with the object lock
 * held alone or, for calls that are long and touch no handles, under the long lock alone. New
 * objects are charged to a group and become its members.
 */
#include "kernel/group/group.h"
#include "kernel/object/handle.h"
#include "kernel/object/long_lock.h"
#include "kernel/group/process.h"
#include "arch/x86_64/virt/virt.h"
#include "kernel/call/syscall.h"
#include "kernel/sched/thread.h"
#include "lib/bits.h"
#include "mm/discard.h"
#include "mm/layer.h"
#include "mm/memory.h"
#include "mm/space.h"

/*
 * The most pages of a pinned memory object: all are populated in the call that creates it, which
 * must stay short, and none as a large block.
 */
#define PINNED_PAGES_MAX 32u
#define MEMORY_RIGHTS	 (RIGHT_ALL & ~(u32)RIGHT_EXECUTE)

static bool sys_memory_to_pages(u64 bytes, u64 *pages)
{
	*pages = (bytes >> PAGE_SHIFT) + ((bytes & PAGE_MASK) != 0);
	return bytes != 0 && *pages <= MEMORY_PAGES_MAX;
}

static enum status sys_memory_create_held(struct quota *quota, enum page_owner owner, u64 pages,
					  u32 flags, struct memory **memory)
{
	enum status status = memory_create(quota, owner, pages, flags, memory);

	if (status != STATUS_OK || !(flags & MEMORY_PINNED))
		return status;
	status = memory_hold(*memory, 0, pages);
	if (status != STATUS_OK)
		object_put(&(*memory)->object);
	return status;
}

enum status sys_memory_create(struct system_call *call)
{
	struct memory *memory;
	struct group *group = SYSCALL_OBJECT(call, 0, group);
	u64 flags = call->argument[2];
	enum page_owner owner = (flags & MEMORY_GUEST) != 0 ? PAGE_GUEST : PAGE_PROCESS;
	u32 image = (flags & MEMORY_IMAGE) != 0 ? RIGHT_EXECUTE : 0;
	enum status status;
	u64 pages;

	if (!sys_memory_to_pages(call->argument[1], &pages) ||
	    (flags & ~(u64)(MEMORY_PINNED | MEMORY_GUEST | MEMORY_SMALL | MEMORY_HUGE |
			    MEMORY_WHOLE | MEMORY_OVERCOMMIT | MEMORY_IMAGE)) != 0)
		return STATUS_BAD_ARGUMENT;
	if (image != 0 && !(handle_rights(call->handles, call->argument[0]) & RIGHT_CONTROL))
		return STATUS_NO_RIGHT;
	if ((flags & MEMORY_PINNED) != 0 && pages > PINNED_PAGES_MAX)
		return STATUS_TOO_BIG;
	long_aside();
	status = sys_memory_create_held(&group->quota, owner, pages, (u32)flags, &memory);
	long_back();
	if (status != STATUS_OK)
		return status;
	group_adopt(group, &memory->object);
	return syscall_give(call, &memory->object, MEMORY_RIGHTS | image);
}

enum status sys_memory_physical(struct system_call *call)
{
	struct quota *quota = &call->caller->process->group->quota;
	u64 flags = call->argument[3];
	struct memory *memory;
	enum status status;
	u64 pages;

	if (!sys_memory_to_pages(call->argument[2], &pages) || (flags & ~(u64)MEMORY_UNCACHED) != 0)
		return STATUS_BAD_ARGUMENT;
	status = memory_create_physical(quota, HPA(call->argument[1]), pages, (u32)flags, &memory);
	return status == STATUS_OK ? syscall_give(call, &memory->object, MEMORY_RIGHTS) : status;
}

enum status sys_memory_address(struct system_call *call)
{
	struct memory *memory = SYSCALL_OBJECT(call, 1, memory);
	u64 offset = call->argument[2];
	enum status status;
	enum pt_level level;
	hpa_t hpa;

	if (offset >> PAGE_SHIFT >= memory->page_count)
		return STATUS_BAD_ARGUMENT;
	status = memory_hold(memory, offset >> PAGE_SHIFT, 1);
	if (status != STATUS_OK)
		return status;
	if (!memory_slot(memory, offset >> PAGE_SHIFT, &hpa, &level))
		return STATUS_BAD_ARGUMENT;
	call->value = hpa.value + (offset & PAGE_MASK);
	return STATUS_OK;
}

/*
 * Freezes guest RAM. The frozen object belongs to the group of the live object. The new handle
 * allows neither writing to the frozen object, nor destroying it while others lie on it, nor
 * anything that the given handle did not allow.
 */
enum status sys_memory_freeze(struct system_call *call)
{
	struct memory *memory = SYSCALL_OBJECT(call, 0, memory);
	const struct memory *before = memory->below;
	struct memory *frozen;
	enum status status = layer_freeze(memory, &frozen);
	u32 rights = handle_rights(call->handles, call->argument[0]) & (RIGHT_READ | RIGHT_GRANT);

	if (memory->below != before)
		group_adopt(CONTAINER_OF(memory->quota, struct group, quota), &frozen->object);
	if (status == STATUS_OK)
		status = handle_insert(call->handles, &frozen->object, rights, &call->value);
	if (status == STATUS_OK)
		call->value |= (u64)memory->depth << 32;
	return status;
}

enum status sys_memory_layer(struct system_call *call)
{
	struct group *group = SYSCALL_OBJECT(call, 0, group);
	struct memory *memory;
	enum status status = layer_create(&group->quota, SYSCALL_OBJECT(call, 1, memory), &memory);

	if (status != STATUS_OK)
		return status;
	group_adopt(group, &memory->object);
	return syscall_give(call, &memory->object, MEMORY_RIGHTS);
}

enum status sys_memory_reset(struct system_call *call)
{
	return layer_reset(SYSCALL_OBJECT(call, 0, memory));
}

enum status sys_memory_merge(struct system_call *call)
{
	return layer_merge(SYSCALL_OBJECT(call, 0, memory));
}

enum status sys_memory_discard(struct system_call *call)
{
	struct memory *memory = SYSCALL_OBJECT(call, 0, memory);
	u64 first = call->argument[1];
	u64 count = call->argument[2];
	u64 flags = call->argument[3];
	enum status status = STATUS_BAD_ARGUMENT;
	u64 given = 0;

	if ((flags & ~(u64)DISCARD_ZEROS) == 0)
		status = flags != 0 ? memory_trim(memory, first, &count, &given)
				    : memory_discard(memory, first, &count);
	if (status == STATUS_OK)
		call->value = count | given << 32;
	return status;
}

enum status sys_space_create(struct system_call *call)
{
	struct group *group = SYSCALL_OBJECT(call, 0, group);
	struct space *space;
	enum status status;

	long_aside();
	status = space_create_guest(&group->quota, virt->second_stage, &space);
	long_back();
	if (status != STATUS_OK)
		return status;
	group_adopt(group, &space->object);
	return syscall_give(call, &space->object, RIGHT_ALL);
}

enum status sys_space_map(struct system_call *call)
{
	u32 rights = (u32)call->argument[5] & (RIGHT_READ | RIGHT_WRITE | RIGHT_EXECUTE);
	struct space *space = SYSCALL_OBJECT(call, 0, space);
	struct memory *memory = SYSCALL_OBJECT(call, 2, memory);
	/*
	 * A guest executes from its RAM, so a mapping into a second stage needs no RIGHT_EXECUTE on
	 * the handle.
	 */
	u32 needed = space->second_stage ? rights & ~(u32)RIGHT_EXECUTE : rights;
	u64 pages;

	if ((handle_rights(call->handles, call->argument[2]) & needed) != needed)
		return STATUS_NO_RIGHT;
	if (rights != call->argument[5] || !sys_memory_to_pages(call->argument[4], &pages))
		return STATUS_BAD_ARGUMENT;
	if (!is_aligned(call->argument[3], PAGE_SIZE))
		return STATUS_BAD_ADDRESS;
	return space_map(space, call->argument[1], memory, call->argument[3] >> PAGE_SHIFT, pages,
			 rights, &call->value);
}

enum status sys_space_unmap(struct system_call *call)
{
	return space_unmap(SYSCALL_OBJECT(call, 0, space), call->argument[1], call->argument[2]);
}

enum status sys_space_entry(struct system_call *call)
{
	struct space *space = SYSCALL_OBJECT(call, 0, space);

	if (!space->second_stage || call->argument[1] >= space->high ||
	    call->argument[2] >= PT_LEVEL_COUNT)
		return STATUS_BAD_ARGUMENT;
	lock_acquire(&space->lock, LOCK_SPACE);
	call->value =
		table_entry(&space->table, call->argument[1], (enum pt_level)call->argument[2]);
	lock_release(&space->lock, LOCK_SPACE);
	return STATUS_OK;
}
