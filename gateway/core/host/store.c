/* SPDX-License-Identifier: MIT */
/*
 * Keeps how full the stores of volumes are. The cache calls it with Skerry's rows, histories read
 * it; it writes the stores in `host`.
 */
#include "gateway/core/host/host.h"

#include <string.h>

#include "gateway/base/string.h"
#include "gateway/core/common/name.h"

/* Reads a row. Returns false if its store is none yet, is not there now, or is of another host. */
static bool store_read(json_t *row, struct host_store *store)
{
	const char *name = json_string_value(json_object_get(row, "name"));
	const char *state = json_string_value(json_object_get(row, "state"));
	json_int_t bytes = json_integer_value(json_object_get(row, "bytes"));
	json_int_t free_bytes = json_integer_value(json_object_get(row, "free_bytes"));

	if (!name || !name_valid(name) || !state || strcmp(state, "ready") != 0 || bytes <= 0 ||
	    free_bytes < 0 || free_bytes > bytes)
		return false;
	string_copy(store->name, sizeof(store->name), name);
	store->free_bytes = (double)free_bytes;
	store->used_bytes = (double)(bytes - free_bytes);
	return true;
}

void host_store_take(json_t *rows)
{
	json_t *row;
	size_t index;

	host.store_count = 0;
	json_array_foreach(rows, index, row)
	{
		if (host.store_count < HOST_STORES &&
		    store_read(row, &host.stores[host.store_count]))
			host.store_count++;
	}
}
