/* SPDX-License-Identifier: MIT */
/* System calls on memory objects and spaces. */
#include "kernel/group.h"
#include "kernel/handle.h"
#include "kernel/process.h"
#include "kernel/syscall.h"
#include "kernel/thread.h"
#include "kernel/vm.h"
#include "lib/bits.h"
#include "mm/memory.h"
#include "mm/space.h"

/* Pinning populates in one call, which must stay short; no large block is that small. */
#define PINNED_PAGES_MAX 32u

static bool to_pages(u64 bytes, u64 *pages)
{
	*pages = (bytes >> PAGE_SHIFT) + ((bytes & PAGE_MASK) != 0);
	return bytes != 0 && *pages <= MEMORY_PAGES_MAX;
}

enum status sys_memory_create(struct thread *caller, struct syscall_registers *r)
{
	struct memory *memory;
	struct group *group;
	enum page_owner owner;
	enum status status;
	u64 pages;

	SYSCALL_OBJECT(caller, r->argument[0], group, OBJECT_GROUP, RIGHT_CREATE, &group);
	if (!to_pages(r->argument[1], &pages) ||
	    (r->argument[2] & ~(u64)(MEMORY_PINNED | MEMORY_GUEST | MEMORY_SMALL)) != 0)
		return STATUS_BAD_ARGUMENT;
	if ((r->argument[2] & MEMORY_PINNED) != 0 && pages > PINNED_PAGES_MAX)
		return STATUS_TOO_BIG;
	owner = (r->argument[2] & MEMORY_GUEST) != 0 ? PAGE_GUEST : PAGE_PROCESS;
	status = memory_create(&group->quota, owner, pages,
			       (u32)r->argument[2] & (MEMORY_PINNED | MEMORY_SMALL), &memory);
	if (status != STATUS_OK)
		return status;
	group_adopt(group, &memory->object);
	for (u64 page = 0; memory->pinned && status == STATUS_OK && page < pages; page++)
		status = memory_populate(memory, page);
	if (status != STATUS_OK) {
		object_put(&memory->object);
		return status;
	}
	return syscall_give(caller, &memory->object, RIGHT_ALL & ~(u32)RIGHT_EXECUTE, &r->value);
}

enum status sys_memory_physical(struct thread *caller, struct syscall_registers *r)
{
	struct memory *memory;
	enum status status;
	u64 pages;

	SYSCALL_ROOT(caller, r->argument[0], RIGHT_CREATE);
	if (!to_pages(r->argument[2], &pages) || (r->argument[3] & ~(u64)MEMORY_UNCACHED) != 0)
		return STATUS_BAD_ARGUMENT;
	status = memory_create_physical(&caller->process->group->quota, HPA(r->argument[1]), pages,
					(u32)r->argument[3], &memory);
	if (status != STATUS_OK)
		return status;
	return syscall_give(caller, &memory->object, RIGHT_ALL & ~(u32)RIGHT_EXECUTE, &r->value);
}

enum status sys_space_create(struct thread *caller, struct syscall_registers *r)
{
	struct group *group;
	struct space *space;
	enum status status;

	SYSCALL_OBJECT(caller, r->argument[0], group, OBJECT_GROUP, RIGHT_CREATE, &group);
	status = space_create_guest(&group->quota, virt->second_stage, &space);
	if (status != STATUS_OK)
		return status;
	group_adopt(group, &space->object);
	return syscall_give(caller, &space->object, RIGHT_ALL, &r->value);
}

/* A guest executes from its RAM: in a second stage writing carries the right to execute. */
static u32 rights_needed(const struct space *space, u32 rights)
{
	return space->second_stage ? rights & ~(u32)RIGHT_EXECUTE : rights;
}

enum status sys_space_map(struct thread *caller, struct syscall_registers *r)
{
	u32 rights = (u32)r->argument[5] & (RIGHT_READ | RIGHT_WRITE | RIGHT_EXECUTE);
	struct memory *memory;
	struct space *space;
	u64 pages;

	SYSCALL_OBJECT(caller, r->argument[0], space, OBJECT_SPACE, RIGHT_MAP, &space);
	SYSCALL_OBJECT(caller, r->argument[2], memory, OBJECT_MEMORY, rights_needed(space, rights),
		       &memory);
	if (rights != r->argument[5] || !to_pages(r->argument[4], &pages))
		return STATUS_BAD_ARGUMENT;
	if (!is_aligned(r->argument[3], PAGE_SIZE))
		return STATUS_BAD_ADDRESS;
	return space_map(space, r->argument[1], memory, r->argument[3] >> PAGE_SHIFT, pages, rights,
			 &r->value);
}

enum status sys_space_unmap(struct thread *caller, struct syscall_registers *r)
{
	struct space *space;

	SYSCALL_OBJECT(caller, r->argument[0], space, OBJECT_SPACE, RIGHT_MAP, &space);
	return space_unmap(space, r->argument[1], r->argument[2]);
}

enum status sys_space_entry(struct thread *caller, struct syscall_registers *r)
{
	struct space *space;

	SYSCALL_OBJECT(caller, r->argument[0], space, OBJECT_SPACE, RIGHT_READ, &space);
	if (!space->second_stage || r->argument[1] >= space->high ||
	    r->argument[2] >= PT_LEVEL_COUNT)
		return STATUS_BAD_ARGUMENT;
	lock_acquire(&space->lock, LOCK_SPACE);
	r->value = table_entry(&space->table, r->argument[1], (enum pt_level)r->argument[2]);
	lock_release(&space->lock, LOCK_SPACE);
	return STATUS_OK;
}
