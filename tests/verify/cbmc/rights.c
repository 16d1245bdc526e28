/* SPDX-License-Identifier: MIT */
/*
 * The system calls that close a handle, make one of another one, that map what
 * a handle names, or that create memory, groups or processes: from their number
 * and any registers on, through kernel/call/syscall.c and
 * kernel/object/handle.c, for two processes with any tables of 3 entries, of
 * objects of each type, living or dead; what the calls do to the objects is
 * left out. Proved: one entry changes at most, which was free, and which names
 * the object that the call says it does, with no right that the caller's own
 * handle lacks: a copy needs RIGHT_GRANT of both handles and gets the rights of
 * both the original and the call; a frozen memory can be read and given on only
 * if the memory could; a process's space can be given on only if the process
 * could; a mapping has no access that the handle lacks, but that a guest
 * executes from its RAM. What creates gives a handle to what is new, and none
 * to execute without a group's RIGHT_CONTROL. What fails changes no table, each
 * handle counts as one reference, and a handle that was closed names nothing.
 */
#include "tests/verify/cbmc/rights.h"

static u32 gives_in; /* the table and the entry that are new, if one is */
static u32 gives_at;
static struct handle_entry given;
static u64 closed; /* how many handles the caller had closed before */

/* Makes the call with any registers, of any tables. */
static void make_call(u64 number, syscall_function *function)
{
	any_state();
	asked.rdi = ANY_U64;
	asked.rsi = ANY_U64;
	asked.r8 = ANY_U64;
	asked.r9 = ANY_U64;
	asked.r10 = ANY_U64;
	asked.rbx = ANY_U64;
	asked.rax = number;
	frame = asked;
	closed = table_of(0)->closed;
	SHOW(syscalls[number].function == function, "the number is this call's");
	syscall_dispatch(&caller, &frame);
	SHOW(table_valid(0) && table_valid(1), "both tables are in order again");
	SHOW(caller.state != THREAD_DEAD || frame.rax != STATUS_OK, "a dead thread gets nothing");
}

/* Finds the entry that is new; returns how many entries of both tables have
 * changed. */
static u32 find_given(void)
{
	u32 changed = 0;

	for (u32 in = 0; in < PROCESSES; in++)
		for (u32 at = 0; at < ENTRIES; at++)
			if (!same(in, at)) {
				changed++;
				gives_in = in;
				gives_at = at;
				given = table_of(in)->entry[at];
			}
	return changed;
}

/* Makes the call; shows what is true of all calls that give one handle. */
static enum status any_call(u64 number, syscall_function *function)
{
	enum status status;
	u32 changed;

	make_call(number, function);
	status = (enum status)frame.rax;
	changed = find_given();
	if (status != STATUS_OK) {
		SHOW(changed == 0 && frame.rdi == HANDLE_NONE,
		     "what fails changes no table, and its result names nothing");
		return status;
	}
	SHOW(changed == 1, "one entry changes");
	SHOW(before[gives_in][gives_at].object == NULL && given.object != NULL,
	     "the new one was free");
	SHOW((u32)frame.rdi == ((gives_at + 1) | (u32)given.generation << 16),
	     "the result is its handle");
	SHOW(given.generation == before[gives_in][gives_at].generation &&
		     (given.rights & ~(u32)RIGHT_ALL) == 0,
	     "it has a number and rights like others");
	return status;
}

/* Each object has got a reference for the new handle; no other count has
 * changed. */
static void show_references(enum status status)
{
	u64 number = any_of(0, PROCESSES + 5);

	SHOW(object_at(number)->references ==
		     references[number] +
			     (status == STATUS_OK && given.object == object_at(number)),
	     "each handle counts as one reference");
}

void prove_grant(void)
{
	enum status status = any_call(SYS_HANDLE_GRANT, sys_handle_grant);
	const struct handle_entry *from = named(asked.rsi);

	show_references(status);
	if (status != STATUS_OK) {
		REACHED("a copy is refused");
		return;
	}
	SHOW(holds(asked.rdi, OBJECT_PROCESS, RIGHT_GRANT), "the process may receive a copy");
	SHOW(named(asked.rdi)->object == &process[gives_in].object, "the copy is that process's");
	SHOW(holds(asked.rsi, OBJECT_NONE, RIGHT_GRANT), "the original may be given on");
	SHOW(given.object == from->object, "the copy names the same object");
	SHOW((given.rights & ~from->rights) == 0, "no copy has a right that its original lacks");
	SHOW(given.rights == (from->rights & asked.r8), "it has those that were asked for");
	REACHED("a copy is given");
	if (gives_in != 0)
		REACHED("another process gets a copy");
}

void prove_group_page(void)
{
	enum status status = any_call(SYS_GROUP_PAGE, sys_group_page);

	show_references(status);
	if (status != STATUS_OK)
		return;
	SHOW(holds(asked.rdi, OBJECT_GROUP, RIGHT_READ), "the caller may read the group");
	SHOW(gives_in == 0 && given.object == &page_memory.object && given.rights == RIGHT_READ,
	     "the caller may read the group's page, and nothing else");
	REACHED("the page is given");
}

void prove_process_space(void)
{
	enum status status = any_call(SYS_PROCESS_SPACE, sys_process_space);
	const struct handle_entry *from = named(asked.rdi);

	show_references(status);
	if (status != STATUS_OK)
		return;
	SHOW(holds(asked.rdi, OBJECT_PROCESS, RIGHT_CONTROL), "the caller controls the process");
	SHOW(gives_in == 0 && given.object == &space.object, "the caller gets its space");
	SHOW((given.rights & ~(u32)RIGHT_GRANT) == (RIGHT_READ | RIGHT_MAP),
	     "to read and to map into");
	SHOW((given.rights & ~from->rights & RIGHT_GRANT) == 0,
	     "to be given on only if the process could");
	REACHED("the space is given");
}

