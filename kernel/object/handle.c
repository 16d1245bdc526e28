/* SPDX-License-Identifier: MIT */
/*
 * A process's handles: its table of references to objects with rights, and the only way for ring 3
 * to name an object. The system calls look handles up here; with the object lock held alone they
 * insert and close them. It owns the table's entries; each holds a reference to its object.
 */
#include "kernel/object/handle.h"
#include "lib/index.h"
#include "mm/object.h"

void handle_table_init(struct handle_table *table, size_t bytes)
{
	table->size = (u16)((bytes - sizeof(*table)) / sizeof(table->entry[0]));
}

static const struct handle_entry *handle_entry_of(const struct handle_table *table, u64 handle)
{
	u64 index = handle & 0xffff;
	const struct handle_entry *entry;

	if (handle > UINT32_MAX || index == 0 || index > table->end)
		return NULL;
	/*@ split index; */ /* `make verify` splits its proof at the index here */
	entry = &table->entry[index_masked(index - 1, table->end)];
	return entry->object != NULL && entry->generation == handle >> 16 ? entry : NULL;
}

enum status handle_insert(struct handle_table *table, struct object *object, u32 rights,
			  u64 *handle)
{
	u16 at = table->first_free;

	*handle = HANDLE_NONE; /* on failure too, as the value goes to ring 3 with any status */
	while (at < table->end && table->entry[at].object != NULL)
		at++;
	table->first_free = at;
	if (at == table->size)
		return STATUS_NO_QUOTA;
	table->end = MAX(table->end, (u16)(at + 1));
	object_get(object);
	table->entry[at].object = object;
	table->entry[at].rights = (u16)(rights & RIGHT_ALL);
	*handle = (at + 1u) | (u32)table->entry[at].generation << 16;
	return STATUS_OK;
}

enum status handle_lookup(const struct handle_table *table, u64 handle, enum object_type type,
			  u32 rights, struct object **object)
{
	const struct handle_entry *entry = handle_entry_of(table, handle);

	if (entry == NULL || entry->object->dead ||
	    (type != OBJECT_NONE && entry->object->type != type))
		return STATUS_BAD_HANDLE;
	if ((entry->rights & rights) != rights)
		return STATUS_NO_RIGHT;
	*object = entry->object;
	return STATUS_OK;
}

u32 handle_rights(const struct handle_table *table, u64 handle)
{
	const struct handle_entry *entry = handle_entry_of(table, handle);

	return entry != NULL ? entry->rights : 0;
}

/*
 * Closes an entry of a handle table. Its reference to the object is put last, because releasing an
 * object may take other locks.
 */
static void handle_close_entry(struct handle_table *table, struct handle_entry *entry)
{
	struct object *object = entry->object;

	entry->object = NULL;
	entry->generation++;
	table->first_free = MIN(table->first_free, (u16)(entry - table->entry));
	__atomic_store_n(&table->closed, table->closed + 1, __ATOMIC_RELEASE);
	object_put(object);
}

enum status handle_close(struct handle_table *table, u64 handle)
{
	struct handle_entry *entry = (struct handle_entry *)handle_entry_of(table, handle);

	if (entry == NULL)
		return STATUS_BAD_HANDLE;
	handle_close_entry(table, entry);
	return STATUS_OK;
}

void handle_close_those(struct handle_table *table, bool dead_only)
{
	struct handle_entry *end = &table->entry[table->end];

	for (struct handle_entry *entry = table->entry; entry < end; entry++)
		if (entry->object != NULL && (entry->object->dead || !dead_only))
			handle_close_entry(table, entry);
}
