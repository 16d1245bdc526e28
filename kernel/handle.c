/* SPDX-License-Identifier: MIT */
#include "kernel/handle.h"
#include "mm/object.h"

static const struct handle_entry *entry_of(const struct handle_table *table, u64 handle)
{
	u64 index = handle & 0xffff;
	const struct handle_entry *entry;

	if (handle > UINT32_MAX || index == 0 || index > HANDLE_MAX)
		return NULL;
	/*@ split index; */ /* make verify */
	entry = &table->entry[index - 1];
	if (entry->object == NULL || entry->generation != handle >> 16)
		return NULL;
	return entry;
}

enum status handle_insert(struct handle_table *table, struct object *object, u32 rights,
			  u64 *handle)
{
	*handle = HANDLE_NONE; /* it goes to ring 3 whatever the status */
	for (u32 index = 1; index <= HANDLE_MAX; index++) {
		struct handle_entry *entry = &table->entry[index - 1];

		if (entry->object != NULL)
			continue;
		object_get(object);
		entry->object = object;
		entry->rights = (u16)(rights & RIGHT_ALL);
		*handle = index | (u32)entry->generation << 16;
		return STATUS_OK;
	}
	return STATUS_NO_QUOTA;
}

enum status handle_lookup(const struct handle_table *table, u64 handle, enum object_type type,
			  u32 rights, struct object **object)
{
	const struct handle_entry *entry = entry_of(table, handle);

	if (entry == NULL || entry->object->dead)
		return STATUS_BAD_HANDLE;
	if (type != OBJECT_NONE && entry->object->type != type)
		return STATUS_BAD_HANDLE;
	if ((entry->rights & rights) != rights)
		return STATUS_NO_RIGHT;
	*object = entry->object;
	return STATUS_OK;
}

u32 handle_rights(const struct handle_table *table, u64 handle)
{
	const struct handle_entry *entry = entry_of(table, handle);

	return entry != NULL ? entry->rights : 0;
}

/* The reference goes last: giving an object back may take other locks. */
static void close_entry(struct handle_table *table, struct handle_entry *entry)
{
	struct object *object = entry->object;

	entry->object = NULL;
	entry->generation++;
	__atomic_store_n(&table->closed, table->closed + 1, __ATOMIC_RELEASE);
	object_put(object);
}

enum status handle_close(struct handle_table *table, u64 handle)
{
	struct handle_entry *entry = (struct handle_entry *)entry_of(table, handle);

	if (entry == NULL)
		return STATUS_BAD_HANDLE;
	close_entry(table, entry);
	return STATUS_OK;
}

static void close_those(struct handle_table *table, bool dead_only)
{
	for (u32 index = 1; index <= HANDLE_MAX; index++) {
		struct handle_entry *entry = &table->entry[index - 1];

		if (entry->object != NULL && (entry->object->dead || !dead_only))
			close_entry(table, entry);
	}
}

void handle_close_dead(struct handle_table *table)
{
	close_those(table, true);
}

void handle_close_all(struct handle_table *table)
{
	close_those(table, false);
}