void prove_freeze(void)
{
	enum status status = any_call(SYS_MEMORY_FREEZE, sys_memory_freeze);
	const struct handle_entry *from = named(asked.rdi);

	show_references(status);
	if (status != STATUS_OK)
		return;
	SHOW(holds(asked.rdi, OBJECT_MEMORY, RIGHT_CONTROL), "the caller controls the memory");
	SHOW(gives_in == 0 && given.object == &frozen_memory.object,
	     "the caller gets the frozen memory");
	SHOW((given.rights & ~(u32)(RIGHT_READ | RIGHT_GRANT)) == 0,
	     "to read and to give on, at most");
	SHOW((given.rights & ~from->rights) == 0, "with no right that its own handle lacks");
	REACHED("the frozen memory is given");
}

/* Rights that a creating call may not give, whatever it is asked for. */
static void show_created(enum status status, enum object_type type, u32 never)
{
	show_references(status);
	if (status != STATUS_OK) {
		SHOW(made == NULL || released, "what gets no handle goes again");
		return;
	}
	SHOW(gives_in == 0 && given.object == made && made->type == type && !released,
	     "the handle names what the call has created");
	SHOW((given.rights & never) == 0, "it has no right that such calls never give");
	SHOW(made->references == (type == OBJECT_GROUP ? 2u : 1u), "nobody else refers to it");
	REACHED("something is created");
}

void prove_memory_create(void)
{
	enum status status = any_call(SYS_MEMORY_CREATE, sys_memory_create);
	bool image = holds(asked.rdi, OBJECT_GROUP, RIGHT_CONTROL) && (asked.r8 & MEMORY_IMAGE);

	show_created(status, OBJECT_MEMORY, image ? 0 : RIGHT_EXECUTE);
	SHOW(status != STATUS_OK || holds(asked.rdi, OBJECT_GROUP, RIGHT_CREATE),
	     "the caller may create what the group pays for");
}

void prove_memory_layer(void)
{
	enum status status = any_call(SYS_MEMORY_LAYER, sys_memory_layer);

	show_created(status, OBJECT_MEMORY, RIGHT_EXECUTE);
	SHOW(status != STATUS_OK || (holds(asked.rdi, OBJECT_GROUP, RIGHT_CREATE) &&
				     holds(asked.rsi, OBJECT_MEMORY, RIGHT_READ)),
	     "the caller may create, and read what it copies");
}

void prove_group_create(void)
{
	enum status status = any_call(SYS_GROUP_CREATE, sys_group_create);

	show_created(status, OBJECT_GROUP, 0);
	SHOW(status != STATUS_OK || holds(asked.rdi, OBJECT_ROOT, RIGHT_CREATE),
	     "only who may create for the host makes groups");
}

void prove_process_create(void)
{
	enum status status = any_call(SYS_PROCESS_CREATE, sys_process_create);

	show_created(status, OBJECT_PROCESS, 0);
	SHOW(status != STATUS_OK || (holds(asked.rdi, OBJECT_GROUP, RIGHT_CREATE) &&
				     holds(asked.rsi, OBJECT_MEMORY, RIGHT_READ | RIGHT_EXECUTE)),
	     "the caller may create, and run the image");
}

void prove_map(void)
{
	const struct handle_entry *from;
	u32 guest;

	make_call(SYS_SPACE_MAP, sys_space_map);
	SHOW(find_given() == 0, "a mapping changes no handle");
	from = named(asked.r8);
	guest = space.second_stage ? RIGHT_EXECUTE : 0;
	if (mapped == 0) {
		SHOW(frame.rax != STATUS_OK, "OK says that something is mapped");
		return;
	}
	SHOW(mapped == 1, "once");
	SHOW(holds(asked.rdi, OBJECT_SPACE, RIGHT_MAP), "the caller may map into the space");
	SHOW(holds(asked.r8, OBJECT_MEMORY, RIGHT_READ), "the caller may read the memory");
	SHOW(&mapped_memory->object == from->object, "that memory is mapped");
	SHOW((mapped_rights & ~from->rights & ~guest) == 0,
	     "a mapping has no access that the handle lacks");
	REACHED("something is mapped");
}

void prove_close(void)
{
	u32 one = (u32)any_of(0, PROCESSES - 1), at = (u32)any_of(0, ENTRIES - 1);
	const struct handle_entry *entry = &table_of(one)->entry[at];
	u64 number = any_of(0, PROCESSES + 5);
	bool goes;

	make_call(SYS_HANDLE_CLOSE, sys_handle_close);
	goes = frame.rax == STATUS_OK && one == 0 && named(asked.rdi) == &before[0][at];
	SHOW(frame.rax != STATUS_OK || named(asked.rdi) != NULL, "OK says that there was one");
	if (!goes) {
		SHOW(same(one, at), "no other handle changes");
		return;
	}
	SHOW(entry->object == NULL, "the handle names nothing any more");
	SHOW(entry->generation == (u16)(before[0][at].generation + 1),
	     "its number does not come back soon");
	SHOW(table_of(0)->closed != closed, "who looked it up before can see that it was closed");
	if (before[0][at].object == object_at(number))
		SHOW(object_at(number)->references == references[number] - 1,
		     "its reference is put");
	REACHED("a handle is closed");
}
