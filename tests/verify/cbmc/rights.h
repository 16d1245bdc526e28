/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the proofs of handles' rights share: two processes with any handle tables, a system call of
 * the first one with any registers, and what is shown of each call. What the calls do to objects is
 * not followed: stand-ins succeed or fail, and remember what was created or mapped. Ended objects
 * are freed elsewhere (kernel/group/teardown.c), which closes handles and makes none.
 *
 * Never entered: syscall_run_fast.
 */
#include "tests/verify/cbmc/cbmc.h"

/* Does what index_masked's assembly does. */
#define index_masked index_masked_by_assembly
#include "lib/index.h"
#undef index_masked
static inline u64 index_masked(u64 index, u64 size)
{
	return index < size ? index : 0;
}

#include "kernel/object/handle.c"

#include "kernel/call/syscall.c"
#include "kernel/call/sys_memory.c"
#include "kernel/call/sys_object.c"
#include "kernel/call/sys_process.c"

#define ENTRIES	  3u
#define PROCESSES 2u

/* The memory that a table lies in, as one block, as the kernel allocates it. */
_Static_assert(sizeof(struct handle_table) == sizeof(struct handle_entry), "an entry's place");
static struct handle_entry block[PROCESSES][1 + ENTRIES];

/* The objects that handles name: one of each type that a call looks into, and one of another. */
static struct process process[PROCESSES];
static struct group group;
static struct memory memory, page_memory, frozen_memory;
static struct space space;
static struct object other;
static struct thread caller;

/* What a call creates. */
static struct memory made_memory;
static struct group made_group;
static struct process made_process;
static struct group_page made_page;
static struct object *made; /* which of these it has created */
static bool released;	    /* and put again, for want of a handle */

static u32 mapped; /* how often the call has mapped memory, with what rights */
static u32 mapped_rights;
static const struct memory *mapped_memory;

static struct trap_frame asked; /* the registers before the call, and after it */
static struct trap_frame frame;
static struct handle_entry before[PROCESSES][ENTRIES];
static u32 references[PROCESSES + 6]; /* of each object, before the call */
struct list teardown_groups;
const struct virt_ops *virt;

static struct handle_table *table_of(u64 number)
{
	return (void *)block[number % PROCESSES];
}

static struct object *object_at(u64 number)
{
	struct object *objects[PROCESSES + 6] = {
		&process[0].object,  &process[1].object,    &group.object, &memory.object,
		&page_memory.object, &frozen_memory.object, &space.object, &other,
	};

	return number < PROCESSES + 6 ? objects[number] : NULL;
}

void long_lock(void)
{
}

void long_unlock(void)
{
}

void long_aside(void)
{
}

void long_back(void)
{
}

bool teardown_step(struct group *of)
{
	(void)of;
	return ANY_BOOL;
}

void group_adopt(struct group *of, struct object *object)
{
	(void)of;
	SHOW(object == made || object == &frozen_memory.object, "a group gets what is new");
}

static enum status any_status(void)
{
	return ANY_BOOL ? STATUS_OK : ANY_BOOL ? STATUS_NO_MEMORY : STATUS_AGAIN;
}

static enum status create(struct object *object, enum object_type type)
{
	enum status status = any_status();

	SHOW(made == NULL, "a call creates one object at most");
	if (status == STATUS_OK) {
		object_init(object, type);
		made = object;
	}
	return status;
}

enum status memory_create(struct quota *quota, enum page_owner owner, u64 page_count, u32 flags,
			  struct memory **result)
{
	(void)owner;
	(void)page_count;
	(void)flags;
	SHOW(quota == &group.quota, "the group whose handle the caller has pays");
	*result = &made_memory;
	return create(&made_memory.object, OBJECT_MEMORY);
}

enum status memory_hold(struct memory *of, u64 first, u64 count)
{
	(void)first;
	(void)count;
	SHOW(of == &made_memory, "the new memory is pinned");
	return any_status();
}

enum status layer_create(struct quota *quota, struct memory *frozen, struct memory **result)
{
	SHOW(frozen == &memory || frozen == &page_memory || frozen == &frozen_memory,
	     "a layer lies on memory that the caller has a handle to");
	return memory_create(quota, PAGE_GUEST, 1, 0, result);
}

enum status layer_freeze(struct memory *of, struct memory **frozen)
{
	enum status status = any_status();

	*frozen = of->below;
	if (status == STATUS_OK || ANY_BOOL)
		*frozen = of->below = &frozen_memory;
	return status;
}

enum status group_create(u64 quota_pages, u64 weight, struct group **result)
{
	(void)quota_pages;
	(void)weight;
	*result = &made_group;
	return create(&made_group.object, OBJECT_GROUP);
}

