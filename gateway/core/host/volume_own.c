/* SPDX-License-Identifier: MIT */
/*
 * Finds out, from Skerry's list of a store, whether a volume holds data of the gateway's own VM.
 * The handlers of volumes and of their contents call it. Changes nothing.
 */
#include "gateway/core/host/volume_own.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/core/host/host.h"

struct volume_entry {
	json_int_t id, parent;
	bool own;
};

json_t *volume_row(json_t *rows, const char *name)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		const char *shown = json_string_value(json_object_get(row, "name"));

		if (shown && !strcmp(shown, name))
			return row;
	}
	return NULL;
}

/* Returns whether a VM is among a volume's users, such as "alpha, beta (ro)". */
static bool volume_is_used_by(const char *users, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = users; at && *at;) {
		if (!strncmp(at, name, length) && (!at[length] || strchr(" ,", at[length])))
			return true;
		at = strchr(at, ',');
		at = at ? at + strspn(at, ", ") : NULL;
	}
	return false;
}

static int volume_compare(const void *one, const void *other)
{
	const struct volume_entry *a = one, *b = other;

	return (a->id > b->id) - (a->id < b->id);
}

/*
 * Sorts the volumes by id, so that long chains of clones are followed quickly. Returns NULL without
 * memory.
 */
static struct volume_entry *volume_sort(json_t *rows, size_t count)
{
	struct volume_entry *list = calloc(count, sizeof(*list));
	json_t *row;
	size_t i;

	if (!list)
		return NULL;
	json_array_foreach(rows, i, row)
	{
		const char *users = json_string_value(json_object_get(row, "users"));

		list[i] = (struct volume_entry){
			.id = json_integer_value(json_object_get(row, "id")),
			.parent = json_integer_value(json_object_get(row, "parent")),
			.own = volume_is_used_by(users, host.own),
		};
	}
	qsort(list, count, sizeof(*list), volume_compare);
	return list;
}

bool volume_is_own(json_t *rows, const char *name)
{
	json_t *row = volume_row(rows, name);
	struct volume_entry wanted = {.id = json_integer_value(json_object_get(row, "id"))};
	size_t count = json_array_size(rows);
	const struct volume_entry *at;
	struct volume_entry *list;
	bool own = false;

	if (!row || !*host.own)
		return false;
	list = volume_sort(rows, count);
	if (!list)
		return true;
	do {
		at = bsearch(&wanted, list, count, sizeof(*list), volume_compare);
		own = at && at->own;
		/*
		 * a volume has a greater id than its parent: the check ends the search if the
		 * parents form a circle
		 */
		if (!at || at->parent >= at->id)
			break;
		wanted.id = at->parent;
	} while (!own);
	free(list);
	return own;
}