enum status process_create(struct group *of, struct memory *image, u64 first, u32 table_order,
			   struct process **result)
{
	(void)table_order;
	SHOW(of == &group && first < image->page_count, "the image has the page");
	*result = &made_process;
	return create(&made_process.object, OBJECT_PROCESS);
}

enum status space_map(struct space *of, u64 at, struct memory *from, u64 first, u64 pages,
		      u32 rights, u64 *address)
{
	(void)first;
	(void)pages;
	SHOW(of == &space, "the space is the one that was named");
	mapped++;
	mapped_rights = rights;
	mapped_memory = from;
	*address = at;
	return any_status();
}

/* The last reference to a new object is put only for want of a handle. */
static void release(struct object *object)
{
	SHOW(object == made && !released, "only what the call has created goes, once");
	released = true;
}

void (*const object_release[OBJECT_TYPE_COUNT])(struct object *object) = {
	[0 ... OBJECT_TYPE_COUNT - 1] = release,
};

/* Entries that were never used lie behind `end`, and none that is free before `first_free`. */
static bool table_valid(u64 number)
{
	const struct handle_table *table = table_of(number);

	if (table->size != ENTRIES || table->end > ENTRIES || table->first_free > table->end)
		return false;
	for (u32 i = 0; i < ENTRIES; i++)
		if (i >= table->end ? table->entry[i].object != NULL
				    : i < table->first_free && table->entry[i].object == NULL)
			return false;
	return true;
}

static void any_table(u64 number)
{
	struct handle_table *table = table_of(number);

	table->size = ENTRIES;
	table->end = (u16)ANY_U32;
	table->first_free = (u16)ANY_U32;
	table->closed = ANY_U64;
	for (u32 i = 0; i < ENTRIES; i++) {
		table->entry[i].object = object_at(ANY_U64);
		table->entry[i].rights = (u16)(ANY_U32 & RIGHT_ALL);
		table->entry[i].generation = (u16)ANY_U32;
		before[number][i] = table->entry[i];
	}
	ASSUME(table_valid(number));
}

static void any_object(u64 number, enum object_type type)
{
	struct object *object = object_at(number);

	object->type = (u8)type;
	object->dead = ANY_BOOL;
	/* each entry has one, and the kernel's own; there are never so many that they wrap */
	object->references = (u32)any_of(PROCESSES * ENTRIES + 1, BIT(31));
	references[number] = object->references;
}

static void any_state(void)
{
	const u8 types[PROCESSES + 6] = {OBJECT_PROCESS, OBJECT_PROCESS, OBJECT_GROUP,
					 OBJECT_MEMORY,	 OBJECT_MEMORY,	 OBJECT_MEMORY,
					 OBJECT_SPACE,	 OBJECT_NONE};

	for (u32 i = 0; i < PROCESSES + 6; i++)
		any_object(i, types[i]);
	other.type = (u8)any_of(OBJECT_ROOT, OBJECT_TYPE_COUNT - 1);
	ASSUME(other.type == OBJECT_ROOT || other.type == OBJECT_THREAD ||
	       other.type >= OBJECT_QUEUE);
	for (u32 i = 0; i < PROCESSES; i++) {
		any_table(i);
		process[i].handles = table_of(i);
		process[i].group = &group;
		process[i].space = &space;
	}
	group.page_memory = &page_memory;
	group.page = &made_page;
	memory.quota = page_memory.quota = frozen_memory.quota = &group.quota;
	memory.page_count = ANY_U64;
	memory.depth = (u8)any_of(0, LAYER_DEPTH_MAX);
	space.second_stage = ANY_BOOL;
	list_init(&teardown_groups);
	caller.process = &process[0];
	caller.state = ANY_BOOL ? THREAD_DEAD : THREAD_READY;
}

/* The caller's entry that a handle named before the call, read as kernel/abi/object.h says. */
static const struct handle_entry *named(u64 handle)
{
	for (u32 i = 0; i < ENTRIES; i++)
		if (before[0][i].object != NULL &&
		    handle == ((i + 1) | (u64)before[0][i].generation << 16))
			return &before[0][i];
	return NULL;
}

/* Whether the caller had this handle, to a living object of the type, with at least the rights. */
static bool holds(u64 handle, enum object_type type, u32 rights)
{
	const struct handle_entry *entry = named(handle);

	return entry != NULL && (type == OBJECT_NONE || entry->object->type == type) &&
	       !entry->object->dead && (entry->rights & rights) == rights;
}

static bool same(u64 number, u64 i)
{
	const struct handle_entry *entry = &table_of(number)->entry[i];

	return entry->object == before[number][i].object &&
	       entry->rights == before[number][i].rights &&
	       entry->generation == before[number][i].generation;
}
